/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ca_crl.h"

#include "api/certificate.h"
#include "api/der.h"
#include "common/text.h"

#include <inttypes.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define PEM_BEGIN "-----BEGIN X509 CRL-----"
#define PEM_END   "-----END X509 CRL-----"

enum { BASE64_MAX = CA_CRL_DER_MAX / 3 * 4 + 4, PEM_COLUMNS = 64, VERSION_2 = 1 };

CLEANUP_DEFINE(algorp, X509_ALGOR *, X509_ALGOR_free)
CLEANUP_DEFINE(bitsp, ASN1_BIT_STRING *, ASN1_BIT_STRING_free)
CLEANUP_DEFINE(asn1p, ASN1_TYPE *, ASN1_TYPE_free)
CLEANUP_DEFINE(pssp, RSA_PSS_PARAMS *, RSA_PSS_PARAMS_free)
CLEANUP_DEFINE(namep, X509_NAME *, X509_NAME_free)

void ca_crl_done(struct ca_crl *c)
{
        buf_done(&c->der);
}

/* ---- the text ---- */

/* The base64 of its only block, or all of a text that is no PEM. */
static enum err find_base64(const char *text, struct bytes *ret, char *why)
{
        const char *begin = strstr(text, "-----BEGIN "), *end;

        if (begin == NULL) {
                *ret = (struct bytes){(const uint8_t *)text, strlen(text)};
                return ERR_OK;
        }
        if (strncmp(begin, PEM_BEGIN, strlen(PEM_BEGIN)) != 0)
                return crl_refuse(why, "its PEM block is not of the kind X509 CRL");
        begin += strlen(PEM_BEGIN);
        end = strstr(begin, PEM_END);
        if (end == NULL)
                return crl_refuse(why, "its PEM block has no end");
        if (strstr(end, "-----BEGIN ") != NULL)
                return crl_refuse(why, "it has several PEM blocks; one list is wanted");
        *ret = (struct bytes){(const uint8_t *)begin, (size_t)(end - begin)};
        return ERR_OK;
}

static enum err read_base64(struct bytes text, struct buf *ret)
{
        CLEANUP(buf) struct buf dense = BUF_UP_TO(BASE64_MAX);

        TRY(buf_reserve(&dense, text.len));
        for (size_t i = 0; i < text.len; i++)
                if (memchr(" \t\r\n", text.data[i], 4) == NULL)
                        dense.data[dense.len++] = text.data[i];
        return dense.len == 0 ? ERR_SYNTAX : text_unbase64((const char *)dense.data, dense.len, ret);
}

static enum err read_text(const char *text, struct buf *ret, char *why)
{
        struct bytes base64 = {NULL, 0};
        enum err e;

        TRY(find_base64(text, &base64, why));
        e = read_base64(base64, ret);
        if (e == ERR_LIMIT)
                return crl_refuse(why, "it has more than %d bytes", CA_CRL_DER_MAX);
        if (e == ERR_SYNTAX)
                return crl_refuse(why, "it is neither PEM nor base64");
        return e;
}

enum err ca_crl_text(const void *der, size_t len, struct buf *ret)
{
        CLEANUP(buf) struct buf base64 = BUF_UP_TO(BASE64_MAX);

        TRY(text_base64(der, len, &base64));
        TRY(buf_reserve(ret, base64.len + base64.len / PEM_COLUMNS + 64));
        TRY(buf_add_text(ret, PEM_BEGIN "\n"));
        for (size_t at = 0; at < base64.len; at += PEM_COLUMNS) {
                size_t left = base64.len - at;

                TRY(buf_add(ret, base64.data + at, left < PEM_COLUMNS ? left : PEM_COLUMNS));
                TRY(buf_add(ret, "\n", 1));
        }
        return buf_add_text(ret, PEM_END "\n");
}

/* ---- the list ---- */

static bool is_time(const struct rd *r)
{
        return der_is(r, DER_UTC_TIME) || der_is(r, DER_GENERALIZED_TIME);
}

static bool read_time(struct rd *r, int64_t *ret)
{
        struct der d = der_next(r, der_is(r, DER_UTC_TIME) ? DER_UTC_TIME : DER_GENERALIZED_TIME);
        const unsigned char *at = d.whole.data;
        ASN1_TIME *time = r->bad ? NULL : d2i_ASN1_TIME(NULL, &at, (long)d.whole.len);
        struct tm tm;
        bool right = time != NULL && ASN1_TIME_to_tm(time, &tm) == 1;

        ASN1_TIME_free(time);
        if (right)
                *ret = timegm(&tm);
        return right;
}

/* Shortest form: brokers compare serial numbers by their octets. */
static bool is_serial(struct bytes s)
{
        return s.len == 1 || (s.len > 1 && (s.data[0] != 0 || (s.data[1] & 0x80) != 0) &&
                              (s.data[0] != 0xFF || (s.data[1] & 0x80) == 0));
}

static enum err read_entry(struct rd *list, int64_t number, bool *ret_lifts, char *why)
{
        struct rd r = der_inside(der_next(list, DER_SEQUENCE));
        struct bytes serial = der_next(&r, DER_INTEGER).content;
        struct crl_extensions extensions = {.lifts = false};
        char inner[CRL_WHY_SIZE] = "";

        (void)der_next(&r, der_is(&r, DER_UTC_TIME) ? DER_UTC_TIME : DER_GENERALIZED_TIME);
        struct der more = rd_left(&r) > 0 ? der_next(&r, DER_SEQUENCE) : (struct der){0};
        if (list->bad || !der_ended(&r) || !is_serial(serial))
                return crl_refuse(why, "its entry %" PRId64 " cannot be read", number);
        if (crl_extensions_read(more, CRL_OF_ENTRY, &extensions, inner) != ERR_OK)
                return crl_refuse(why, "its entry %" PRId64 ": %.256s", number, inner);
        *ret_lifts = extensions.lifts;
        return ERR_OK;
}

static enum err read_entries(struct der list, struct ca_crl *c, char *why)
{
        struct rd r = der_inside(list);

        for (int64_t number = 1; rd_left(&r) > 0; number++) {
                bool lifts = false;

                if (number > CA_CRL_ENTRIES_MAX)
                        return crl_refuse(why, "it has more than %d entries", CA_CRL_ENTRIES_MAX);
                TRY(read_entry(&r, number, &lifts, why));
                c->entries += !lifts;
        }
        return ERR_OK;
}

static enum err read_list_extensions(struct der wrapped, struct ca_crl *c, char *why)
{
        struct rd r = der_inside(wrapped);
        struct der list = der_next(&r, DER_SEQUENCE);
        struct crl_extensions extensions;

        if (!der_ended(&r))
                return crl_refuse(why, "its extensions cannot be read");
        TRY(crl_extensions_read(list, CRL_OF_LIST, &extensions, why));
        memcpy(c->number, extensions.number, sizeof c->number);
        return ERR_OK;
}

/* Version 2 says so; version 1 says nothing and has no extensions. */
static enum err read_signed_part(struct der part, struct ca_crl *c, char *why)
{
        struct rd r = der_inside(part);
        bool has_version = der_is(&r, DER_INTEGER);
        struct bytes version = has_version ? der_next(&r, DER_INTEGER).content : (struct bytes){0};
        struct bytes algorithm = der_next(&r, DER_SEQUENCE).whole;
        bool times;

        if (has_version && (version.len != 1 || version.data[0] != VERSION_2))
                return crl_refuse(why, "it is of another version than 1 and 2");
        c->issuer = der_next(&r, DER_SEQUENCE).whole;
        times = read_time(&r, &c->this_update) && (!is_time(&r) || read_time(&r, &c->next_update));
        if (r.bad || !times)
                return crl_refuse(why, "its head cannot be read");
        if (algorithm.len != c->algorithm.len ||
            memcmp(algorithm.data, c->algorithm.data, algorithm.len) != 0)
                return crl_refuse(why, "it names two signature algorithms");
        if (der_is(&r, DER_SEQUENCE))
                TRY(read_entries(der_next(&r, DER_SEQUENCE), c, why));
        if (has_version && der_is(&r, DER_CONTEXT))
                TRY(read_list_extensions(der_next(&r, DER_CONTEXT), c, why));
        return der_ended(&r) ? ERR_OK
                             : crl_refuse(why, "there is something behind its entries that cannot be read");
}

static enum err read_der(struct ca_crl *c, char *why)
{
        struct rd outer = rd_of(c->der.data, c->der.len), r = der_inside(der_next(&outer, DER_SEQUENCE));
        struct der part = der_next(&r, DER_SEQUENCE);

        c->signed_part = part.whole;
        c->algorithm = der_next(&r, DER_SEQUENCE).whole;
        c->signature = der_next(&r, DER_BIT_STRING).whole;
        if (!der_ended(&outer) || !der_ended(&r))
                return crl_refuse(why, "it is no certificate revocation list");
        return read_signed_part(part, c, why);
}

enum err ca_crl_read(const char *text, struct ca_crl *ret, char why[CRL_WHY_SIZE])
{
        struct ca_crl c = CA_CRL_EMPTY;
        enum err e = read_text(text, &c.der, why);

        if (e == ERR_OK)
                e = read_der(&c, why);
        ERR_clear_error();
        if (e != ERR_OK)
                ca_crl_done(&c);
        else
                *ret = c;
        return e;
}

/* ---- whose it is, and whether it is current ---- */

static bool is_issuer(const struct ca_crl *c, X509 *ca)
{
        const unsigned char *at = c->issuer.data;
        CLEANUP(namep) X509_NAME *issuer = d2i_X509_NAME(NULL, &at, (long)c->issuer.len);

        return issuer != NULL && X509_NAME_cmp(issuer, X509_get_subject_name(ca)) == 0;
}

/* NID_undef: none that is known. RSA-PSS names it in its parameters (RFC 4055 §3.1: SHA-1 unless it does). */
static int digest_of(const X509_ALGOR *algorithm)
{
        const ASN1_OBJECT *object, *hash = NULL;
        const void *value = NULL;
        int kind, digest = NID_undef;

        X509_ALGOR_get0(&object, &kind, &value, algorithm);
        if (OBJ_obj2nid(object) != NID_rsassaPss)
                return OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, NULL) == 1 ? digest : NID_undef;
        if (kind != V_ASN1_SEQUENCE)
                return NID_undef;
        CLEANUP(pssp)
        RSA_PSS_PARAMS *pss = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
        if (pss == NULL)
                return NID_undef;
        if (pss->hashAlgorithm == NULL)
                return NID_sha1;
        X509_ALGOR_get0(&hash, NULL, NULL, pss->hashAlgorithm);
        return OBJ_obj2nid(hash);
}

static enum err check_digest(const X509_ALGOR *algorithm, char *why)
{
        static const int strong[] = {NID_sha256,   NID_sha384,   NID_sha512,  NID_sha512_256,
                                     NID_sha3_256, NID_sha3_384, NID_sha3_512};
        int digest = digest_of(algorithm);

        for (size_t i = 0; i < sizeof strong / sizeof strong[0]; i++)
                if (digest == strong[i])
                        return ERR_OK;
        return crl_refuse(why, "it is signed with %s; SHA-256 or better is needed",
                          digest == NID_undef ? "an algorithm that is not known here" : OBJ_nid2sn(digest));
}

/* The signed part as it came, not written anew. */
static bool is_signed_by(const struct ca_crl *c, const X509_ALGOR *algorithm, EVP_PKEY *key)
{
        const unsigned char *at = c->signature.data;
        CLEANUP(bitsp) ASN1_BIT_STRING *signature = d2i_ASN1_BIT_STRING(NULL, &at, (long)c->signature.len);
        CLEANUP(asn1p) ASN1_TYPE *whole = ASN1_TYPE_new();
        ASN1_STRING *bytes = ASN1_STRING_new();

        if (signature == NULL || whole == NULL || bytes == NULL ||
            ASN1_STRING_set(bytes, c->signed_part.data, (int)c->signed_part.len) != 1) {
                ASN1_STRING_free(bytes);
                return false;
        }
        ASN1_TYPE_set(whole, V_ASN1_SEQUENCE, bytes); /* takes it; encoded as it is */
        return ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), algorithm, signature, whole, key) == 1;
}

static enum err check_signature(const struct ca_crl *c, X509 *ca, char *why)
{
        const unsigned char *at = c->algorithm.data;
        CLEANUP(algorp) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)c->algorithm.len);
        EVP_PKEY *key = X509_get0_pubkey(ca);

        if (!is_issuer(c, ca))
                return crl_refuse(why, "its issuer is not the subject of the CA certificate");
        if ((X509_get_extension_flags(ca) & EXFLAG_KUSAGE) != 0 &&
            (X509_get_key_usage(ca) & KU_CRL_SIGN) == 0)
                return crl_refuse(why, "the keyUsage of the CA certificate lacks cRLSign");
        if (algorithm == NULL || key == NULL)
                return crl_refuse(why, "its signature algorithm cannot be read");
        TRY(check_digest(algorithm, why));
        if (!is_signed_by(c, algorithm, key))
                return crl_refuse(why, "it is not signed with the private key of the CA certificate");
        return ERR_OK;
}

static enum err check_time(const struct ca_crl *c, int64_t now, char *why)
{
        char date[16];

        if (c->this_update > now + CA_CRL_CLOCK_SLACK_S) {
                certificate_date(c->this_update, date);
                return crl_refuse(why, "its thisUpdate, %s (UTC), has not come yet", date);
        }
        if (c->next_update == 0 || c->next_update > now)
                return ERR_OK;
        certificate_date(c->next_update, date);
        return crl_refuse(why, "its nextUpdate, %s (UTC), has passed; a newer list is wanted", date);
}

enum err ca_crl_check(const struct ca_crl *c, X509 *ca, int64_t now, char why[CRL_WHY_SIZE])
{
        enum err e = check_signature(c, ca, why);

        ERR_clear_error();
        return e == ERR_OK ? check_time(c, now, why) : e;
}

/* Both without leading zeros. */
static int compare_numbers(const char *a, const char *b)
{
        size_t a_len = strlen(a), b_len = strlen(b);

        return a_len != b_len ? (a_len < b_len ? -1 : 1) : strcmp(a, b);
}

enum err ca_crl_check_newer(const struct ca_crl *c, const char *number, int64_t this_update,
                            char why[CRL_WHY_SIZE])
{
        if (number[0] != '\0' && c->number[0] != '\0' && compare_numbers(c->number, number) < 0)
                return crl_refuse(why, "its cRLNumber %s is lower than %s, that of the list which is there",
                                  c->number, number);
        if (c->this_update < this_update)
                return crl_refuse(why, "its thisUpdate is before that of the list which is there");
        return ERR_OK;
}
