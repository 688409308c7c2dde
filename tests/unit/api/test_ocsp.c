/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ocsp.h"
#include "common/pem.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { NOW = 1800000000, HOUR = 60 * 60, DAY = 24 * HOUR }; /* 2027-01-15 */

/* A certificate with its key. */
struct identity {
        X509 *certificate;
        EVP_PKEY *key;
};

static struct identity root, issuer, leaf, sibling, stranger, responder, lapsed, grandchild, plain;

static void extend(X509 *c, int nid, const char *value)
{
        X509_EXTENSION *e = value == NULL ? NULL : X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        if (value == NULL)
                return;
        cr_assert_not_null(e, "%s", value);
        cr_assert(X509_add_ext(c, e, -1));
        X509_EXTENSION_free(e);
}

struct wish {
        const char *name;
        long serial;
        const struct identity *by; /* NULL: itself */
        bool is_ca;
        const char *usage;     /* extendedKeyUsage */
        const char *responder; /* authorityInfoAccess */
        long days;             /* left; 0: 100 */
};

static X509 *certificate_for(const struct wish *w, EVP_PKEY *key)
{
        const struct identity self = {NULL, key}, *by = w->by != NULL ? w->by : &self;
        X509 *c = X509_new();

        cr_assert(X509_set_version(c, 2) == 1);
        cr_assert(ASN1_INTEGER_set(X509_get_serialNumber(c), w->serial) == 1);
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(c), NOW - 10 * DAY));
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notAfter(c), NOW + (w->days != 0 ? w->days : 100) * DAY));
        cr_assert(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                             (const uint8_t *)w->name, -1, -1, 0));
        cr_assert(X509_set_issuer_name(c,
                                       X509_get_subject_name(by->certificate != NULL ? by->certificate : c)));
        cr_assert(X509_set_pubkey(c, key));
        extend(c, NID_basic_constraints, w->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
        extend(c, NID_ext_key_usage, w->usage);
        extend(c, NID_info_access, w->responder);
        cr_assert_gt(X509_sign(c, by->key, EVP_sha256()), 0);
        return c;
}

static struct identity identity(struct wish w)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        cr_assert_not_null(key);
        return (struct identity){certificate_for(&w, key), key};
}

static void make_identities(void)
{
        root = identity((struct wish){.name = "Root", .serial = 1, .is_ca = true});
        issuer = identity((struct wish){.name = "Issuer", .serial = 2, .by = &root, .is_ca = true});
        leaf = identity((struct wish){.name = "a.example.com",
                                      .serial = 3,
                                      .by = &issuer,
                                      .responder = "OCSP;URI:http://ocsp.example.com/a"});
        sibling = identity((struct wish){.name = "b.example.com", .serial = 4, .by = &issuer});
        stranger = identity((struct wish){.name = "Issuer", .serial = 2, .is_ca = true});
        responder = identity(
                (struct wish){.name = "Responder", .serial = 5, .by = &issuer, .usage = "OCSPSigning"});
        lapsed = identity((struct wish){
                .name = "Lapsed", .serial = 6, .by = &issuer, .usage = "OCSPSigning", .days = -1});
        plain = identity((struct wish){.name = "Plain", .serial = 7, .by = &issuer, .usage = "serverAuth"});
        struct identity below =
                identity((struct wish){.name = "Below", .serial = 8, .by = &issuer, .is_ca = true});
        grandchild =
                identity((struct wish){.name = "Far", .serial = 9, .by = &below, .usage = "OCSPSigning"});
        X509_free(below.certificate);
        EVP_PKEY_free(below.key);
}

static void free_identities(void)
{
        struct identity *all[] = {&root,      &issuer, &leaf,       &sibling, &stranger,
                                  &responder, &lapsed, &grandchild, &plain};

        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
                X509_free(all[i]->certificate);
                EVP_PKEY_free(all[i]->key);
        }
}

TestSuite(ocsp, .init = make_identities, .fini = free_identities);

/* What a responder could say: zeros are "good, about the leaf, signed by its issuer, from an hour ago until
 * tomorrow". */
struct said {
        const struct identity *about, *in_the_name_of, *signer;
        int status;
        long begins, ends; /* from NOW */
        bool no_end;
        unsigned long sign_flags;
        const EVP_MD *hash; /* of the CertID */
};

static void say(const struct said *s, struct buf *ret)
{
        const struct identity *about = s->about != NULL ? s->about : &leaf;
        const struct identity *signer = s->signer != NULL ? s->signer : &issuer;
        const struct identity *name = s->in_the_name_of != NULL ? s->in_the_name_of : &issuer;
        OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
        OCSP_CERTID *id = OCSP_cert_to_id(s->hash != NULL ? s->hash : EVP_sha1(), about->certificate,
                                          name->certificate);
        ASN1_TIME *begins = ASN1_TIME_adj(NULL, NOW, 0, s->begins != 0 ? s->begins : -HOUR);
        ASN1_TIME *ends = ASN1_TIME_adj(NULL, NOW, 0, s->ends != 0 ? s->ends : DAY);
        ASN1_TIME *revoked = ASN1_TIME_adj(NULL, NOW, 0, -2 * DAY);
        OCSP_RESPONSE *response;
        uint8_t *der = NULL;

        cr_assert_not_null(OCSP_basic_add1_status(basic, id, s->status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                                  revoked, begins, s->no_end ? NULL : ends));
        cr_assert_eq(
                OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, s->sign_flags),
                1);
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
        int len = i2d_OCSP_RESPONSE(response, &der);
        cr_assert_gt(len, 0);
        cr_assert_eq(buf_add(ret, der, (size_t)len), ERR_OK);
        OPENSSL_free(der);
        OCSP_RESPONSE_free(response);
        OCSP_BASICRESP_free(basic);
        OCSP_CERTID_free(id);
        ASN1_TIME_free(begins);
        ASN1_TIME_free(ends);
        ASN1_TIME_free(revoked);
}

static enum err check(const struct said *s, struct ocsp_status *ret, char why[OCSP_WHY_SIZE])
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(OCSP_ANSWER_MAX);
        enum err e;

        say(s, &der);
        e = ocsp_check(der.data, der.len, leaf.certificate, issuer.certificate, NOW, ret, why);
        cr_assert_eq(ERR_peek_error(), 0, "an error is left in OpenSSL's queue");
        return e;
}

static void refused(const struct said *s, const char *word)
{
        const struct ocsp_status before = {.this_update = -1};
        struct ocsp_status status = before;
        char why[OCSP_WHY_SIZE];

        cr_assert_eq(check(s, &status, why), ERR_REFUSED, "should be refused: %s", word);
        cr_assert_not_null(strstr(why, word), "“%s” does not say “%s”", why, word);
        cr_assert_eq(status.this_update, before.this_update, "filled though refused: %s", word);
}

#define NOT_ITS_SIGNER "not signed by the certificate's issuer"

Test(ocsp, a_signature_of_anybody_else_is_refused)
{
        refused(&(struct said){.signer = &stranger}, NOT_ITS_SIGNER); /* the issuer's name, another key */
        refused(&(struct said){.signer = &root}, NOT_ITS_SIGNER);     /* above the issuer */
        refused(&(struct said){.signer = &leaf}, NOT_ITS_SIGNER);     /* the certificate for itself */
        refused(&(struct said){.signer = &sibling}, NOT_ITS_SIGNER);  /* no extended key usage at all */
        refused(&(struct said){.signer = &plain}, NOT_ITS_SIGNER);    /* for something else */
        refused(&(struct said){.signer = &lapsed}, NOT_ITS_SIGNER);   /* no longer */
        refused(&(struct said){.signer = &grandchild},
                NOT_ITS_SIGNER); /* certified by a CA below the issuer */
}

Test(ocsp, what_is_said_of_another_certificate_is_refused)
{
        refused(&(struct said){.about = &sibling}, "another certificate");
        refused(&(struct said){.in_the_name_of = &root}, "another certificate");
        refused(&(struct said){.in_the_name_of = &stranger}, "another certificate");
        refused(&(struct said){.hash = EVP_sha256()}, "another certificate");
        refused(&(struct said){.status = V_OCSP_CERTSTATUS_UNKNOWN}, "does not know");
}

Test(ocsp, times_that_make_no_sense_are_refused)
{
        refused(&(struct said){.begins = OCSP_SKEW_S + 1}, "future");
        refused(&(struct said){.ends = -1}, "has ended");
        refused(&(struct said){.begins = -HOUR, .ends = -HOUR}, "before it begins");
        refused(&(struct said){.begins = 120, .ends = 60}, "before it begins");
        refused(&(struct said){.no_end = true}, "when it ends");
}

Test(ocsp, what_is_no_response_is_refused)
{
        CLEANUP(buf) struct buf good = BUF_UP_TO(2 * OCSP_ANSWER_MAX);
        struct ocsp_status status;
        char why[OCSP_WHY_SIZE];

        say(&(struct said){0}, &good);
        for (size_t len = 0; len < good.len; len++)
                cr_assert_eq(
                        ocsp_check(good.data, len, leaf.certificate, issuer.certificate, NOW, &status, why),
                        ERR_REFUSED, "the first %zu octets", len);
        cr_assert_eq(buf_add(&good, "", 1), ERR_OK);
        cr_assert_eq(ocsp_check(good.data, good.len, leaf.certificate, issuer.certificate, NOW, &status, why),
                     ERR_REFUSED, "an octet too many");
        while (good.len <= OCSP_ANSWER_MAX)
                cr_assert_eq(buf_add(&good, "", 1), ERR_OK);
        cr_assert_eq(ocsp_check(good.data, good.len, leaf.certificate, issuer.certificate, NOW, &status, why),
                     ERR_REFUSED);
        cr_assert_not_null(strstr(why, "larger"));
        cr_assert_eq(ERR_peek_error(), 0);
}

Test(ocsp, a_response_with_any_octet_changed_is_refused)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(OCSP_ANSWER_MAX);
        struct ocsp_status status;
        char why[OCSP_WHY_SIZE];

        say(&(struct said){.sign_flags = OCSP_NOCERTS}, &der); /* the signer is known without */
        cr_assert_eq(ocsp_check(der.data, der.len, leaf.certificate, issuer.certificate, NOW, &status, why),
                     ERR_OK);
        for (size_t at = 0; at < der.len; at++) {
                der.data[at] ^= 1;
                cr_assert_eq(ocsp_check(der.data, der.len, leaf.certificate, issuer.certificate, NOW, &status,
                                        why),
                             ERR_REFUSED, "octet %zu of %zu", at, der.len);
                der.data[at] ^= 1;
        }
        cr_assert_eq(ERR_peek_error(), 0);
}

Test(ocsp, a_refusal_of_the_responder_is_named)
{
        OCSP_RESPONSE *later = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
        uint8_t *der = NULL;
        int len = i2d_OCSP_RESPONSE(later, &der);
        struct ocsp_status status;
        char why[OCSP_WHY_SIZE];

        cr_assert_eq(ocsp_check(der, (size_t)len, leaf.certificate, issuer.certificate, NOW, &status, why),
                     ERR_REFUSED);
        cr_assert_not_null(strstr(why, "trylater"), "%s", why);
        OPENSSL_free(der);
        OCSP_RESPONSE_free(later);
}

Test(ocsp, the_issuer_and_who_it_has_certified_for_it_are_believed)
{
        static const struct identity *const signers[] = {&issuer, &responder};

        for (size_t i = 0; i < 4; i++) {
                const struct said s = {.signer = signers[i / 2],
                                       .sign_flags = i % 2 == 1 ? OCSP_RESPID_KEY : 0};
                struct ocsp_status status = {.revoked = true};
                char why[OCSP_WHY_SIZE];

                cr_assert_eq(check(&s, &status, why), ERR_OK, "signer %zu: %s", i, why);
                cr_assert_eq(status.this_update, NOW - HOUR);
                cr_assert_eq(status.next_update, NOW + DAY);
                cr_assert_not(status.revoked);
                cr_assert_eq(status.revoked_at, 0);
        }
}

Test(ocsp, revoked_is_an_answer_too)
{
        struct ocsp_status status;
        char why[OCSP_WHY_SIZE];

        cr_assert_eq(check(&(struct said){.status = V_OCSP_CERTSTATUS_REVOKED}, &status, why), ERR_OK);
        cr_assert(status.revoked);
        cr_assert_eq(status.revoked_at, NOW - 2 * DAY);
}

Test(ocsp, clocks_may_differ_a_little)
{
        struct ocsp_status status;
        char why[OCSP_WHY_SIZE];

        cr_assert_eq(check(&(struct said){.begins = OCSP_SKEW_S, .ends = HOUR}, &status, why), ERR_OK, "%s",
                     why);
        cr_assert_eq(check(&(struct said){.ends = 1}, &status, why), ERR_OK, "%s", why);
}

Test(ocsp, a_request_names_the_certificate_and_nothing_else)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(OCSP_REQUEST_MAX);
        OCSP_CERTID *wanted = OCSP_cert_to_id(EVP_sha1(), leaf.certificate, issuer.certificate);

        cr_assert_eq(ocsp_request(leaf.certificate, issuer.certificate, &der), ERR_OK);
        const uint8_t *at = der.data;
        OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)der.len);
        cr_assert_not_null(request);
        cr_assert_eq(at, der.data + der.len);
        cr_assert_eq(OCSP_request_onereq_count(request), 1);
        cr_assert_eq(OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), wanted), 0);
        cr_assert_eq(OCSP_REQUEST_get_ext_count(request), 0);
        OCSP_REQUEST_free(request);
        OCSP_CERTID_free(wanted);
}

static enum err responder_of(const char *access, int64_t turn, char ret[OCSP_URL_SIZE])
{
        struct identity one =
                identity((struct wish){.name = "x", .serial = 20, .by = &issuer, .responder = access});
        enum err e = ocsp_responder(one.certificate, turn, ret);

        X509_free(one.certificate);
        EVP_PKEY_free(one.key);
        return e;
}

Test(ocsp, urls_that_are_not_http_are_not_asked)
{
        static const char *const none[] = {
                NULL,
                "caIssuers;URI:http://ca.example.com/",
                "OCSP;URI:ftp://ocsp.example.com/",
                "OCSP;URI:file:///etc/passwd",
                "OCSP;URI:ldap://ocsp.example.com/",
                "OCSP;URI:http://",
                "OCSP;URI:http:/ocsp.example.com",
                "OCSP;URI:ocsp.example.com",
                "OCSP;URI:http://ocsp.example.com/a b",
                "OCSP;URI:http://ocsp.example.com/\x01",
                "OCSP;URI:http://ocsp.\xff.example.com/",
                "OCSP;DNS:ocsp.example.com",
        };
        char url[OCSP_URL_SIZE] = "as it was", long_one[OCSP_URL_SIZE + 32] = "OCSP;URI:http://";

        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
                cr_assert_eq(responder_of(none[i], 0, url), ERR_NOT_FOUND, "%s", none[i]);
        memset(long_one + strlen(long_one), 'a', OCSP_URL_SIZE - strlen("http://"));
        cr_assert_eq(responder_of(long_one, 0, url), ERR_NOT_FOUND);
        cr_assert_str_eq(url, "as it was");
        long_one[strlen(long_one) - 1] = '\0';
        cr_assert_eq(responder_of(long_one, 0, url), ERR_OK);
        cr_assert_eq(strlen(url), OCSP_URL_SIZE - 1);
}

Test(ocsp, of_several_responders_each_gets_its_turn)
{
        static const char access[] = "OCSP;URI:http://a.example.com/,caIssuers;URI:http://ca.example.com/,"
                                     "OCSP;URI:ftp://b.example.com/,OCSP;URI:HTTPS://c.example.com:444/x";
        static const char *const wanted[] = {"http://a.example.com/", "HTTPS://c.example.com:444/x"};

        for (int64_t turn = 0; turn < 5; turn++) {
                char url[OCSP_URL_SIZE];

                cr_assert_eq(responder_of(access, turn, url), ERR_OK);
                cr_assert_str_eq(url, wanted[turn % 2]);
        }
}
