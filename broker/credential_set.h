/* SPDX-License-Identifier: Apache-2.0 */
/* credential_set: the credentials that a snapshot serves, by certificate ID, with the number of their users
 * (domains, the default), so that the next load shares them instead of making a second copy, and one that
 * lost its last user is not kept alive. Immutable. Pointers are borrowed from the snapshot's table and
 * default. */
#ifndef SIGNET_BROKER_CREDENTIAL_SET_H
#define SIGNET_BROKER_CREDENTIAL_SET_H

#include "broker/credential.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct credential_set;

struct credential_use {
        struct credential *credential; /* NULL: no change */
        int64_t users;                 /* as a change: more (+) or fewer (-) of them */
};

/* `old` NULL: empty before the changes. Sorts `changes` in place. */
MUST_CHECK enum err credential_set_with(const struct credential_set *old, struct credential_use *changes,
                                        size_t count, struct credential_set **ret);
struct credential_set *credential_set_free(struct credential_set *set);
CLEANUP_DEFINE(credential_setp, struct credential_set *, credential_set_free)
/* Borrowed; NULL when none has this ID and this leaf. */
struct credential *credential_set_find(const struct credential_set *set, int64_t id,
                                       const uint8_t leaf_sha256[32]);
size_t credential_set_count(const struct credential_set *set);
/* The n-th of them; borrowed. */
const struct credential *credential_set_at(const struct credential_set *set, size_t n);

#endif
