/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: everything a worker needs to know about its instance at one revision. Immutable and
 * reference-counted; built completely aside (snapshot_load.h), then handed to every worker, which swaps one
 * pointer. */
#ifndef SIGNET_BROKER_SNAPSHOT_H
#define SIGNET_BROKER_SNAPSHOT_H

#include "broker/credential_set.h"
#include "broker/digest_set.h"
#include "broker/login_map.h"
#include "broker/rejected.h"
#include "broker/tls_table.h"
#include "broker/trust.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/model.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct access_keys; /* AccessKeyId → secret, of the instance's account; enabled ones only */

struct snapshot {
        atomic_int refs;
        int64_t revision;
        int64_t made_at_us; /* when the instance was made: one made anew with the same ID counts from 0 again
                             */
        int64_t loaded_at;  /* clock_now() */
        enum authentication_mode mode;
        struct tls_table *tls;
        struct credential
                *default_credential; /* NULL: none configured; names that match nothing are refused */
        struct access_keys *access_keys;
        struct access_keys *token_keys; /* those whose tokens are good; IDs only */
        struct login_map
                *logins;     /* credentials, identities, permissions, …; the same while nothing changes */
        bool login_required; /* in the mode mutual too, every client needs a user name and password */
        struct trust *trust; /* registered CA certificates; never NULL */
        struct digest_set *inactive; /* device certificates that are made inactive; NULL: none */
        /* Device certificates that were deleted since the snapshot before this one: live connections of
         * theirs end. NULL: none. A deleted device that comes again is registered again, so this is no deny
         * set. */
        struct digest_set *removed;
        /* Nothing is known of what was deleted since the snapshot before (it is another history of the
         * instance, or too long ago): every live device connection ends. Never in the first. */
        bool removed_unknown;
        struct credential_set *credentials; /* what `tls` and the default use, for the next load to share */
        struct rejected rejected;           /* rows that were not usable; the next load tries them again */
};

struct snapshot *snapshot_ref(struct snapshot *s);
/* Whether it is this revision of the instance that was made then. */
static inline _Bool snapshot_is(const struct snapshot *s, int64_t revision, int64_t made_at_us)
{
        return s->revision == revision && s->made_at_us == made_at_us;
}
struct snapshot *snapshot_unref(struct snapshot *s);
CLEANUP_DEFINE(snapshotp, struct snapshot *, snapshot_unref)

/* The certificate for a name of the SNI extension as the client sent it (raw bytes; NULL/0: no SNI). Never
 * NULL unless nothing matches and there is no default. *ret_named: the name is a mapped domain, or one that a
 * wildcard covers. Borrowed from the snapshot. */
struct credential *snapshot_credential(const struct snapshot *s, const unsigned char *sni, size_t len,
                                       bool *ret_named);

/* Borrowed secret; false when unknown or disabled. */
_Bool snapshot_access_key(const struct snapshot *s, const char *id, size_t id_len, const char **ret_secret,
                          size_t *ret_secret_len);

/* Whether tokens are good that this access key has applied for. */
_Bool snapshot_token_key(const struct snapshot *s, const char *id, size_t id_len);

/* Access-key table, filled by the loader before it is shared. The secret is copied and wiped when freed. */
MUST_CHECK enum err access_keys_new(size_t count_max, struct access_keys **ret);
MUST_CHECK enum err access_keys_add(struct access_keys *keys, const char *id, const void *secret,
                                    size_t secret_len);
struct access_keys *access_keys_ref(struct access_keys *keys);
struct access_keys *access_keys_unref(struct access_keys *keys);
CLEANUP_DEFINE(access_keysp, struct access_keys *, access_keys_unref)
/* The same IDs with the same secrets: the loader then shares the old table, so that workers see by the
 * pointer that nothing changed. */
_Bool access_keys_equal(const struct access_keys *a, const struct access_keys *b);

#endif
