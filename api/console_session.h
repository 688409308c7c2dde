/* SPDX-License-Identifier: Apache-2.0 */
/* console_session: who a browser is that shows the console's cookie. An access key signs in once with its
 * secret and gets a session; a call of the page shows the cookie and, because a browser sends that along by
 * itself, the CSRF token too. What the session may do is what its access key may do at that moment. Blocks on
 * the database. */
#ifndef SIGNET_API_CONSOLE_SESSION_H
#define SIGNET_API_CONSOLE_SESSION_H

#include "api/fault.h"
#include "api/openapi.h"
#include "api/request.h"
#include "api/settings.h"
#include "api/sign_in_limit.h"
#include "api/store_access_key.h"
#include "common/crypt.h"
#include "common/db.h"

#include <jansson.h>

struct console { /* what the server has, for one call */
        struct db *db;
        const struct master_key *master;
        const struct api_settings *settings;
        const struct openapi *operations;
        struct sign_in_limit *sign_ins;
};

struct console_session {
        char access_key_id[ACCESS_KEY_ID_MAX + 1];
        char csrf[2 * SHA256_BYTES + 1];
        char expires[21]; /* UTC, YYYY-MM-DDThh:mm:ssZ */
};
static inline void cleanup_console_session(struct console_session *s)
{
        crypt_wipe(s, sizeof *s);
}

/* What can be said without the database: the line, and where the page is from. Of /console/session and calls.
 */
MUST_CHECK enum err console_check(const struct request *q, struct fault *f);
/* The session of the request's cookie, and its access key. `csrf`: the request has to show the CSRF token. */
MUST_CHECK enum err console_session_of(const struct console *c, const struct request *q, bool csrf,
                                       struct fault *f, struct console_session *ret,
                                       struct access_key *ret_key);
/* What the page is told of its session: whose it is, and for each operation of the documents where the access
 * key may call it. *ret is owned by the caller. */
MUST_CHECK enum err console_session_json(const struct console *c, const struct console_session *s,
                                         const struct access_key *key, json_t **ret);

#endif
