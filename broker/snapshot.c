/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/snapshot.h"

#include "common/domain.h"

#include <stdlib.h>

struct snapshot *snapshot_ref(struct snapshot *s)
{
        if (s != NULL)
                atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
        return s;
}

struct snapshot *snapshot_unref(struct snapshot *s)
{
        if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1) {
                credential_set_free(s->credentials); /* borrows from the table and the default */
                tls_table_unref(s->tls);
                credential_unref(s->default_credential);
                access_keys_unref(s->access_keys);
                access_keys_unref(s->token_keys);
                (void)login_map_unref(s->logins);
                trust_unref(s->trust);
                digest_set_unref(s->inactive);
                digest_set_unref(s->removed);
                rejected_done(&s->rejected);
                free(s);
        }
        return NULL;
}

struct credential *snapshot_credential(const struct snapshot *s, const unsigned char *sni, size_t len,
                                       bool *ret_named)
{
        char name[DOMAIN_SIZE];
        size_t name_len;
        struct credential *c = NULL;

        if (sni != NULL && s->tls != NULL && domain_from_sni(sni, len, name, &name_len))
                c = tls_table_find(s->tls, name, name_len);
        *ret_named = c != NULL;
        return c != NULL ? c : s->default_credential;
}
