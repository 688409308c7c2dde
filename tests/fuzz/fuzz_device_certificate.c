/* SPDX-License-Identifier: Apache-2.0 */
/* What a device presents in its handshake: up to four certificates, which device_auth() judges against an
 * instance with a root CA, another one of its name, and an inactive CA. The first byte decides: the input is
 * DERs (each behind its length, two bytes), or changes to chains that are right, the second byte says which.
 *
 * Random bytes are hardly ever signed, so this has the key: a changed certificate may be signed again, and
 * then whoever is let in has to fulfil what is asked of all. */
#include "broker/certificate_part.h"
#include "broker/device_auth.h"
#include "common/pem.h"
#include "common/serial.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000, DAY = 86400, DER_MAX = 4096, CHAINS = 3, CHAIN_MAX = DEVICE_CHAIN_MAX + 1 };

CLEANUP_DEFINE(namep, X509_NAME *, X509_NAME_free)

struct certificate {
        uint8_t der[DER_MAX];
        size_t len;
};

static struct certificate root, namesake, inactive, line, devices[CHAINS];
static EVP_PKEY *keys[5];
static struct snapshot snapshot;
static struct device_table *known;

static void require(bool condition)
{
        if (!condition)
                abort();
}

/* ---- the instance ---- */

static void add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

        require(e != NULL && X509_add_ext(x, e, -1));
        X509_EXTENSION_free(e);
}

static void make(struct certificate *ret, const char *subject, const char *issuer, EVP_PKEY *key,
                 EVP_PKEY *signer, bool is_ca)
{
        static int serial = 0x7000;
        CLEANUP(x509p) X509 *x = X509_new();
        CLEANUP(namep) X509_NAME *name = X509_NAME_new();
        unsigned char *at = ret->der;
        X509V3_CTX ctx;

        require(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial));
        require(ASN1_TIME_set(X509_getm_notBefore(x), NOW - DAY) &&
                ASN1_TIME_set(X509_getm_notAfter(x), NOW + DAY));
        require(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                           (const unsigned char *)subject, -1, -1, 0));
        require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1,
                                           0));
        require(X509_set_issuer_name(x, name) && X509_set_pubkey(x, key));
        X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
        add_extension(x, &ctx, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
        add_extension(x, &ctx, NID_key_usage, is_ca ? "keyCertSign" : "digitalSignature");
        add_extension(x, &ctx, NID_ext_key_usage, "clientAuth");
        require(X509_sign(x, signer, EVP_sha256()) > 0);
        ret->len = (size_t)i2d_X509(x, &at);
}

static void make_instance(void)
{
        struct certificate *cas[] = {&root, &namesake, &inactive};
        struct trust_change changes[3];

        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
                require((keys[i] = EVP_EC_gen("P-256")) != NULL);
        make(&root, "Root", "Root", keys[0], keys[0], true);
        make(&namesake, "Root", "Root", keys[1], keys[1], true);
        make(&inactive, "Idle", "Idle", keys[2], keys[2], true);
        make(&line, "Line", "Root", keys[3], keys[0], true);
        make(&devices[0], "a", "Root", keys[4], keys[0], false);
        make(&devices[1], "b", "Line", keys[4], keys[3], false);
        make(&devices[2], "c", "Idle", keys[4], keys[2], false);
        for (int i = 0; i < 3; i++) {
                struct bytes der = {cas[i]->der, cas[i]->len};

                changes[i] = (struct trust_change){.id = i + 1};
                require(trust_ca_new(i + 1, "70", der, i != 2, NULL, 0, &changes[i].ca) == ERR_OK);
        }
        require(trust_with(NULL, changes, 3, &snapshot.trust) == ERR_OK);
        for (int i = 0; i < 3; i++)
                trust_ca_unref(changes[i].ca);
        require(device_table_new(16, &known) == ERR_OK);
}

/* ---- the question ---- */

static EVP_PKEY *key_of(int64_t ca_id)
{
        return keys[ca_id - 1];
}

/* What is true of whoever is let in. */
static void check_accepted(X509 *leaf, STACK_OF(X509) * presented, const struct device_identity *id)
{
        int64_t not_before, not_after;
        char sn[SERIAL_SIZE];
        uint8_t sha256[32];
        bool signed_by_ca = false;

        require(id->ca_id == id->anchor_id && (id->ca_id == 1 || id->ca_id == 2) && !id->registered);
        require(certificate_sha256(leaf, sha256) == ERR_OK && memcmp(sha256, id->sha256, 32) == 0);
        require(serial_of(leaf, sn) == ERR_OK);
        require(certificate_dates(leaf, &not_before, &not_after) == ERR_OK);
        require(not_before <= NOW && NOW < not_after && NOW < id->valid_until &&
                id->valid_until <= not_after);
        require(EVP_PKEY_get_security_bits(X509_get0_pubkey(leaf)) >= 112);
        for (int i = 0; i < sk_X509_num(presented); i++)
                signed_by_ca =
                        signed_by_ca || X509_verify(sk_X509_value(presented, i), key_of(id->anchor_id)) == 1;
        require(signed_by_ca);
        require(device_auth_again(&snapshot, id, NOW) == REFUSAL_NONE);
}

static enum refusal ask(STACK_OF(X509) * presented)
{
        struct device_identity id = {.registered = true};
        X509 *leaf = sk_X509_value(presented, 0);
        enum refusal r = device_auth(&snapshot, known, leaf, presented, NOW, &id);

        require(r < REFUSALS && ERR_peek_error() == 0);
        require(r == REFUSAL_NONE || refusal_table[r].verify_error != 0 || r == REFUSAL_NO_CERTIFICATE);
        if (r == REFUSAL_NONE)
                check_accepted(leaf, presented, &id);
        ERR_clear_error();
        return r;
}

static void present(STACK_OF(X509) * presented, const uint8_t *der, size_t len)
{
        const unsigned char *at = der;
        X509 *x = d2i_X509(NULL, &at, (long)len);

        ERR_clear_error();
        if (x != NULL)
                require(sk_X509_push(presented, x) > 0);
}

static void present_ders(STACK_OF(X509) * presented, const uint8_t *bytes, size_t size)
{
        while (size >= 2 && sk_X509_num(presented) < CHAIN_MAX) {
                size_t len = (size_t)(bytes[0] << 8 | bytes[1]);

                bytes += 2;
                size -= 2;
                if (len > size)
                        len = size;
                present(presented, bytes, len);
                bytes += len;
                size -= len;
        }
}

/* Triples: where (two bytes), what. Bit 7 of `way`: the device's certificate is signed again. */
static void present_changed(STACK_OF(X509) * presented, uint8_t way, const uint8_t *bytes, size_t size)
{
        static const int signers[] = {0, 3, 2};
        int which = (way & 0x7f) % CHAINS;
        struct certificate device = devices[which], second = line;

        for (size_t at = 0; at + 3 <= size; at += 3) {
                size_t place = (size_t)(bytes[at] << 8 | bytes[at + 1]) % (device.len + second.len);

                if (place < device.len)
                        device.der[place] = bytes[at + 2];
                else
                        second.der[place - device.len] = bytes[at + 2];
        }
        present(presented, device.der, device.len);
        if (sk_X509_num(presented) == 1 && (way & 0x80) != 0) {
                X509 *x = sk_X509_pop(presented);
                unsigned char *der = NULL;
                int len = X509_sign(x, keys[signers[which]], EVP_sha256()) > 0 ? i2d_X509(x, &der) : 0;

                if (len > 0)
                        present(presented, der, (size_t)len);
                OPENSSL_free(der);
                X509_free(x);
                ERR_clear_error();
        }
        present(presented, second.der, second.len);
}

static enum refusal judge(const uint8_t *bytes, size_t size)
{
        STACK_OF(X509) *presented = sk_X509_new_null();
        enum refusal r = REFUSAL_NO_CERTIFICATE;

        require(presented != NULL);
        if (size >= 2 && bytes[0] % 2 == 0)
                present_ders(presented, bytes + 1, size - 1);
        else if (size >= 2)
                present_changed(presented, bytes[1], bytes + 2, size - 2);
        if (sk_X509_num(presented) > 0)
                r = ask(presented);
        sk_X509_pop_free(presented, X509_free);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        if (snapshot.trust == NULL) {
                static const uint8_t right[][2] = {{1, 0}, {1, 1}, {1, 2}, {1, 0x82}, {1, 0x80}, {1, 0x81}};
                static const enum refusal expected[] = {REFUSAL_NONE,        REFUSAL_NONE,
                                                        REFUSAL_CA_INACTIVE, REFUSAL_CA_INACTIVE,
                                                        REFUSAL_NONE,        REFUSAL_NONE};

                make_instance();
                for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
                        require(judge(right[i], 2) == expected[i]);
        }
        (void)judge(bytes, size);
        return 0;
}
