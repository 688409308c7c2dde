/* SPDX-License-Identifier: Apache-2.0 */
/* tls_table: which credential answers for which server name. Immutable once built; a new revision makes a new
 * table that shares every unchanged part (shards) with the old one, so one changed domain of 100,000 costs
 * one shard. Lookups take no lock. Exact name first, then `*.` covering exactly one label, then NULL (design:
 * the caller serves the default). */
#ifndef SIGNET_BROKER_TLS_TABLE_H
#define SIGNET_BROKER_TLS_TABLE_H

#include "broker/credential.h"
#include "common/err.h"

#include <stddef.h>

struct tls_table;

struct tls_table_change {
        const char *domain;            /* canonical (common/domain.h); borrowed during the call */
        struct credential *credential; /* NULL removes the domain; the table takes its own reference */
};

/* `old` NULL: an empty table before the changes. Of two changes of one domain the later wins. `old` stays as
 * it was. */
MUST_CHECK enum err tls_table_with(const struct tls_table *old, const struct tls_table_change *changes,
                                   size_t count, struct tls_table **ret);
struct tls_table *tls_table_ref(struct tls_table *t);
struct tls_table *tls_table_unref(struct tls_table *t);
CLEANUP_DEFINE(tls_tablep, struct tls_table *, tls_table_unref)
size_t tls_table_count(const struct tls_table *t);

/* `name` as domain_from_sni() made it. Borrowed: valid while the caller holds the table. NULL when nothing
 * matches. */
struct credential *tls_table_find(const struct tls_table *t, const char *name, size_t len);
/* Only the very domain, `*.` included; no wildcard step. */
struct credential *tls_table_exact(const struct tls_table *t, const char *domain, size_t len);
/* Every entry, in no order. */
void tls_table_each(const struct tls_table *t,
                    void (*each)(void *arg, const char *domain, struct credential *c), void *arg);

#endif
