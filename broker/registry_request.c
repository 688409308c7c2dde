/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_request.h"

#include "common/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void openssl_text_free(uint8_t *text)
{
        OPENSSL_free(text);
}
CLEANUP_DEFINE(openssl_textp, uint8_t *, openssl_text_free)

/* How many bytes of UTF-8 fit without half a character at the end. */
static size_t whole_characters(const uint8_t *bytes, size_t len, size_t max)
{
        if (len <= max)
                return len;
        while (max > 0 && (bytes[max] & 0xc0) == 0x80)
                max--;
        return max;
}

/* PostgreSQL takes no text that has a zero byte or is not UTF-8: a name with either is of no use, and none is
 * kept. */
static void read_name(X509 *leaf, char ret[DEVICE_NAME_SIZE])
{
        const X509_NAME *subject = X509_get_subject_name(leaf);
        CLEANUP(openssl_textp) uint8_t *text = NULL;
        int at = -1, last = -1;

        ret[0] = '\0';
        while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
                last = at;
        if (last < 0)
                return;
        int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
        if (len <= 0 || memchr(text, 0, (size_t)len) != NULL || !text_is_utf8(text, (size_t)len))
                return;
        size_t kept = whole_characters(text, (size_t)len, DEVICE_NAME_SIZE - 1);
        memcpy(ret, text, kept);
        ret[kept] = '\0';
}

static enum err read_time(const ASN1_TIME *t, int64_t *ret)
{
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return ERR_SYNTAX;
        *ret = (int64_t)timegm(&tm);
        return ERR_OK;
}

static enum err read_der(X509 *leaf, struct buf *ret)
{
        int len = i2d_X509(leaf, NULL);

        if (len <= 0)
                return ERR_SYNTAX;
        TRY(buf_reserve(ret, (size_t)len));
        uint8_t *end = ret->data;
        if (i2d_X509(leaf, &end) != len)
                return ERR_INTERNAL;
        ret->len = (size_t)len;
        return ERR_OK;
}

enum err registry_request_new(X509 *leaf, const struct device_identity *identity,
                              struct registry_request **ret)
{
        CLEANUP(registry_requestp) struct registry_request *r = calloc(1, sizeof(*r));

        if (r == NULL)
                return ERR_NOMEM;
        r->identity = *identity;
        r->der = BUF_UP_TO(DEVICE_DER_MAX);
        TRY(serial_of(leaf, r->sn));
        TRY(read_time(X509_get0_notBefore(leaf), &r->not_before));
        TRY(read_time(X509_get0_notAfter(leaf), &r->not_after));
        TRY(read_der(leaf, &r->der));
        read_name(leaf, r->name);
        *ret = TAKE(r);
        return ERR_OK;
}

struct registry_request *registry_request_free(struct registry_request *r)
{
        if (r == NULL)
                return NULL;
        buf_done(&r->der);
        free(r);
        return NULL;
}
