/* SPDX-License-Identifier: Apache-2.0 */
/* limits: what the settings come to for each worker. */
#ifndef SIGNET_BROKER_LIMITS_H
#define SIGNET_BROKER_LIMITS_H

#include "broker/context.h"
#include "broker/settings.h"
#include "common/err.h"

/* ERR_SYNTAX with `why` when one of them has a word that it does not know. */
MUST_CHECK enum err broker_limits_make(const struct broker_settings *s, struct broker_limits *ret,
                                       char why[256]);

#endif
