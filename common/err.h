/* SPDX-License-Identifier: Apache-2.0 */
/* err: the one status type. A function that can fail returns `enum err` and fills its `ret_` arguments only
 * on ERR_OK. The answer must be looked at; TRY() is the only macro that hides a return. */
#ifndef SIGNET_COMMON_ERR_H
#define SIGNET_COMMON_ERR_H

/* name, text for logs and status answers */
#define ERR_LIST(X)                                                                                          \
        X(ERR_OK, "ok")                                                                                      \
        X(ERR_NOMEM, "out of memory")                                                                        \
        X(ERR_LIMIT, "larger than allowed")                                                                  \
        X(ERR_SYNTAX, "not well formed")                                                                     \
        X(ERR_NOT_FOUND, "no such thing")                                                                    \
        X(ERR_CONFLICT, "exists already or is in use")                                                       \
        X(ERR_DB, "the database is not reachable")                                                           \
        X(ERR_QUERY, "the database refused the statement")                                                   \
        X(ERR_CRYPT, "cannot be decrypted with this master key")                                             \
        X(ERR_PASSWORD, "wrong or missing password")                                                         \
        X(ERR_MISMATCH, "private key and certificate do not belong together")                                \
        X(ERR_UNSUPPORTED, "not supported")                                                                  \
        X(ERR_IO, "input/output error")                                                                      \
        X(ERR_TIMEOUT, "timed out")                                                                          \
        X(ERR_REFUSED, "refused")                                                                            \
        X(ERR_STALE, "changed in between")                                                                   \
        X(ERR_INTERNAL, "internal error")

#define ERR_ENUM(name, text) name,
enum err { ERR_LIST(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

#define MUST_CHECK __attribute__((warn_unused_result))
#define TRY(call)                                                                                            \
        do {                                                                                                 \
                enum err e_ = (call);                                                                        \
                if (e_ != ERR_OK)                                                                            \
                        return e_;                                                                           \
        } while (0)

/* Static strings; never NULL, also for a number that is no enum err. */
const char *err_text(enum err e);
const char *err_name(enum err e);

#endif
