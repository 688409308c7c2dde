/* SPDX-License-Identifier: Apache-2.0 */
/* A CA and a verification certificate as a stranger sends them. Random text is hardly ever a certificate, so
 * the first byte decides: the input is two texts with a NUL between, two DERs, or changes to a pair that is
 * right. */
#include "api/ca_proof.h"
#include "common/cleanup.h"
#include "common/pem.h"
#include "common/text.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define CODE "13274673-8f90-4630-bea1-9cccb25756ad0000000000000001"

enum { TEXT_MAX = 1024 * 1024, NOW = 1700000000 };
enum { MODE_TEXTS, MODE_DERS, MODE_CHANGES, MODES };

static struct buf good_ca = BUF_UP_TO(TEXT_MAX), good_verification = BUF_UP_TO(TEXT_MAX);

static void require(int condition)
{
        if (!condition)
                abort();
}

static X509 *make(EVP_PKEY *key, EVP_PKEY *signer, const char *subject, const char *issuer, bool is_ca)
{
        X509 *c = X509_new();
        X509_NAME *name = X509_NAME_new();

        require(c != NULL && name != NULL);
        require(X509_set_version(c, is_ca ? 2 : 0));
        require(ASN1_INTEGER_set(X509_get_serialNumber(c), 0x7269));
        require(ASN1_TIME_set(X509_getm_notBefore(c), NOW - 1000) != NULL);
        require(ASN1_TIME_set(X509_getm_notAfter(c), NOW + 1000000) != NULL);
        require(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                           (const unsigned char *)subject, -1, -1, 0));
        require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1,
                                           0));
        require(X509_set_issuer_name(c, name) && X509_set_pubkey(c, key));
        X509_NAME_free(name);
        if (is_ca) {
                X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE");

                require(e != NULL && X509_add_ext(c, e, -1));
                X509_EXTENSION_free(e);
        }
        require(X509_sign(c, signer, EVP_sha256()) > 0);
        return c;
}

static void make_pair(void)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = EVP_EC_gen("P-256");
        CLEANUP(x509p) X509 *ca = make(key, key, "CA", "CA", true);
        CLEANUP(x509p) X509 *verification = make(key, key, CODE, "CA", false);

        require(pem_certificate_der(ca, &good_ca) == ERR_OK);
        require(pem_certificate_der(verification, &good_verification) == ERR_OK);
}

static void check(const struct ca_proof *p)
{
        struct fault f = {0};
        char again[SERIAL_SIZE];
        json_t *report = ca_proof_report(p);

        require(report != NULL && ERR_peek_error() == 0);
        json_decref(report);
        require(p->problem_count >= 0 && p->problem_count <= CA_PROBLEMS_MAX);
        for (int i = 0; i < p->problem_count; i++)
                require(text_is_utf8(p->problems[i].message, strlen(p->problems[i].message)));
        require(ca_proof_fault(p, &f) == (p->problem_count > 0 ? ERR_REFUSED : ERR_OK));
        require(p->sn[0] == '\0' || (serial_read(p->sn, again) && strcmp(again, p->sn) == 0));
        require(text_is_utf8(p->subject, strlen(p->subject)));
        require(strlen(p->code) < REGISTRATION_CODE_SIZE);
        if (p->problem_count == 0) {
                require(p->sn[0] != '\0' && p->code[0] != '\0' && p->algorithm[0] != '\0');
                require(p->ca_der.len > 0 && p->verification_der.len > 0);
        }
}

/* How many problems. */
static int prove(const char *ca, const char *verification)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};

        require(ca_proof_read(ca, verification, NOW, &p) == ERR_OK);
        check(&p);
        return p.problem_count;
}

static int prove_ders(const struct buf *ca, const struct buf *verification)
{
        CLEANUP(buf) struct buf ca_text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf verification_text = BUF_UP_TO(TEXT_MAX);

        require(pem_der_text(ca->data, ca->len, &ca_text) == ERR_OK);
        require(pem_der_text(verification->data, verification->len, &verification_text) == ERR_OK);
        return prove(buf_text(&ca_text), buf_text(&verification_text));
}

static int prove_texts(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf copy = BUF_UP_TO(TEXT_MAX);
        const char *ca;

        require(buf_add(&copy, bytes, size) == ERR_OK);
        ca = buf_text(&copy);
        return prove(ca, strlen(ca) < size ? ca + strlen(ca) + 1 : "");
}

static int prove_split(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf ca = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf verification = BUF_UP_TO(TEXT_MAX);
        size_t half = size < 2 ? 0 : (size_t)(bytes[0] << 8 | bytes[1]) % (size - 1);

        require(size < 2 || buf_add(&ca, bytes + 2, half < size - 2 ? half : size - 2) == ERR_OK);
        require(half + 2 >= size || buf_add(&verification, bytes + 2 + half, size - 2 - half) == ERR_OK);
        return prove_ders(&ca, &verification);
}

/* Triples: where (two bytes; the CA first, then the verification certificate), what. */
static int prove_changed(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf ca = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf verification = BUF_UP_TO(TEXT_MAX);

        require(buf_add(&ca, good_ca.data, good_ca.len) == ERR_OK);
        require(buf_add(&verification, good_verification.data, good_verification.len) == ERR_OK);
        for (size_t at = 0; at + 3 <= size; at += 3) {
                size_t place = (size_t)(bytes[at] << 8 | bytes[at + 1]) % (ca.len + verification.len);

                if (place < ca.len)
                        ca.data[place] = bytes[at + 2];
                else
                        verification.data[place - ca.len] = bytes[at + 2];
        }
        return prove_ders(&ca, &verification);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static int (*const modes[])(const uint8_t *, size_t) = {
                [MODE_TEXTS] = prove_texts, [MODE_DERS] = prove_split, [MODE_CHANGES] = prove_changed};

        if (good_ca.len == 0) {
                make_pair();
                require(prove_changed(NULL, 0) == 0);
        }
        if (size > 0)
                (void)modes[bytes[0] % MODES](bytes + 1, size - 1);
        return 0;
}
