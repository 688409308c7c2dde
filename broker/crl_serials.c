/* SPDX-License-Identifier: Apache-2.0 */
/* crl_serials: a revocation list (RFC 5280 §5.1) read for its serial numbers alone. OpenSSL's reader makes
 * some ten objects of each entry: seconds and half a gigabyte for a million of them. Its signature, issuer
 * and dates have been looked at by the API. DER only. */
#include "broker/trust.h"
#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

enum { DIGEST_BYTES = 32, REMOVE_FROM_CRL = 8 }; /* RFC 5280 §5.3.1 */

enum {
        TAG_BOOLEAN = 0x01,
        TAG_INTEGER = 0x02,
        TAG_BIT_STRING = 0x03,
        TAG_OCTET_STRING = 0x04,
        TAG_OID = 0x06,
        TAG_ENUMERATED = 0x0a,
        TAG_UTC_TIME = 0x17,
        TAG_GENERALIZED_TIME = 0x18,
        TAG_SEQUENCE = 0x30,
        TAG_EXTENSIONS = 0xa0
};

struct crl_serials {
        atomic_int refs;
        size_t count;
        uint8_t digests[][DIGEST_BYTES]; /* sorted, each once */
};

/* ---- DER ---- */

static uint8_t tag_next(const struct rd *r)
{
        return rd_left(r) > 0 ? *r->at : 0;
}

/* Definite lengths in their shortest form (X.690 §10.1), of four octets at most. */
static size_t length_read(struct rd *r)
{
        uint8_t first = rd_u8(r);
        size_t len = 0;

        if (first < 0x80)
                return first;
        if (first == 0x80 || first > 0x84) {
                r->bad = true;
                return 0;
        }
        for (int n = first & 0x7f; n > 0; n--) {
                len = len << 8 | rd_u8(r);
                if (len == 0)
                        r->bad = true;
        }
        if (len < 0x80)
                r->bad = true;
        return len;
}

/* The content of the next element, which has to have this tag. */
static struct rd element(struct rd *r, uint8_t tag)
{
        if (rd_u8(r) != tag)
                r->bad = true;
        struct bytes content = rd_bytes(r, length_read(r));
        struct rd inner = rd_of(content.data, content.len);

        inner.bad = r->bad;
        return inner;
}

static void skip_if(struct rd *r, uint8_t tag)
{
        if (tag_next(r) == tag)
                (void)element(r, tag);
}

static bool is_time(uint8_t tag)
{
        return tag == TAG_UTC_TIME || tag == TAG_GENERALIZED_TIME;
}

/* ---- entries ---- */

/* Content octets: at least one, and no more than it takes (X.690 §8.3). */
static struct rd serial_read_octets(struct rd *entry)
{
        struct rd serial = element(entry, TAG_INTEGER);
        size_t len = rd_left(&serial);

        if (len == 0 || (len > 1 && ((serial.at[0] == 0x00 && serial.at[1] < 0x80) ||
                                     (serial.at[0] == 0xff && serial.at[1] >= 0x80))))
                serial.bad = entry->bad = true;
        return serial;
}

/* Whether one Extension is the reason code removeFromCRL. */
static bool extension_removes(struct rd *extensions)
{
        static const uint8_t reason_code[] = {0x55, 0x1d, 0x15}; /* 2.5.29.21 */
        struct rd extension = element(extensions, TAG_SEQUENCE);
        struct rd oid = element(&extension, TAG_OID);
        bool is_reason =
                rd_left(&oid) == sizeof reason_code && memcmp(oid.at, reason_code, sizeof reason_code) == 0;

        skip_if(&extension, TAG_BOOLEAN);
        struct rd value = element(&extension, TAG_OCTET_STRING);
        if (extension.bad || rd_left(&extension) > 0)
                extensions->bad = true;
        if (extensions->bad || !is_reason)
                return false;
        struct rd reason = element(&value, TAG_ENUMERATED);
        if (value.bad || rd_left(&value) > 0 || rd_left(&reason) != 1)
                extensions->bad = true;
        return !extensions->bad && reason.at[0] == REMOVE_FROM_CRL;
}

/* One of revokedCertificates. False: it does not count. */
static bool entry_read(struct rd *list, struct rd *ret_serial)
{
        struct rd entry = element(list, TAG_SEQUENCE);
        bool removes = false;

        *ret_serial = serial_read_octets(&entry);
        if (!is_time(tag_next(&entry)))
                entry.bad = true;
        (void)element(&entry, tag_next(&entry));
        if (rd_left(&entry) > 0) {
                struct rd extensions = element(&entry, TAG_SEQUENCE);

                while (!extensions.bad && rd_left(&extensions) > 0)
                        removes = extension_removes(&extensions) || removes;
                entry.bad = entry.bad || extensions.bad || rd_left(&entry) > 0;
        }
        list->bad = list->bad || entry.bad;
        return !removes;
}

/* The content of revokedCertificates; empty when the list has none. */
static enum err revoked_find(struct bytes der, struct rd *ret)
{
        struct rd whole = rd_of(der.data, der.len), none = rd_of(der.data, 0);
        struct rd crl = element(&whole, TAG_SEQUENCE);
        struct rd tbs = element(&crl, TAG_SEQUENCE);

        skip_if(&tbs, TAG_INTEGER);        /* version */
        (void)element(&tbs, TAG_SEQUENCE); /* signature */
        (void)element(&tbs, TAG_SEQUENCE); /* issuer */
        if (!is_time(tag_next(&tbs)))      /* thisUpdate */
                return ERR_SYNTAX;
        (void)element(&tbs, tag_next(&tbs));
        if (is_time(tag_next(&tbs))) /* nextUpdate */
                (void)element(&tbs, tag_next(&tbs));
        *ret = tag_next(&tbs) == TAG_SEQUENCE ? element(&tbs, TAG_SEQUENCE) : none;
        skip_if(&tbs, TAG_EXTENSIONS);
        (void)element(&crl, TAG_SEQUENCE);   /* signatureAlgorithm */
        (void)element(&crl, TAG_BIT_STRING); /* signatureValue */
        bool rest = rd_left(&tbs) > 0 || rd_left(&crl) > 0 || rd_left(&whole) > 0;
        return rest || tbs.bad || crl.bad || whole.bad || ret->bad ? ERR_SYNTAX : ERR_OK;
}

static enum err entries_count(struct rd list, size_t *ret)
{
        struct rd serial;
        size_t entries = 0, count = 0;

        while (!list.bad && rd_left(&list) > 0) {
                if (++entries > CRL_ENTRIES_MAX)
                        return ERR_LIMIT;
                count += entry_read(&list, &serial);
        }
        *ret = count;
        return list.bad ? ERR_SYNTAX : ERR_OK;
}

/* ---- the set ---- */

static int digest_order(const void *a, const void *b)
{
        return memcmp(a, b, DIGEST_BYTES);
}

/* A number that a list names twice counts once. */
static void sort_once(struct crl_serials *c)
{
        size_t kept = 0;

        qsort(c->digests, c->count, DIGEST_BYTES, digest_order);
        for (size_t i = 0; i < c->count; i++)
                if (kept == 0 || digest_order(c->digests[kept - 1], c->digests[i]) != 0)
                        memmove(c->digests[kept++], c->digests[i], DIGEST_BYTES);
        c->count = kept;
}

enum err crl_serials_read(struct bytes der, struct crl_serials **ret)
{
        struct rd list, serial;
        size_t count = 0;

        TRY(revoked_find(der, &list));
        TRY(entries_count(list, &count));
        struct crl_serials *c = malloc(sizeof(*c) + count * DIGEST_BYTES);
        if (c == NULL)
                return ERR_NOMEM;
        atomic_init(&c->refs, 1);
        c->count = 0;
        while (rd_left(&list) > 0)
                if (entry_read(&list, &serial))
                        crypt_sha256(serial.at, rd_left(&serial), c->digests[c->count++]);
        sort_once(c);
        *ret = c;
        return ERR_OK;
}

struct crl_serials *crl_serials_ref(struct crl_serials *c)
{
        if (c != NULL)
                atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
        return c;
}

struct crl_serials *crl_serials_unref(struct crl_serials *c)
{
        if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
                free(c);
        return NULL;
}

size_t crl_serials_count(const struct crl_serials *c)
{
        return c == NULL ? 0 : c->count;
}

bool trust_ca_revokes(const struct trust_ca *ca, const uint8_t serial_sha256[32])
{
        const struct crl_serials *c = ca->revoked;

        return c != NULL && bsearch(serial_sha256, c->digests, c->count, DIGEST_BYTES, digest_order) != NULL;
}
