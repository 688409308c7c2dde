/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/pem.h"

#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 64 * 1024 };

/* What OpenSSL itself writes for these bytes. */
static void openssl_text(const uint8_t *der, size_t len, struct buf *ret)
{
        BIO *out = BIO_new(BIO_s_mem());
        char *text = NULL;
        long text_len;

        cr_assert(PEM_write_bio(out, "CERTIFICATE", "", der, (long)len) > 0);
        text_len = BIO_get_mem_data(out, &text);
        cr_assert_eq(buf_add(ret, text, (size_t)text_len), ERR_OK);
        BIO_free(out);
}

Test(pem_text, is_what_openssl_writes_at_every_length)
{
        uint8_t der[400];

        for (size_t i = 0; i < sizeof der; i++)
                der[i] = (uint8_t)(i * 37 + 250);
        for (size_t len = 1; len <= sizeof der; len++) {
                CLEANUP(buf) struct buf ours = BUF_UP_TO(LIMIT);
                CLEANUP(buf) struct buf theirs = BUF_UP_TO(LIMIT);

                cr_assert_eq(pem_der_text(der, len, &ours), ERR_OK);
                openssl_text(der, len, &theirs);
                cr_assert_str_eq(buf_text(&ours), buf_text(&theirs), "%zu bytes", len);
        }
}

Test(pem_text, of_nothing_has_its_two_lines)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(LIMIT);

        cr_assert_eq(pem_der_text("", 0, &text), ERR_OK);
        cr_assert_str_eq(buf_text(&text), "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
}

Test(pem_text, stands_behind_what_is_there)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(LIMIT);

        cr_assert_eq(buf_add_text(&text, "before\n"), ERR_OK);
        cr_assert_eq(pem_der_text("abc", 3, &text), ERR_OK);
        cr_assert_str_eq(buf_text(&text),
                         "before\n-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n");
}

Test(pem_text, does_not_grow_past_the_limit)
{
        uint8_t der[1000] = {0};
        CLEANUP(buf) struct buf whole = BUF_UP_TO(LIMIT);

        cr_assert_eq(pem_der_text(der, sizeof der, &whole), ERR_OK);
        for (size_t limit = 0; limit < whole.len; limit += 13) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(limit);

                cr_assert_eq(pem_der_text(der, sizeof der, &text), ERR_LIMIT);
                cr_assert_leq(text.len, limit);
        }
}
