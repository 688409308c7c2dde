/* SPDX-License-Identifier: Apache-2.0 */
/* ocsp_keeper: the thread that keeps the table ocsp_response filled, so that brokers can staple. It has a
 * database connection of its own; nobody waits for it, and without a database or a responder nothing but its
 * rows is the worse. */
#ifndef SIGNET_API_OCSP_KEEPER_H
#define SIGNET_API_OCSP_KEEPER_H

#include "api/settings.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
        OCSP_REFRESH_MIN_S = 60, /* at half of the time that a response has left, within these */
        OCSP_REFRESH_MAX_S = 3600,
        OCSP_BACKOFF_MIN_S = 60, /* doubled with each failure in a row */
        OCSP_BACKOFF_MAX_S = 3600
};

struct ocsp_keeper;

/* Call before other threads start. Borrows the settings until ocsp_keeper_close(). */
MUST_CHECK enum err ocsp_keeper_open(const struct api_settings *s, struct ocsp_keeper **ret);
/* Gives up what is under way, ends the thread. NULL is fine; returns NULL. */
struct ocsp_keeper *ocsp_keeper_close(struct ocsp_keeper *k);
CLEANUP_DEFINE(ocsp_keeperp, struct ocsp_keeper *, ocsp_keeper_close)

#endif
