/* SPDX-License-Identifier: Apache-2.0 */
/* actor: who makes a change, for its row in the history and in the audit trail. Borrowed texts; lives as long
 * as the call. */
#ifndef SIGNET_API_ACTOR_H
#define SIGNET_API_ACTOR_H

#include "api/settings.h"

#include <stdint.h>

struct actor {
        int64_t account_id;
        const char *access_key_id, *source_ip;
        const char *request_id;              /* upper-case UUID */
        const char *action;                  /* the operation's name */
        const struct api_settings *settings; /* how much history is kept */
};

#endif
