/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ocsp.h"

#include "common/cleanup.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

CLEANUP_DEFINE(ocsp_idp, OCSP_CERTID *, OCSP_CERTID_free)
CLEANUP_DEFINE(ocsp_questionp, OCSP_REQUEST *, OCSP_REQUEST_free)
CLEANUP_DEFINE(ocsp_answerp, OCSP_RESPONSE *, OCSP_RESPONSE_free)
CLEANUP_DEFINE(ocsp_basicp, OCSP_BASICRESP *, OCSP_BASICRESP_free)
CLEANUP_DEFINE(storep, X509_STORE *, X509_STORE_free)
CLEANUP_DEFINE(certificatesp, STACK_OF(X509) *, sk_X509_free)
CLEANUP_DEFINE(urlsp, STACK_OF(OPENSSL_STRING) *, X509_email_free)

static enum err refuse(char why[OCSP_WHY_SIZE], const char *text)
{
        (void)snprintf(why, OCSP_WHY_SIZE, "%s", text);
        return ERR_REFUSED;
}

/* ---- the question ---- */

static bool is_usable(const char *url)
{
        static const char *const schemes[] = {"http://", "https://"};
        size_t len = strlen(url);

        if (len >= OCSP_URL_SIZE)
                return false;
        for (size_t i = 0; i < len; i++)
                if (url[i] <= ' ' || url[i] > '~')
                        return false;
        for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
                if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
                        return url[strlen(schemes[i])] != '\0';
        return false;
}

/* The nth that can be used; NULL when there are not so many. Borrowed. */
static const char *usable_at(const STACK_OF(OPENSSL_STRING) * urls, int64_t nth)
{
        for (int i = 0; i < sk_OPENSSL_STRING_num(urls); i++)
                if (is_usable(sk_OPENSSL_STRING_value(urls, i)) && nth-- == 0)
                        return sk_OPENSSL_STRING_value(urls, i);
        return NULL;
}

enum err ocsp_responder(X509 *leaf, int64_t turn, char ret[OCSP_URL_SIZE])
{
        CLEANUP(urlsp) STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(leaf);
        int64_t count = 0;

        ERR_clear_error();
        while (usable_at(urls, count) != NULL)
                count++;
        if (count == 0)
                return ERR_NOT_FOUND;
        (void)snprintf(ret, OCSP_URL_SIZE, "%s", usable_at(urls, turn % count));
        return ERR_OK;
}

/* SHA-1 is what responders index their answers by (RFC 5019 §2.1.1); nothing rests on its strength. */
static OCSP_CERTID *certificate_id(X509 *leaf, X509 *issuer)
{
        return OCSP_cert_to_id(EVP_sha1(), leaf, issuer);
}

static enum err request_der(OCSP_REQUEST *request, struct buf *ret)
{
        int len = i2d_OCSP_REQUEST(request, NULL);
        uint8_t *end;

        if (len <= 0)
                return ERR_NOMEM;
        TRY(buf_reserve(ret, (size_t)len));
        end = ret->data + ret->len;
        if (i2d_OCSP_REQUEST(request, &end) != len)
                return ERR_NOMEM;
        ret->len += (size_t)len;
        return ERR_OK;
}

enum err ocsp_request(X509 *leaf, X509 *issuer, struct buf *ret)
{
        CLEANUP(ocsp_questionp) OCSP_REQUEST *request = OCSP_REQUEST_new();
        CLEANUP(ocsp_idp) OCSP_CERTID *id = certificate_id(leaf, issuer);
        enum err e = ERR_NOMEM;

        if (request != NULL && id != NULL && OCSP_request_add0_id(request, id) != NULL) {
                (void)TAKE(id); /* the request's now */
                e = request_der(request, ret);
        }
        ERR_clear_error();
        return e;
}

/* ---- the answer ---- */

static enum err read_answer(const void *der, size_t len, OCSP_BASICRESP **ret, char why[OCSP_WHY_SIZE])
{
        CLEANUP(ocsp_answerp) OCSP_RESPONSE *response = NULL;
        const uint8_t *at = der;
        int status;

        if (len == 0 || len > OCSP_ANSWER_MAX)
                return refuse(why, "the response is empty or larger than allowed");
        response = d2i_OCSP_RESPONSE(NULL, &at, (long)len);
        if (response == NULL || at != (const uint8_t *)der + len)
                return refuse(why, "the answer is no OCSP response");
        status = OCSP_response_status(response);
        if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
                (void)snprintf(why, OCSP_WHY_SIZE, "the responder says: %s (%d)",
                               OCSP_response_status_str(status), status);
                return ERR_REFUSED;
        }
        *ret = OCSP_response_get1_basic(response);
        return *ret != NULL ? ERR_OK : refuse(why, "the response is of an unknown type");
}

/* A store that trusts the issuer, root or not, and nothing else, at the time `now`. */
static X509_STORE *trust_only(X509 *issuer, int64_t now)
{
        CLEANUP(storep) X509_STORE *store = X509_STORE_new();

        if (store == NULL || X509_STORE_add_cert(store, issuer) != 1 ||
            X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
                return NULL;
        X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)now);
        return TAKE(store);
}

/* OCSP_NOEXPLICIT: nobody is trusted for OCSP by a trust setting; the signer is the issuer, or has its
 * certificate with id-kp-OCSPSigning from the issuer directly, which OpenSSL compares with the CertIDs of the
 * response. */
static enum err check_signer(OCSP_BASICRESP *basic, X509 *issuer, int64_t now, char why[OCSP_WHY_SIZE])
{
        CLEANUP(storep) X509_STORE *store = trust_only(issuer, now);
        CLEANUP(certificatesp) STACK_OF(X509) *known = sk_X509_new_null();

        if (store == NULL || known == NULL || sk_X509_push(known, issuer) <= 0)
                return ERR_NOMEM;
        if (OCSP_basic_verify(basic, known, store, OCSP_PARTIAL_CHAIN | OCSP_NOEXPLICIT) == 1)
                return ERR_OK;
        return refuse(why, "the response is not signed by the certificate's issuer, nor by a responder that "
                           "it has certified");
}

static bool read_time(const ASN1_GENERALIZEDTIME *from, int64_t *ret)
{
        struct tm tm;

        if (from == NULL || ASN1_TIME_to_tm(from, &tm) != 1)
                return false;
        *ret = timegm(&tm);
        return true;
}

/* A response that does not say when it ends cannot be stapled: clients could not tell an old one from a new
 * one. */
static enum err check_times(const struct ocsp_status *s, int64_t now, char why[OCSP_WHY_SIZE])
{
        if (s->this_update > now + OCSP_SKEW_S)
                return refuse(why, "the response begins in the future");
        if (s->next_update <= s->this_update)
                return refuse(why, "the response ends before it begins");
        if (s->next_update <= now)
                return refuse(why, "the response has ended");
        return ERR_OK;
}

static enum err find_status(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer, struct ocsp_status *ret,
                            char why[OCSP_WHY_SIZE])
{
        CLEANUP(ocsp_idp) OCSP_CERTID *id = certificate_id(leaf, issuer);
        ASN1_GENERALIZEDTIME *revoked_at = NULL, *this_update = NULL, *next_update = NULL;
        struct ocsp_status s = {0};
        int status;

        if (id == NULL)
                return ERR_NOMEM;
        if (OCSP_resp_find_status(basic, id, &status, NULL, &revoked_at, &this_update, &next_update) != 1)
                return refuse(why, "the response is about another certificate");
        if (status != V_OCSP_CERTSTATUS_GOOD && status != V_OCSP_CERTSTATUS_REVOKED)
                return refuse(why, "the responder does not know the certificate");
        if (next_update == NULL)
                return refuse(why, "the response does not say when it ends");
        s.revoked = status == V_OCSP_CERTSTATUS_REVOKED;
        if (!read_time(this_update, &s.this_update) || !read_time(next_update, &s.next_update) ||
            (s.revoked && !read_time(revoked_at, &s.revoked_at)))
                return refuse(why, "a time of the response is not well formed");
        *ret = s;
        return ERR_OK;
}

static enum err check(const void *der, size_t len, X509 *leaf, X509 *issuer, int64_t now,
                      struct ocsp_status *ret, char why[OCSP_WHY_SIZE])
{
        CLEANUP(ocsp_basicp) OCSP_BASICRESP *basic = NULL;
        struct ocsp_status s;

        TRY(read_answer(der, len, &basic, why));
        TRY(find_status(basic, leaf, issuer, &s, why));
        TRY(check_times(&s, now, why));
        TRY(check_signer(basic, issuer, now, why));
        *ret = s;
        return ERR_OK;
}

enum err ocsp_check(const void *der, size_t len, X509 *leaf, X509 *issuer, int64_t now,
                    struct ocsp_status *ret, char why[OCSP_WHY_SIZE])
{
        enum err e;

        why[0] = '\0';
        e = check(der, len, leaf, issuer, now, ret, why);
        ERR_clear_error();
        return e;
}
