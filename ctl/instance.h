/* SPDX-License-Identifier: Apache-2.0 */
/* instance: what the API says of an instance besides its domains. */
#ifndef SIGNET_CTL_INSTANCE_H
#define SIGNET_CTL_INSTANCE_H

#include "common/err.h"
#include "ctl/client.h"

#include <jansson.h>

/* DescribeInstance's answer. */
MUST_CHECK enum err instance_describe(struct client *c, const char *instance, json_t **ret);
/* Its CA certificates: {<Sn>: {CaName, Status, CaContent}}. Empty for an edition that has none. */
MUST_CHECK enum err instance_cas(struct client *c, const char *instance, const char *edition, json_t **ret);

#endif
