/* SPDX-License-Identifier: Apache-2.0 */
/* login_map: what brokers must know of logins, by kind and key: credentials, identities, permissions, the
 * black list, groups. Immutable once built; a change makes a new map that shares every unchanged part
 * (shards) with the old one, so one change in a million costs one shard. Lookups take no lock. */
#ifndef SIGNET_BROKER_LOGIN_MAP_H
#define SIGNET_BROKER_LOGIN_MAP_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum login_kind {
        LOGIN_GROUP,             /* group ID */
        LOGIN_PARENT_TOPIC,      /* topic, lower case */
        LOGIN_TOKEN_KEY,         /* "" */
        LOGIN_TOKEN_REVOCATION,  /* token ID, 16 bytes */
        LOGIN_DEVICE_CREDENTIAL, /* client ID */
        LOGIN_IDENTITY,          /* identity type, user name, client ID: joined by U+001F */
        LOGIN_PERMISSIONS,       /* identity type, identity: joined by U+001F; all of that identity */
        LOGIN_BLACK,             /* client ID */
        LOGIN_KINDS
};

struct login_entry { /* immutable, reference-counted; wiped when freed */
        atomic_int refs;
        enum login_kind kind;
        uint32_t key_len, value_len;
        uint8_t bytes[]; /* key, then value */
};

static inline struct bytes login_key(const struct login_entry *e)
{
        return (struct bytes){e->bytes, e->key_len};
}

static inline struct bytes login_value(const struct login_entry *e)
{
        return (struct bytes){e->bytes + e->key_len, e->value_len};
}

/* Copies. NULL when out of memory. */
struct login_entry *login_entry_new(enum login_kind kind, struct bytes key, struct bytes value);
struct login_entry *login_entry_ref(struct login_entry *e);
struct login_entry *login_entry_unref(struct login_entry *e); /* NULL is fine; returns NULL */

struct login_change {
        struct login_entry *entry; /* its kind and key say where; borrowed */
        bool there;                /* false: to be taken out; nothing when it is not there */
};

struct login_map;
/* `old` NULL: empty before the changes. Of two changes of one key the later wins. *ret is `old` with another
 * reference when nothing changes (the same value again is no change). ERR_NOMEM. */
MUST_CHECK enum err login_map_with(struct login_map *old, const struct login_change *changes, size_t count,
                                   struct login_map **ret);
struct login_map *login_map_ref(struct login_map *m);
struct login_map *login_map_unref(struct login_map *m); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(login_mapp, struct login_map *, login_map_unref)
/* Borrowed from the map; NULL: not there (also for a NULL map). */
struct login_entry *login_map_find(const struct login_map *m, enum login_kind kind, struct bytes key);
size_t login_map_count(const struct login_map *m, enum login_kind kind); /* 0 for a NULL map */
/* Changes when anything of this kind does, and is never used again in this process: who has remembered an
 * answer can tell that it still holds. 0 for a NULL map. */
uint64_t login_map_version(const struct login_map *m, enum login_kind kind);
/* The same entries, whatever their history. */
bool login_map_equal(const struct login_map *a, const struct login_map *b);

#endif
