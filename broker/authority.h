/* SPDX-License-Identifier: Apache-2.0 */
/* authority: may this client go on? Asked when its CONNECT comes, at every new snapshot, and when the
 * certificate of its device ends: whatever the handshake said then, what holds is what the snapshot says now.
 * Pure but for the clock. */
#ifndef SIGNET_BROKER_AUTHORITY_H
#define SIGNET_BROKER_AUTHORITY_H

#include "broker/access.h"
#include "broker/device_auth.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Who may connect without TLS while the mode is mutual. */
enum plain_in_mutual { PLAIN_LOOPBACK, PLAIN_ALL, PLAIN_NONE };

/* What a client rests on; borrowed. */
struct claim {
        bool tls;
        const struct sockaddr_storage *address;
        const struct device_identity *device; /* NULL: it came in without a device certificate */
        bool signed_in;              /* CONNECT has been accepted; before, its login is not looked at */
        const char *access_key_id;   /* whose password let it in; NULL: none did */
        const struct access *access; /* what else its login let it in by (access.h); NULL: nothing */
        bool anonymous;              /* its listener is open to clients without a user name */
};

/* REFUSAL_NONE: it may. */
MUST_CHECK enum refusal authority_judge(const struct snapshot *s, enum plain_in_mutual plain,
                                        const struct claim *claim);

#endif
