/* SPDX-License-Identifier: Apache-2.0 */
/* trust: one sorted array, so that CAs of one subject stand together, and three hash tables into it. A change
 * merges into a new array: 10,000 CAs are some two milliseconds of the loader's thread. */
#include "broker/trust.h"

#include <stdlib.h>
#include <string.h>

struct place { /* what is sorted and hashed by, at hand */
        uint32_t subject_hash;
        bool active;
        int64_t id;
        uint64_t sha256_head;
        struct trust_ca *ca; /* a reference of the trust's own */
};

struct trust {
        atomic_int refs;
        bool revokes; /* some CA has a list */
        uint32_t count;
        uint32_t slot_bits;   /* each table has 1 << slot_bits slots, at least twice `count` */
        struct place *places; /* by subject_hash; then active ones first; then newer before older */
        /* Place + 1; 0: free. by_subject knows the first of each hash only. */
        uint32_t *by_subject, *by_id, *by_sha256;
};

struct renewal { /* a change, and which one it was */
        int64_t id;
        size_t nth;
        struct trust_ca *ca;
};

/* ---- order ---- */

static uint64_t head_of(const uint8_t sha256[32])
{
        uint64_t head;

        memcpy(&head, sha256, sizeof head);
        return head;
}

static struct place place_of(int64_t id, struct trust_ca *ca)
{
        return (struct place){ca->subject_hash, ca->active, id, head_of(ca->sha256), ca};
}

static int place_order(const void *a, const void *b)
{
        const struct place *x = a, *y = b;

        if (x->subject_hash != y->subject_hash)
                return x->subject_hash < y->subject_hash ? -1 : 1;
        if (x->active != y->active)
                return x->active ? -1 : 1;
        return x->id > y->id ? -1 : x->id < y->id;
}

static int renewal_order(const void *a, const void *b)
{
        const struct renewal *x = a, *y = b;

        if (x->id != y->id)
                return x->id < y->id ? -1 : 1;
        return x->nth < y->nth ? -1 : x->nth > y->nth;
}

static int renewal_id(const void *key, const void *member)
{
        int64_t id = *(const int64_t *)key;
        const struct renewal *r = member;

        return id < r->id ? -1 : id > r->id;
}

/* ---- tables ---- */

/* The highest bits of the product depend on all bits of the key (Fibonacci hashing). */
static uint32_t slot_first(const struct trust *t, uint64_t key)
{
        return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - t->slot_bits));
}

static uint32_t slot_after(const struct trust *t, uint32_t slot)
{
        return (slot + 1) & ((UINT32_C(1) << t->slot_bits) - 1);
}

static void slot_put(const struct trust *t, uint32_t *table, uint64_t key, uint32_t place)
{
        uint32_t slot = slot_first(t, key);

        while (table[slot] != 0)
                slot = slot_after(t, slot);
        table[slot] = place + 1;
}

static void tables_fill(struct trust *t)
{
        for (uint32_t i = 0; i < t->count; i++) {
                const struct place *p = &t->places[i];

                if (i == 0 || p[-1].subject_hash != p->subject_hash)
                        slot_put(t, t->by_subject, p->subject_hash, i);
                slot_put(t, t->by_id, (uint64_t)p->id, i);
                slot_put(t, t->by_sha256, p->sha256_head, i);
                t->revokes = t->revokes || p->ca->revoked != NULL;
        }
}

static enum err tables_new(struct trust *t)
{
        t->slot_bits = 1;
        while (UINT32_C(1) << t->slot_bits < 2 * t->count)
                t->slot_bits++;
        t->by_subject = calloc((size_t)3 << t->slot_bits, sizeof(*t->by_subject));
        if (t->by_subject == NULL)
                return ERR_NOMEM;
        t->by_id = t->by_subject + ((size_t)1 << t->slot_bits);
        t->by_sha256 = t->by_id + ((size_t)1 << t->slot_bits);
        tables_fill(t);
        return ERR_OK;
}

/* ---- changes ---- */

/* Sorted by ID; of several of one ID the last. */
static enum err renewals_new(const struct trust_change *changes, size_t count, struct renewal **ret,
                             size_t *ret_count)
{
        struct renewal *list = calloc(count + 1, sizeof(*list));
        size_t kept = 0;

        if (list == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++)
                list[i] = (struct renewal){changes[i].id, i, changes[i].ca};
        qsort(list, count, sizeof(*list), renewal_order);
        for (size_t i = 0; i < count; i++)
                if (i + 1 == count || list[i].id != list[i + 1].id)
                        list[kept++] = list[i];
        *ret = list;
        *ret_count = kept;
        return ERR_OK;
}

static bool renewed(const struct renewal *list, size_t count, int64_t id)
{
        return bsearch(&id, list, count, sizeof(*list), renewal_id) != NULL;
}

/* Those that come in, sorted as in the trust. */
static enum err fresh_new(const struct renewal *list, size_t count, struct place **ret, size_t *ret_count)
{
        struct place *fresh = calloc(count + 1, sizeof(*fresh));
        size_t kept = 0;

        if (fresh == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++)
                if (list[i].ca != NULL)
                        fresh[kept++] = place_of(list[i].id, list[i].ca);
        qsort(fresh, kept, sizeof(*fresh), place_order);
        *ret = fresh;
        *ret_count = kept;
        return ERR_OK;
}

static void place_add(struct trust *t, const struct place *p)
{
        t->places[t->count] = *p;
        t->places[t->count++].ca = trust_ca_ref(p->ca);
}

/* `t` is empty. */
static enum err places_merge(struct trust *t, const struct trust *old, const struct renewal *list,
                             size_t list_count, const struct place *fresh, size_t fresh_count)
{
        size_t had = old == NULL ? 0 : old->count, at = 0;

        t->places = calloc(had + fresh_count + 1, sizeof(*t->places));
        if (t->places == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < had; i++) {
                const struct place *p = &old->places[i];

                if (renewed(list, list_count, p->id))
                        continue;
                while (at < fresh_count && place_order(&fresh[at], p) < 0)
                        place_add(t, &fresh[at++]);
                place_add(t, p);
        }
        while (at < fresh_count)
                place_add(t, &fresh[at++]);
        return t->count > TRUST_CAS_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err trust_fill(struct trust *t, const struct trust *old, const struct renewal *list, size_t count)
{
        struct place *fresh = NULL;
        size_t fresh_count = 0;

        TRY(fresh_new(list, count, &fresh, &fresh_count));
        enum err e = fresh_count > TRUST_CAS_MAX ? ERR_LIMIT
                                                 : places_merge(t, old, list, count, fresh, fresh_count);
        free(fresh);
        TRY(e);
        return tables_new(t);
}

enum err trust_with(const struct trust *old, const struct trust_change *changes, size_t count,
                    struct trust **ret)
{
        CLEANUP(trustp) struct trust *t = calloc(1, sizeof(*t));
        struct renewal *list = NULL;
        size_t list_count = 0;

        if (t == NULL)
                return ERR_NOMEM;
        atomic_init(&t->refs, 1);
        TRY(renewals_new(changes, count, &list, &list_count));
        enum err e = trust_fill(t, old, list, list_count);
        free(list);
        TRY(e);
        *ret = TAKE(t);
        return ERR_OK;
}

struct trust *trust_ref(struct trust *t)
{
        if (t != NULL)
                atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
        return t;
}

struct trust *trust_unref(struct trust *t)
{
        if (t != NULL && atomic_fetch_sub(&t->refs, 1) == 1) {
                for (uint32_t i = 0; i < t->count; i++)
                        trust_ca_unref(t->places[i].ca);
                free(t->places);
                free(t->by_subject); /* the other tables are behind it */
                free(t);
        }
        return NULL;
}

/* ---- lookups ---- */

size_t trust_count(const struct trust *t)
{
        return t->count;
}

struct trust_ca *trust_find(const struct trust *t, int64_t id)
{
        for (uint32_t slot = slot_first(t, (uint64_t)id); t->by_id[slot] != 0; slot = slot_after(t, slot)) {
                const struct place *p = &t->places[t->by_id[slot] - 1];

                if (p->id == id)
                        return p->ca;
        }
        return NULL;
}

bool trust_has_certificate(const struct trust *t, const uint8_t sha256[32])
{
        uint64_t head = head_of(sha256);

        for (uint32_t slot = slot_first(t, head); t->by_sha256[slot] != 0; slot = slot_after(t, slot)) {
                const struct place *p = &t->places[t->by_sha256[slot] - 1];

                if (p->sha256_head == head && memcmp(p->ca->sha256, sha256, sizeof p->ca->sha256) == 0)
                        return true;
        }
        return false;
}

/* The first place of CAs whose subject has this hash; `count` when there is none. */
static uint32_t group_first(const struct trust *t, uint32_t hash)
{
        for (uint32_t slot = slot_first(t, hash); t->by_subject[slot] != 0; slot = slot_after(t, slot))
                if (t->places[t->by_subject[slot] - 1].subject_hash == hash)
                        return t->by_subject[slot] - 1;
        return t->count;
}

/* `key` NULL: whatever key it has. */
static bool ca_is(const struct trust_ca *ca, const X509_NAME *subject, const EVP_PKEY *key)
{
        return X509_NAME_cmp(X509_get_subject_name(ca->certificate), subject) == 0 &&
               (key == NULL || EVP_PKEY_eq(X509_get0_pubkey(ca->certificate), key) == 1);
}

static struct trust_ca *next_ca(const struct trust *t, const X509_NAME *subject, const EVP_PKEY *key,
                                const struct trust_ca *last)
{
        int hashed = 0;
        uint32_t hash = (uint32_t)X509_NAME_hash_ex(subject, NULL, NULL, &hashed);

        if (hashed != 1)
                return NULL;
        for (uint32_t i = group_first(t, hash); i < t->count && t->places[i].subject_hash == hash; i++) {
                struct trust_ca *ca = t->places[i].ca;

                if (last == NULL && ca_is(ca, subject, key))
                        return ca;
                if (ca == last)
                        last = NULL;
        }
        return NULL;
}

struct trust_ca *trust_next_issuer(const struct trust *t, X509 *certificate, const struct trust_ca *last)
{
        return next_ca(t, X509_get_issuer_name(certificate), NULL, last);
}

struct trust_ca *trust_next_twin(const struct trust *t, X509 *certificate, const struct trust_ca *last)
{
        const EVP_PKEY *key = X509_get0_pubkey(certificate);

        return key == NULL ? NULL : next_ca(t, X509_get_subject_name(certificate), key, last);
}

bool trust_revokes(const struct trust *t, const struct trust_ca *ca, const uint8_t serial_sha256[32])
{
        const X509_NAME *subject = X509_get_subject_name(ca->certificate);
        const EVP_PKEY *key = X509_get0_pubkey(ca->certificate);

        if (!t->revokes)
                return false;
        if (trust_ca_revokes(ca, serial_sha256))
                return true;
        for (uint32_t i = group_first(t, ca->subject_hash);
             i < t->count && t->places[i].subject_hash == ca->subject_hash; i++)
                if (trust_ca_revokes(t->places[i].ca, serial_sha256) && ca_is(t->places[i].ca, subject, key))
                        return true;
        return false;
}

void trust_each(const struct trust *t, void (*each)(void *arg, struct trust_ca *ca), void *arg)
{
        for (uint32_t i = 0; i < t->count; i++)
                each(arg, t->places[i].ca);
}
