/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever makes a certificate chooses every octet of its names, so text leaves here as UTF-8 without control
 * characters, cut to a fixed size, and a name with a NUL in it is not taken for the name before the NUL. */
#include "api/certificate.h"

#include "common/model.h"
#include "common/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RESOURCE_ID_PREFIX "cas-upload-"

CLEANUP_DEFINE(bnp, BIGNUM *, BN_free)

static inline void cleanup_names(GENERAL_NAMES **names)
{
        GENERAL_NAMES_free(*names);
}

static void cut_text(const unsigned char *text, size_t len, char ret[CERTIFICATE_TEXT_SIZE])
{
        if (len >= CERTIFICATE_TEXT_SIZE) {
                len = CERTIFICATE_TEXT_SIZE - 1;
                while (len > 0 && (text[len] & 0xC0) == 0x80)
                        len--;
        }
        for (size_t i = 0; i < len; i++)
                ret[i] = text[i] < 0x20 || text[i] == 0x7F ? '?' : (char)text[i];
        ret[len] = '\0';
}

/* The last attribute of this kind, which is the most specific one; "" when there is none. */
static void name_text(const X509_NAME *name, int nid, char ret[CERTIFICATE_TEXT_SIZE])
{
        int at = -1, next, len;
        unsigned char *text = NULL;

        ret[0] = '\0';
        while ((next = X509_NAME_get_index_by_NID(name, nid, at)) >= 0)
                at = next;
        if (at < 0)
                return;
        len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        if (len > 0 && text_is_utf8(text, (size_t)len))
                cut_text(text, (size_t)len, ret);
        OPENSSL_free(text);
}

static bool is_host_character(unsigned char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_' || c == '*';
}

/* False for what no host can be called: a NUL, a comma, a control character. */
static bool dns_text(const ASN1_STRING *name, char ret[CERTIFICATE_TEXT_SIZE])
{
        const unsigned char *text = ASN1_STRING_get0_data(name);
        int len = ASN1_STRING_length(name);

        if (len <= 0 || len >= CERTIFICATE_TEXT_SIZE)
                return false;
        for (int i = 0; i < len; i++)
                if (!is_host_character(text[i]))
                        return false;
        memcpy(ret, text, (size_t)len);
        ret[len] = '\0';
        return true;
}

static bool address_text(const ASN1_STRING *address, char ret[CERTIFICATE_TEXT_SIZE])
{
        int len = ASN1_STRING_length(address);

        if (len != 4 && len != 16)
                return false;
        return inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), ret,
                         CERTIFICATE_TEXT_SIZE) != NULL;
}

static enum err read_sans(X509 *certificate, struct certificate_facts *f)
{
        CLEANUP(names) GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        char text[CERTIFICATE_TEXT_SIZE];

        for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                bool known = (name->type == GEN_DNS && dns_text(name->d.dNSName, text)) ||
                             (name->type == GEN_IPADD && address_text(name->d.iPAddress, text));

                if (!known)
                        continue;
                if (f->common_name[0] == '\0')
                        memcpy(f->common_name, text, sizeof f->common_name);
                if (f->sans.len > 0)
                        TRY(buf_add_text(&f->sans, ","));
                TRY(buf_add_text(&f->sans, text));
        }
        return ERR_OK;
}

static enum err read_serial(X509 *certificate, struct certificate_facts *f)
{
        CLEANUP(bnp) BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        uint8_t octets[CERTIFICATE_SERIAL_OCTETS_MAX] = {0};
        int len = number != NULL ? BN_num_bytes(number) : -1;
        int sign = number != NULL && BN_is_negative(number);

        if (len < 0)
                return ERR_SYNTAX;
        if (len > CERTIFICATE_SERIAL_OCTETS_MAX)
                return ERR_LIMIT;
        BN_bn2bin(number, octets);
        f->serial[0] = '-';
        text_hex(octets, len > 0 ? (size_t)len : 1, f->serial + sign);
        return ERR_OK;
}

static enum err read_time(const ASN1_TIME *time, int64_t *ret)
{
        struct tm tm;

        if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
                return ERR_SYNTAX;
        *ret = timegm(&tm);
        return ERR_OK;
}

static enum err read_digests(X509 *certificate, struct certificate_facts *f)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(PEM_TEXT_MAX);
        uint8_t sha1[SHA1_BYTES];

        TRY(pem_certificate_der(certificate, &der));
        crypt_sha256(der.data, der.len, f->sha256);
        crypt_sha1(der.data, der.len, sha1);
        text_hex_upper(f->sha256, sizeof f->sha256, f->sha256_hex);
        text_hex_upper(sha1, sizeof sha1, f->sha1_hex);
        return ERR_OK;
}

static void read_names(X509 *certificate, struct certificate_facts *f)
{
        const X509_NAME *subject = X509_get_subject_name(certificate),
                        *issuer = X509_get_issuer_name(certificate);

        name_text(subject, NID_commonName, f->common_name);
        name_text(subject, NID_organizationName, f->organization);
        name_text(subject, NID_countryName, f->country);
        name_text(subject, NID_stateOrProvinceName, f->province);
        name_text(subject, NID_localityName, f->city);
        name_text(issuer, NID_commonName, f->issuer);
        if (f->issuer[0] == '\0')
                name_text(issuer, NID_organizationName, f->issuer);
}

static enum err read_facts(X509 *certificate, struct certificate_facts *f)
{
        EVP_PKEY *key = X509_get0_pubkey(certificate);
        int kind = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

        f->algorithm = kind == EVP_PKEY_RSA ? "RSA" : kind == EVP_PKEY_EC ? "ECC" : "";
        f->key_bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
        read_names(certificate, f);
        TRY(read_time(X509_get0_notBefore(certificate), &f->not_before));
        TRY(read_time(X509_get0_notAfter(certificate), &f->not_after));
        TRY(read_serial(certificate, f));
        TRY(read_digests(certificate, f));
        return read_sans(certificate, f);
}

enum err certificate_facts_read(X509 *certificate, struct certificate_facts *ret)
{
        struct certificate_facts f = {.sans = BUF_UP_TO(CERTIFICATE_SANS_MAX)};
        enum err e = read_facts(certificate, &f);

        ERR_clear_error();
        if (e != ERR_OK)
                certificate_facts_done(&f);
        else
                *ret = f;
        return e;
}

void certificate_facts_done(struct certificate_facts *f)
{
        buf_done(&f->sans);
}

static const struct {
        const char *group; /* as EVP_PKEY_get_group_name() has it */
} curves[] = {{"prime256v1"}, {"secp384r1"}, {"secp521r1"}, {"P-256"}, {"P-384"}, {"P-521"}};

static bool curve_is_allowed(const char *group)
{
        for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
                if (strcmp(group, curves[i].group) == 0)
                        return true;
        return false;
}

static enum err check_key(X509 *certificate, char why[256])
{
        EVP_PKEY *key = X509_get0_pubkey(certificate);
        int kind = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
        char group[64] = "without a name";
        int is_explicit = 0;

        if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_LEAST) {
                (void)snprintf(why, 256, "The RSA key has %d bits; at least %d are needed.",
                               EVP_PKEY_get_bits(key), RSA_BITS_LEAST);
                return ERR_UNSUPPORTED;
        }
        if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) > RSA_BITS_MOST) {
                (void)snprintf(why, 256, "The RSA key has %d bits; at most %d are allowed.",
                               EVP_PKEY_get_bits(key), RSA_BITS_MOST);
                return ERR_UNSUPPORTED;
        }
        if (kind == EVP_PKEY_RSA)
                return ERR_OK;
        if (kind != EVP_PKEY_EC) {
                (void)snprintf(why, 256, "The key is neither RSA nor EC.");
                return ERR_UNSUPPORTED;
        }
        (void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
        if (is_explicit != 0) { /* OpenSSL finds the name of such a curve; TLS clients do not look for it */
                (void)snprintf(why, 256, "The EC key spells its curve out; it must name the curve.");
                return ERR_UNSUPPORTED;
        }
        (void)EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
        if (curve_is_allowed(group))
                return ERR_OK;
        (void)snprintf(why, 256, "The EC key has %d bits on the curve %s; P-256, P-384 or P-521 is needed.",
                       EVP_PKEY_get_bits(key), group);
        return ERR_UNSUPPORTED;
}

enum err certificate_check_key(X509 *certificate, char why[256])
{
        enum err e = check_key(certificate, why);

        ERR_clear_error();
        return e;
}

enum err certificate_check_digest(X509 *certificate, char why[256])
{
        static const struct {
                int nid;
                const char *name;
        } broken[] = {{NID_md2, "MD2"},
                      {NID_md4, "MD4"},
                      {NID_md5, "MD5"},
                      {NID_md5_sha1, "MD5"},
                      {NID_sha1, "SHA-1"}};
        int digest = NID_undef;

        (void)X509_get_signature_info(certificate, &digest, NULL, NULL, NULL);
        ERR_clear_error();
        for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
                if (digest != broken[i].nid)
                        continue;
                (void)snprintf(why, 256, "The certificate is signed with %s; SHA-256 or better is needed.",
                               broken[i].name);
                return ERR_UNSUPPORTED;
        }
        return ERR_OK;
}

enum err certificate_check_leaf(X509 *leaf, char why[256])
{
        EVP_PKEY *key = X509_get0_pubkey(leaf);

        TRY(certificate_check_key(leaf, why));
        if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) > RSA_SERVING_BITS_MOST) {
                (void)snprintf(why, 256,
                               "The RSA key has %d bits; at most %d are allowed, for every handshake "
                               "costs a signature with it.",
                               EVP_PKEY_get_bits(key), RSA_SERVING_BITS_MOST);
                return ERR_UNSUPPORTED;
        }
        return certificate_check_digest(leaf, why);
}

static bool is_signed_by(X509 *certificate, X509 *issuer)
{
        EVP_PKEY *key = X509_get0_pubkey(issuer);

        return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 &&
               key != NULL && X509_verify(certificate, key) == 1;
}

enum err certificate_check_order(const struct pem_chain *chain, char why[256])
{
        for (int i = 1; i < chain->count; i++) {
                bool in_order = is_signed_by(chain->certificates[i - 1], chain->certificates[i]);

                ERR_clear_error();
                if (in_order)
                        continue;
                (void)snprintf(
                        why, 256,
                        "Certificate %d of Cert is not signed by certificate %d; the order is the server "
                        "certificate first, then each issuer behind what it signed.",
                        i, i + 1);
                return ERR_MISMATCH;
        }
        return ERR_OK;
}

void certificate_identifier(int64_t id, char ret[CERTIFICATE_IDENTIFIER_SIZE])
{
        ret[0] = '\0';
        if (id != 0)
                (void)snprintf(ret, CERTIFICATE_IDENTIFIER_SIZE, "%" PRId64 "-" CERTIFICATE_REGION, id);
}

void certificate_resource_id(int64_t id, char ret[RESOURCE_ID_SIZE])
{
        static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        char text[16] = "";
        int at = (int)sizeof text - 1;

        for (uint64_t left = (uint64_t)id; left > 0 || at > (int)sizeof text - 1 - 6; left /= 36)
                text[--at] = digits[left % 36];
        (void)snprintf(ret, RESOURCE_ID_SIZE, RESOURCE_ID_PREFIX "%s", text + at);
}

bool certificate_resource_id_read(const char *text, int64_t *ret)
{
        size_t prefix = strlen(RESOURCE_ID_PREFIX), len = strlen(text);
        int64_t id = 0;

        if (len < prefix + 6 || len > prefix + 11 || memcmp(text, RESOURCE_ID_PREFIX, prefix) != 0)
                return false;
        for (const char *c = text + prefix; *c != '\0'; c++) {
                bool digit = *c >= '0' && *c <= '9';

                if (!digit && (*c < 'a' || *c > 'z'))
                        return false;
                id = id * 36 + (digit ? *c - '0' : *c - 'a' + 10);
        }
        *ret = id;
        return true;
}

void certificate_date(int64_t seconds, char ret[16])
{
        time_t at = (time_t)seconds;
        struct tm tm;

        if (gmtime_r(&at, &tm) == NULL || strftime(ret, 16, "%Y-%m-%d", &tm) == 0)
                ret[0] = '\0';
}

int64_t certificate_days_left(int64_t not_after, int64_t now)
{
        return not_after > now ? (not_after - now) / DAY_SECONDS : 0;
}
