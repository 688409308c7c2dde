/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/credential.h"
#include "broker/credential_set.h"
#include "certificate_maker.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

static struct credential *credential_of(struct made *m, int64_t id, int chain_count)
{
        const struct bytes chain[2] = {made_leaf(m), made_leaf(m)};
        struct credential *c = NULL;

        cr_assert_eq(credential_new(id, m->sha256, made_leaf(m), chain, chain_count, made_key(m), &c),
                     ERR_OK);
        return c;
}

static struct credential *credential_from(struct bytes leaf, struct bytes key)
{
        static const uint8_t digest[32];
        struct credential *c = NULL;

        cr_assert_eq(credential_new(1, digest, leaf, NULL, 0, key, &c), ERR_OK);
        return c;
}

static enum err check_and_free(struct credential *c)
{
        enum err e = credential_check(c);

        credential_unref(c);
        cr_assert_eq(ERR_peek_error(), 0, "an error is left in the thread's queue");
        return e;
}

Test(credential, parses_ec_and_rsa_with_their_chains)
{
        static const int types[] = {EVP_PKEY_EC, EVP_PKEY_RSA};

        for (int i = 0; i < 2; i++) {
                struct made m;
                struct credential_parsed p;

                made_new(&m, types[i], "one.example");
                struct credential *c = credential_of(&m, 5, 2);
                cr_assert_eq(credential_id(c), 5);
                cr_assert_arr_eq(credential_sha256(c), m.sha256, 32);
                cr_assert_eq(credential_parse(c, &p), ERR_OK);
                cr_assert_eq(X509_check_private_key(p.leaf, p.key), 1);
                cr_assert_eq(sk_X509_num(p.chain), 2);
                cr_assert_eq(X509_cmp(sk_X509_value(p.chain, 1), p.leaf), 0);
                credential_parsed_done(&p);
                credential_unref(c);
                made_done(&m);
        }
}

Test(credential, without_a_chain_has_none)
{
        struct made m;
        struct credential_parsed p;

        made_new(&m, EVP_PKEY_EC, "one.example");
        struct credential *c = credential_of(&m, 5, 0);
        cr_assert_eq(credential_parse(c, &p), ERR_OK);
        cr_assert_null(p.chain);
        credential_parsed_done(&p);
        credential_unref(c);
        made_done(&m);
}

Test(credential, check_says_what_a_handshake_would_run_into)
{
        struct made ec, other, rsa;

        made_new(&ec, EVP_PKEY_EC, "one.example");
        made_new(&other, EVP_PKEY_EC, "two.example");
        made_new(&rsa, EVP_PKEY_RSA, "three.example");
        struct bytes leaf = made_leaf(&ec), key = made_key(&ec);
        cr_assert_eq(check_and_free(credential_from(leaf, key)), ERR_OK);
        cr_assert_eq(check_and_free(credential_from(leaf, made_key(&other))), ERR_MISMATCH);
        cr_assert_eq(check_and_free(credential_from(leaf, made_key(&rsa))), ERR_SYNTAX);
        cr_assert_eq(check_and_free(credential_from((struct bytes){leaf.data, leaf.len - 1}, key)),
                     ERR_SYNTAX);
        cr_assert_eq(check_and_free(credential_from(leaf, (struct bytes){key.data, key.len - 1})),
                     ERR_SYNTAX);
        cr_assert_eq(check_and_free(credential_from((struct bytes){NULL, 0}, key)), ERR_SYNTAX);
        cr_assert_eq(check_and_free(credential_from(leaf, (struct bytes){NULL, 0})), ERR_SYNTAX);
        made_done(&ec);
        made_done(&other);
        made_done(&rsa);
}

Test(credential_cache, gives_the_same_form_until_it_is_the_oldest)
{
        struct made m;
        struct credential *c[3];
        struct credential_cache *cache = NULL;
        struct credential_parsed first, again;

        made_new(&m, EVP_PKEY_EC, "one.example");
        cr_assert_eq(credential_cache_new(2, &cache), ERR_OK);
        for (int i = 0; i < 3; i++)
                c[i] = credential_of(&m, i, 1);
        cr_assert_eq(credential_cache_get(cache, c[0], &first), ERR_OK);
        X509_up_ref(first.leaf); /* so that its address is not given to another */
        cr_assert_eq(credential_cache_get(cache, c[1], &again), ERR_OK);
        cr_assert_neq(again.leaf, first.leaf);
        cr_assert_eq(credential_cache_get(cache, c[0], &again), ERR_OK);
        cr_assert_eq(again.leaf, first.leaf);
        cr_assert_eq(credential_cache_get(cache, c[2], &again), ERR_OK); /* c[1] goes */
        cr_assert_eq(credential_cache_get(cache, c[0], &again), ERR_OK);
        cr_assert_eq(again.leaf, first.leaf);
        cr_assert_eq(credential_cache_get(cache, c[1], &again), ERR_OK); /* c[2] goes */
        cr_assert_eq(credential_cache_get(cache, c[2], &again), ERR_OK); /* c[0] goes */
        cr_assert_eq(credential_cache_get(cache, c[0], &again), ERR_OK);
        cr_assert_neq(again.leaf, first.leaf, "the least recently used one should have gone");
        X509_free(first.leaf);
        for (int i = 0; i < 3; i++)
                credential_unref(c[i]);
        credential_cache_free(cache);
        made_done(&m);
}

Test(credential_cache, many_credentials_in_a_small_cache_stay_right)
{
        struct made m;
        struct credential *c[200];
        struct credential_cache *cache = NULL;
        struct credential_parsed p;
        unsigned seed = 7;

        made_new(&m, EVP_PKEY_EC, "one.example");
        cr_assert_eq(credential_cache_new(50, &cache), ERR_OK);
        for (int i = 0; i < 200; i++)
                c[i] = credential_of(&m, i, i % 2);
        for (int i = 0; i < 2000; i++) {
                int n = rand_r(&seed) % 200;

                cr_assert_eq(credential_cache_get(cache, c[n], &p), ERR_OK);
                cr_assert_eq(p.chain == NULL, n % 2 == 0);
        }
        for (int i = 0; i < 200; i++)
                credential_unref(c[i]);
        credential_cache_trim(cache);
        credential_cache_free(cache);
        made_done(&m);
}

Test(credential_cache, trim_drops_what_only_caches_hold)
{
        struct made m;
        struct credential_cache *one = NULL, *two = NULL;
        struct credential_parsed p;

        made_new(&m, EVP_PKEY_EC, "one.example");
        cr_assert_eq(credential_cache_new(10, &one), ERR_OK);
        cr_assert_eq(credential_cache_new(10, &two), ERR_OK);
        struct credential *c = credential_of(&m, 1, 0);
        cr_assert_eq(credential_cache_get(one, c, &p), ERR_OK);
        cr_assert_eq(credential_cache_get(two, c, &p), ERR_OK);
        X509 *leaf = p.leaf;
        X509_up_ref(leaf);
        credential_cache_trim(two);
        cr_assert_eq(credential_cache_get(two, c, &p), ERR_OK);
        cr_assert_eq(p.leaf, leaf, "still in use, so it stays");
        cr_assert_not(credential_only_cached(c));
        credential_ref_cached(c); /* ours, as a third cache would hold it */
        credential_unref(c);
        cr_assert(credential_only_cached(c));
        credential_cache_trim(one);
        credential_cache_trim(two);
        cr_assert_eq(credential_cache_get(two, c, &p), ERR_OK);
        cr_assert_neq(p.leaf, leaf, "the cache of each thread lets go, though the other one holds it too");
        X509_free(leaf);
        credential_cache_free(one);
        credential_cache_free(two);
        credential_unref_cached(c);
        made_done(&m);
}

Test(credential_cache, does_not_keep_what_does_not_parse)
{
        struct credential_cache *cache = NULL;
        struct credential_parsed p;
        struct credential *bad =
                credential_from((struct bytes){(const uint8_t *)"no", 2}, (struct bytes){NULL, 0});

        cr_assert_eq(credential_cache_new(0, &cache), ERR_LIMIT);
        cr_assert_eq(credential_cache_new(10, &cache), ERR_OK);
        cr_assert_eq(credential_cache_get(cache, bad, &p), ERR_SYNTAX);
        cr_assert_eq(credential_cache_get(cache, bad, &p), ERR_SYNTAX);
        credential_cache_free(cache);
        credential_unref(bad);
}

Test(credential_set, keeps_who_has_users_and_drops_who_lost_them)
{
        struct made m;
        struct credential *a, *b, *c;
        struct credential_set *first = NULL, *second = NULL;

        made_new(&m, EVP_PKEY_EC, "one.example");
        a = credential_of(&m, 3, 0);
        b = credential_of(&m, 1, 0);
        c = credential_of(&m, 2, 0);
        struct credential_use begin[] = {{a, 1}, {b, 1}, {NULL, 1}, {a, 1}};
        cr_assert_eq(credential_set_with(NULL, begin, 4, &first), ERR_OK);
        cr_assert_eq(credential_set_count(first), 2);
        cr_assert_eq(credential_set_find(first, 3, m.sha256), a);
        cr_assert_eq(credential_set_find(first, 1, m.sha256), b);
        cr_assert_null(credential_set_find(first, 2, m.sha256));
        cr_assert_null(credential_set_find(first, 3, (const uint8_t[32]){1}),
                       "another leaf is another certificate");
        struct credential_use change[] = {{a, -1}, {c, 1}, {b, -1}, {NULL, -1}};
        cr_assert_eq(credential_set_with(first, change, 4, &second), ERR_OK);
        cr_assert_eq(credential_set_count(second), 2);
        cr_assert_eq(credential_set_find(second, 3, m.sha256), a, "one of its two users is left");
        cr_assert_eq(credential_set_find(second, 2, m.sha256), c);
        cr_assert_null(credential_set_find(second, 1, m.sha256));
        credential_set_free(first);
        credential_set_free(second);
        credential_unref(a);
        credential_unref(b);
        credential_unref(c);
        made_done(&m);
}
