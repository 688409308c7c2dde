/* SPDX-License-Identifier: Apache-2.0 */
/* device_chain: X509_verify_cert() stops at its first complaint, and it looks at purposes and key sizes
 * before it looks at signatures. Which CA has issued a certificate has to be known whatever else is wrong
 * with it, so complaints that are not about the chain itself are noted and verification goes on. Valid is
 * only what ends well with nothing noted. */
#include "broker/device_chain.h"

#include "broker/certificate_part.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

struct verification {
        const struct trust_ca *anchor;
        enum refusal noted; /* the first complaint that did not end it */
        enum refusal ended; /* the complaint that did */
};

/* ---- complaints ---- */

struct complaint {
        int error;
        enum refusal refusal;
        bool ends;
};

static const struct complaint complaints[] = {
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_CERT_UNTRUSTED, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_SUBJECT_ISSUER_MISMATCH, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_AKID_SKID_MISMATCH, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, REFUSAL_UNKNOWN_CA, true},
        {X509_V_ERR_CERT_SIGNATURE_FAILURE, REFUSAL_BAD_SIGNATURE, true},
        {X509_V_ERR_CERT_CHAIN_TOO_LONG, REFUSAL_CHAIN_TOO_LONG, true},
        {X509_V_ERR_OUT_OF_MEM, REFUSAL_NO_MEMORY, true},
        /* Dates are looked at here, so that they can be told from the rest. */
        {X509_V_ERR_CERT_NOT_YET_VALID, REFUSAL_NONE, false},
        {X509_V_ERR_CERT_HAS_EXPIRED, REFUSAL_NONE, false},
        {X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_INVALID_PURPOSE, REFUSAL_WRONG_PURPOSE, false},
        {X509_V_ERR_EE_KEY_TOO_SMALL, REFUSAL_WEAK_KEY, false},
        {X509_V_ERR_CA_KEY_TOO_SMALL, REFUSAL_WEAK_KEY, false},
        {X509_V_ERR_CA_MD_TOO_WEAK, REFUSAL_WEAK_DIGEST, false},
        {X509_V_ERR_INVALID_CA, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_PATH_LENGTH_EXCEEDED, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_INVALID_EXTENSION, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_PERMITTED_VIOLATION, REFUSAL_BAD_CERTIFICATE, false},
        {X509_V_ERR_EXCLUDED_VIOLATION, REFUSAL_BAD_CERTIFICATE, false},
};
static const struct complaint other_complaint = {X509_V_ERR_UNSPECIFIED, REFUSAL_BAD_CERTIFICATE, true};

static const struct complaint *complaint_find(int error)
{
        for (size_t i = 0; i < sizeof complaints / sizeof complaints[0]; i++)
                if (complaints[i].error == error)
                        return &complaints[i];
        return &other_complaint;
}

/* Whether the key identifiers of what was issued and of the CA are there and name one key. */
static bool key_is_named(X509 *issued, X509 *ca)
{
        const ASN1_OCTET_STRING *wanted = X509_get0_authority_key_id(issued);
        const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(ca);

        return wanted != NULL && own != NULL && ASN1_OCTET_STRING_cmp(wanted, own) == 0;
}

static enum refusal wrong_signature(X509_STORE_CTX *ctx, const struct verification *v)
{
        X509 *issued = X509_STORE_CTX_get_current_cert(ctx);
        X509 *issuer = sk_X509_value(X509_STORE_CTX_get0_chain(ctx), X509_STORE_CTX_get_error_depth(ctx) + 1);

        if (issuer == v->anchor->certificate && !key_is_named(issued, issuer))
                return REFUSAL_UNKNOWN_CA;
        return REFUSAL_BAD_SIGNATURE;
}

static int on_complaint(int fine, X509_STORE_CTX *ctx)
{
        struct verification *v = X509_STORE_CTX_get_app_data(ctx);
        int error = X509_STORE_CTX_get_error(ctx);

        if (fine)
                return 1;
        const struct complaint *c = complaint_find(error);
        if (c->ends) {
                v->ended = error == X509_V_ERR_CERT_SIGNATURE_FAILURE ? wrong_signature(ctx, v) : c->refusal;
                return 0;
        }
        if (v->noted == REFUSAL_NONE)
                v->noted = c->refusal;
        /* else it is taken for the result of what comes next */
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
}

/* ---- verification ---- */

/* Key identifiers are a hint for finding the way (RFC 5280 §4.2.1.1): a CA that is issued anew with the same
 * key has another serial number, which may stand in those of its devices. At the anchor, its signature
 * decides. */
static int is_issuer(X509_STORE_CTX *ctx, X509 *certificate, X509 *issuer)
{
        const struct verification *v = X509_STORE_CTX_get_app_data(ctx);
        int error = X509_check_issued(issuer, certificate);

        if (error == X509_V_ERR_AKID_SKID_MISMATCH || error == X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH)
                return issuer == v->anchor->certificate;
        return error == X509_V_OK;
}

/* Holds no certificate, only how to verify. */
static X509_STORE *policy;
static pthread_once_t policy_once = PTHREAD_ONCE_INIT;

static void policy_make(void)
{
        X509_STORE *store = X509_STORE_new();
        X509_VERIFY_PARAM *param = store == NULL ? NULL : X509_STORE_get0_param(store);

        if (param == NULL || X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) != 1 ||
            X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) != 1) {
                X509_STORE_free(store);
                return;
        }
        X509_VERIFY_PARAM_set_auth_level(param, DEVICE_SECURITY_LEVEL);
        X509_STORE_set_check_issued(store, is_issuer);
        X509_STORE_set_verify_cb(store, on_complaint);
        policy = store;
}

struct verifier { /* of one chain */
        X509_STORE_CTX *ctx;
        STACK_OF(X509) * anchors;
};

static void cleanup_verifier(struct verifier *r)
{
        X509_STORE_CTX_free(r->ctx);
        sk_X509_free(r->anchors);
}

static bool verifier_init(struct verifier *r, struct verification *v, X509 *leaf, STACK_OF(X509) * presented,
                          int64_t now)
{
        (void)pthread_once(&policy_once, policy_make);
        if (policy == NULL || (r->ctx = X509_STORE_CTX_new()) == NULL ||
            (r->anchors = sk_X509_new_null()) == NULL ||
            sk_X509_push(r->anchors, v->anchor->certificate) <= 0 ||
            X509_STORE_CTX_init(r->ctx, policy, leaf, presented) != 1)
                return false;
        X509_STORE_CTX_set0_trusted_stack(r->ctx, r->anchors);
        X509_STORE_CTX_set_time(r->ctx, 0, (time_t)now);
        return X509_STORE_CTX_set_app_data(r->ctx, v) == 1;
}

/* ---- what OpenSSL does not look at ---- */

static enum refusal err_refusal(enum err e)
{
        return e == ERR_OK ? REFUSAL_NONE : e == ERR_NOMEM ? REFUSAL_NO_MEMORY : REFUSAL_BAD_CERTIFICATE;
}

/* As X509_verify_cert() has it: at notAfter it is over. */
static enum refusal dates_check(X509 *certificate, int64_t now, int64_t *until)
{
        int64_t not_before, not_after;

        if (certificate_dates(certificate, &not_before, &not_after) != ERR_OK)
                return REFUSAL_BAD_CERTIFICATE;
        if (not_after < *until)
                *until = not_after;
        return now < not_before ? REFUSAL_NOT_YET_VALID : now >= not_after ? REFUSAL_EXPIRED : REFUSAL_NONE;
}

static bool is_inactive(const struct trust *t, X509 *link)
{
        bool registered = false;

        for (struct trust_ca *ca = NULL; (ca = trust_next_twin(t, link, ca)) != NULL; registered = true)
                if (ca->active)
                        return false;
        return registered;
}

static enum refusal states_check(const struct trust *t, STACK_OF(X509) * chain)
{
        for (int i = 1; i < sk_X509_num(chain) - 1; i++)
                if (is_inactive(t, sk_X509_value(chain, i)))
                        return REFUSAL_CA_INACTIVE;
        return REFUSAL_NONE;
}

static enum refusal chain_dates_check(STACK_OF(X509) * chain, int64_t now, int64_t *ret_until)
{
        *ret_until = INT64_MAX;
        for (int i = 0; i < sk_X509_num(chain); i++) {
                enum refusal r = dates_check(sk_X509_value(chain, i), now, ret_until);

                if (r != REFUSAL_NONE)
                        return r;
        }
        return REFUSAL_NONE;
}

/* Intermediates may be registered too, with lists of their own. */
static bool link_revokes(const struct trust *t, X509 *issuer, const uint8_t serial_sha256[32])
{
        for (struct trust_ca *ca = NULL; (ca = trust_next_twin(t, issuer, ca)) != NULL;)
                if (trust_ca_revokes(ca, serial_sha256))
                        return true;
        return false;
}

static enum refusal revocation_check(const struct trust *t, const struct trust_ca *anchor,
                                     STACK_OF(X509) * chain, uint8_t ret_issued_sha256[32])
{
        int last = sk_X509_num(chain) - 2; /* what the anchor itself has issued */

        for (int i = 0; i <= last; i++) {
                uint8_t serial[32];
                enum refusal r = err_refusal(certificate_serial_sha256(sk_X509_value(chain, i), serial));

                if (r != REFUSAL_NONE)
                        return r;
                if (i == last)
                        memcpy(ret_issued_sha256, serial, sizeof serial);
                if (i == last ? trust_revokes(t, anchor, serial)
                              : link_revokes(t, sk_X509_value(chain, i + 1), serial))
                        return REFUSAL_REVOKED;
        }
        return REFUSAL_NONE;
}

/* ---- */

enum refusal device_chain_check(const struct trust *t, const struct trust_ca *anchor, X509 *leaf,
                                STACK_OF(X509) * presented, int64_t now, struct device_chain *ret)
{
        struct verification v = {anchor, REFUSAL_NONE, REFUSAL_NONE};
        __attribute__((cleanup(cleanup_verifier))) struct verifier r = {NULL, NULL};
        enum refusal refusal;

        *ret = (struct device_chain){.issued = false};
        if (!verifier_init(&r, &v, leaf, presented, now))
                return REFUSAL_NO_MEMORY;
        if (X509_verify_cert(r.ctx) != 1)
                return v.ended != REFUSAL_NONE ? v.ended
                                               : complaint_find(X509_STORE_CTX_get_error(r.ctx))->refusal;
        STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(r.ctx);
        int count = sk_X509_num(chain);
        if (v.ended != REFUSAL_NONE || count < 2 || sk_X509_value(chain, count - 1) != anchor->certificate)
                return v.ended != REFUSAL_NONE ? v.ended : REFUSAL_UNKNOWN_CA;
        ret->issued = true;
        ret->direct = count == 2;
        ret->issuer_key = X509_get0_pubkey(sk_X509_value(chain, 1));
        if ((refusal = states_check(t, chain)) != REFUSAL_NONE)
                return refusal;
        if ((refusal = chain_dates_check(chain, now, &ret->valid_until)) != REFUSAL_NONE)
                return refusal;
        if (v.noted != REFUSAL_NONE)
                return v.noted;
        return revocation_check(t, anchor, chain, ret->issued_sha256);
}

enum refusal device_chain_check_again(const struct trust *t, const struct trust_ca *anchor, X509 *leaf,
                                      int64_t now, struct device_chain *ret)
{
        enum refusal refusal;

        *ret = (struct device_chain){.issued = true, .direct = true, .valid_until = anchor->not_after};
        if (now < anchor->not_before)
                return REFUSAL_NOT_YET_VALID;
        if (now >= anchor->not_after)
                return REFUSAL_EXPIRED;
        if ((refusal = dates_check(leaf, now, &ret->valid_until)) != REFUSAL_NONE)
                return refusal;
        if ((refusal = err_refusal(certificate_serial_sha256(leaf, ret->issued_sha256))) != REFUSAL_NONE)
                return refusal;
        return trust_revokes(t, anchor, ret->issued_sha256) ? REFUSAL_REVOKED : REFUSAL_NONE;
}
