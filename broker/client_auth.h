/* SPDX-License-Identifier: Apache-2.0 */
/* client_auth: may this CONNECT in, by its user name and password? One function a mode of the product. Pure
 * but for the clock, by which tokens end: judges by the snapshot alone. Secrets are compared in constant
 * time, and who is not known costs as much as who has the wrong password. */
#ifndef SIGNET_BROKER_CLIENT_AUTH_H
#define SIGNET_BROKER_CLIENT_AUTH_H

#include "broker/access.h"
#include "broker/mqtt_read.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"

#include <stdbool.h>

struct client_verdict {
        enum refusal refusal;  /* REFUSAL_NONE: accepted */
        char *access_key_id;   /* accepted: whose key it was; the caller frees it; NULL: of Custom */
        struct access *access; /* accepted: what it may do; the caller's; NULL: everything */
};

/* Whether a client must, or may, give a user name and password is not asked here: one that gives none is
 * REFUSAL_NO_LOGIN. `s` may be NULL (nothing loaded yet): REFUSAL_NO_CONFIGURATION. */
struct client_verdict client_auth(const struct snapshot *s, const char *instance,
                                  const struct mqtt_connect *p);

/* Whether this client ID is on the black list, which holds in every mode. */
bool client_auth_is_black(const struct snapshot *s, struct bytes client_id);

#endif
