/* SPDX-License-Identifier: Apache-2.0 */
#include "common/crypt.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { FILE_MAX = 4096, THREADS = 4, ROUNDS = 500, MANY = 20000 };

#define HEX_KEY   "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define OTHER_KEY "f00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

/* Opens a key file of this content and mode; the file is gone afterwards. */
static enum err open_key(const char *content, size_t len, mode_t mode, struct master_key **ret)
{
        char path[] = "/tmp/signet-key-XXXXXX";
        int fd = mkstemp(path);
        enum err e;

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, content, len), (ssize_t)len);
        cr_assert_eq(fchmod(fd, mode), 0);
        close(fd);
        e = master_key_open(path, ret);
        unlink(path);
        return e;
}

static struct master_key *key_of(const char *hex)
{
        struct master_key *k = NULL;

        cr_assert_eq(open_key(hex, strlen(hex), 0600, &k), ERR_OK);
        return k;
}

static struct buf sealed_text(const struct master_key *k, const char *context, const char *text)
{
        struct buf sealed = BUF_UP_TO(FILE_MAX);

        cr_assert_eq(crypt_seal(k, context, text, strlen(text), &sealed), ERR_OK);
        return sealed;
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
        char hex[2 * SHA256_BYTES + 1];

        text_hex(bytes, len, hex);
        cr_assert_str_eq(hex, expected);
}

Test(crypt, digests_are_those_of_fips_180)
{
        uint8_t digest[SHA256_BYTES];

        crypt_sha1("abc", 3, digest);
        assert_hex(digest, SHA1_BYTES, "a9993e364706816aba3e25717850c26c9cd0d89d");
        crypt_sha256("abc", 3, digest);
        assert_hex(digest, SHA256_BYTES, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        crypt_sha256(NULL, 0, digest);
        assert_hex(digest, SHA256_BYTES, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(crypt, hmacs_are_those_of_rfc_2202_and_4231)
{
        const char *question = "what do ya want for nothing?";
        uint8_t mac[SHA256_BYTES], long_key[131];

        crypt_hmac_sha1("Jefe", 4, question, strlen(question), mac);
        assert_hex(mac, SHA1_BYTES, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        crypt_hmac_sha256("Jefe", 4, question, strlen(question), mac);
        assert_hex(mac, SHA256_BYTES, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        memset(long_key, 0xaa, sizeof long_key);
        question = "Test Using Larger Than Block-Size Key - Hash Key First";
        crypt_hmac_sha256(long_key, sizeof long_key, question, strlen(question), mac);
        assert_hex(mac, SHA256_BYTES, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

Test(crypt, hmac_of_an_empty_key_and_nothing_is_defined)
{
        uint8_t mac[SHA256_BYTES];

        crypt_hmac_sha1(NULL, 0, NULL, 0, mac);
        assert_hex(mac, SHA1_BYTES, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
        crypt_hmac_sha256(NULL, 0, NULL, 0, mac);
        assert_hex(mac, SHA256_BYTES, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

Test(crypt, what_was_sealed_opens_again)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "access_key.secret:LTAI", "the secret");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        cr_assert_eq(sealed.len, SEAL_OVERHEAD + strlen("the secret"));
        cr_assert_eq(sealed.data[0], 1);
        cr_assert_null(memmem(sealed.data, sealed.len, "secret", 6));
        cr_assert_eq(buf_add_text(&plain, "before "), ERR_OK);
        cr_assert_eq(crypt_open(k, "access_key.secret:LTAI", sealed.data, sealed.len, &plain), ERR_OK);
        cr_assert_str_eq(buf_text(&plain), "before the secret");
}

Test(crypt, nothing_at_all_can_be_sealed)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SEAL_OVERHEAD);
        CLEANUP(buf) struct buf plain = BUF_UP_TO(0);

        cr_assert_eq(crypt_seal(k, "", NULL, 0, &sealed), ERR_OK);
        cr_assert_eq(sealed.len, SEAL_OVERHEAD);
        cr_assert_eq(crypt_open(k, "", sealed.data, sealed.len, &plain), ERR_OK);
        cr_assert_eq(plain.len, 0);
}

Test(crypt, the_same_text_never_seals_to_the_same_bytes)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf one = sealed_text(k, "c", "same");
        CLEANUP(buf) struct buf two = sealed_text(k, "c", "same");

        /* nonce, wrapped data key and content each differ */
        cr_assert_neq(memcmp(one.data + 1, two.data + 1, 12), 0);
        cr_assert_neq(memcmp(one.data + 13, two.data + 13, 48), 0);
        cr_assert_neq(memcmp(one.data + 73, two.data + 73, 4), 0);
}

Test(crypt, refuses_a_value_with_any_byte_altered)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "c", "content");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        for (size_t i = 0; i < sealed.len; i++) {
                sealed.data[i] ^= 0x10;
                cr_assert_eq(crypt_open(k, "c", sealed.data, sealed.len, &plain), ERR_CRYPT, "byte %zu", i);
                sealed.data[i] ^= 0x10;
        }
        cr_assert_eq(plain.len, 0);
        cr_assert_eq(crypt_open(k, "c", sealed.data, sealed.len, &plain), ERR_OK);
}

Test(crypt, leaves_no_plain_text_behind_when_the_tag_is_wrong)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "c", "unauthenticated");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        sealed.data[sealed.len - 1] ^= 1;
        cr_assert_eq(crypt_open(k, "c", sealed.data, sealed.len, &plain), ERR_CRYPT);
        cr_assert_null(memmem(plain.data, plain.cap, "unauth", 6));
}

Test(crypt, refuses_every_truncation_and_a_longer_value)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "c", "content");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        for (size_t len = 0; len < sealed.len; len++)
                cr_assert_eq(crypt_open(k, "c", sealed.data, len, &plain), ERR_CRYPT, "length %zu", len);
        cr_assert_eq(buf_add(&sealed, "x", 1), ERR_OK);
        cr_assert_eq(crypt_open(k, "c", sealed.data, sealed.len, &plain), ERR_CRYPT);
}

Test(crypt, refuses_a_value_moved_to_another_context)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "sni_mapping.password:a", "content");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        cr_assert_eq(crypt_open(k, "sni_mapping.password:b", sealed.data, sealed.len, &plain), ERR_CRYPT);
        cr_assert_eq(crypt_open(k, "sni_mapping.password:", sealed.data, sealed.len, &plain), ERR_CRYPT);
}

Test(crypt, refuses_a_value_of_another_master_key)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(master_keyp) struct master_key *other = key_of(OTHER_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "c", "content");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        cr_assert_eq(crypt_open(other, "c", sealed.data, sealed.len, &plain), ERR_CRYPT);
}

Test(crypt, stops_at_the_limit_of_the_buffer)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "c", "content");
        CLEANUP(buf) struct buf small = BUF_UP_TO(6);
        CLEANUP(buf) struct buf tight = BUF_UP_TO(SEAL_OVERHEAD + 6);

        cr_assert_eq(crypt_open(k, "c", sealed.data, sealed.len, &small), ERR_LIMIT);
        cr_assert_eq(crypt_seal(k, "c", "content", 7, &tight), ERR_LIMIT);
        cr_assert_eq(small.len + tight.len, 0);
}

Test(crypt, many_values_open_fast)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        CLEANUP(buf) struct buf sealed = sealed_text(k, "c", "content");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);
        clock_t before = clock(); /* processor time: others on this machine do not count */

        for (int i = 0; i < MANY; i++) {
                cr_assert_eq(crypt_open(k, "c", sealed.data, sealed.len, &plain), ERR_OK);
                buf_drop(&plain, plain.len);
        }
        /* 1 to 2 us without sanitizers; a fetch by name for each would be over 50 with them */
        cr_assert_lt((double)(clock() - before) / CLOCKS_PER_SEC / MANY, 50e-6);
}

static void *seal_and_open(void *arg)
{
        const struct master_key *k = arg;
        uintptr_t failures = 0;

        for (int i = 0; i < ROUNDS; i++) {
                struct buf sealed = BUF_UP_TO(FILE_MAX), plain = BUF_UP_TO(64);
                uint8_t mac[SHA256_BYTES];

                crypt_hmac_sha256("k", 1, &i, sizeof i, mac);
                if (crypt_seal(k, "c", mac, sizeof mac, &sealed) != ERR_OK ||
                    crypt_open(k, "c", sealed.data, sealed.len, &plain) != ERR_OK ||
                    !crypt_equal(plain.data, plain.len, mac, sizeof mac))
                        failures++;
                buf_done(&sealed);
                buf_done(&plain);
        }
        return (void *)failures;
}

Test(crypt, threads_share_a_master_key_from_the_first_call)
{
        CLEANUP(master_keyp) struct master_key *k = key_of(HEX_KEY);
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, seal_and_open, k), 0);
        for (int i = 0; i < THREADS; i++) {
                void *failures = NULL;

                cr_assert_eq(pthread_join(threads[i], &failures), 0);
                cr_assert_null(failures);
        }
}

Test(crypt, a_key_file_may_end_with_a_line_feed)
{
        CLEANUP(master_keyp) struct master_key *bare = key_of(HEX_KEY);
        CLEANUP(master_keyp) struct master_key *line = key_of(HEX_KEY "\n");
        CLEANUP(buf) struct buf sealed = sealed_text(bare, "c", "content");
        CLEANUP(buf) struct buf plain = BUF_UP_TO(64);

        cr_assert_eq(crypt_open(line, "c", sealed.data, sealed.len, &plain), ERR_OK);
}

Test(crypt, refuses_a_key_file_that_others_may_touch)
{
        static const mode_t modes[] = {0640, 0604, 0660, 0644, 0620};
        struct master_key *k = NULL;

        for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
                cr_assert_eq(open_key(HEX_KEY, 64, modes[i], &k), ERR_REFUSED, "mode %o", modes[i]);
        cr_assert_null(k);
}

Test(crypt, refuses_what_is_no_regular_file_without_waiting_for_it, .timeout = 30)
{
        char folder[] = "/tmp/signet-dir-XXXXXX", fifo[sizeof folder + 5];
        struct master_key *k = NULL;

        cr_assert_not_null(mkdtemp(folder));
        snprintf(fifo, sizeof fifo, "%s/fifo", folder);
        cr_assert_eq(mkfifo(fifo, 0600), 0);
        cr_assert_eq(master_key_open(fifo, &k), ERR_REFUSED);
        cr_assert_eq(master_key_open(folder, &k), ERR_REFUSED);
        unlink(fifo);
        rmdir(folder);
        cr_assert_eq(master_key_open(folder, &k), ERR_IO);
        cr_assert_null(k);
}

Test(crypt, refuses_what_is_no_key)
{
        static const char *const texts[] = {
                "",           "\n",         "00",        HEX_KEY "\n\n",  HEX_KEY "0",
                HEX_KEY " ",  "\n" HEX_KEY, "g" HEX_KEY, HEX_KEY HEX_KEY, HEX_KEY "\r\n",
                "0x" HEX_KEY,
        };
        struct master_key *k = NULL;

        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
                cr_assert_eq(open_key(texts[i], strlen(texts[i]), 0600, &k), ERR_SYNTAX, "text %zu", i);
        cr_assert_eq(open_key("zz" HEX_KEY, 64, 0600, &k), ERR_SYNTAX);
        cr_assert_eq(open_key(HEX_KEY "\0", 65, 0600, &k), ERR_SYNTAX);
        cr_assert_null(k);
}

Test(crypt, equal_compares_lengths_and_bytes)
{
        cr_assert(crypt_equal("abc", 3, "abc", 3));
        cr_assert(crypt_equal(NULL, 0, "abc", 0));
        cr_assert_not(crypt_equal("abc", 3, "abd", 3));
        cr_assert_not(crypt_equal("abc", 3, "abc", 2));
}

Test(crypt, wipe_leaves_zeros)
{
        char secret[8] = "secret!";
        static const char zeros[sizeof secret];

        crypt_wipe(secret, sizeof secret);
        cr_assert_eq(memcmp(secret, zeros, sizeof secret), 0);
        crypt_wipe(NULL, 0);
}

Test(crypt, random_bytes_fill_all_of_a_large_request)
{
        static uint8_t bytes[70000];
        static const uint8_t zeros[16];

        crypt_random(bytes, sizeof bytes);
        cr_assert_neq(memcmp(bytes, zeros, sizeof zeros), 0);
        cr_assert_neq(memcmp(bytes + sizeof bytes - sizeof zeros, zeros, sizeof zeros), 0);
        cr_assert_neq(memcmp(bytes, bytes + 65536, sizeof zeros), 0);
}

Test(crypt, a_hardened_process_leaves_no_core_and_cannot_be_traced)
{
        struct rlimit core;

        crypt_harden_process();
        cr_assert_eq(getrlimit(RLIMIT_CORE, &core), 0);
        cr_assert_eq(core.rlim_max, 0);
        cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
        (void)prctl(PR_SET_DUMPABLE, 1); /* LeakSanitizer traces its own process at exit */
}
