/* SPDX-License-Identifier: Apache-2.0 */
/* console_sign_in: /console/session: signing in and out, and who is signed in. Blocks on the database. */
#ifndef SIGNET_API_CONSOLE_SIGN_IN_H
#define SIGNET_API_CONSOLE_SIGN_IN_H

#include "api/console_session.h"
#include "api/reply.h"

/* Who signs in, of a request whose body is not parsed yet; borrowed from it. */
MUST_CHECK enum err console_sign_in_read(struct request *q, struct fault *f, const char **ret_id,
                                         const char **ret_secret);
/* GET, POST and DELETE, after console_check(). Sets r->op and r->caller. Who signs in is refused with
 * FAULT_CONSOLE_SECRET, whatever was wrong, after the same work; with FAULT_ACCESS_KEY_INACTIVE when the
 * secret was right; with FAULT_CONSOLE_FAILURES when there were too many. Signing in, failing to, and signing
 * out leave an audit event; one with an ID that nobody has belongs to the account 0, which nobody has either.
 */
MUST_CHECK enum err console_sign_in_serve(const struct console *c, struct request *q, struct reply *r,
                                          struct fault *f);

#endif
