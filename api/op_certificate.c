/* SPDX-License-Identifier: Apache-2.0 */
/* The CAS operations of the first kind: UploadUserCertificate, GetUserCertificateDetail,
 * ListUserCertificateOrder, DeleteUserCertificate. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/certificate_page.h"
#include "api/operation.h"
#include "api/store_certificate.h"
#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAGS_MAX = 20 };

static bool is_given(const struct op_call *call, const char *name)
{
        return call_text_or(call, name, NULL) != NULL;
}

static void cleanup_upload(struct certificate_upload *u)
{
        pem_chain_done(&u->chain);
        certificate_facts_done(&u->facts);
        buf_done(&u->key_sealed);
        buf_done(&u->serving_key_sealed);
        free(u->tags);
}

/* Cert and Key, or a clear word about what was given in their place. */
static enum err check_given(struct op_call *call)
{
        static const char *const sm[] = {"EncryptCert", "EncryptPrivateKey", "SignCert", "SignPrivateKey"};

        if (is_given(call, "Cert") && is_given(call, "Key"))
                return ERR_OK; /* the others are then ignored, as the product does */
        for (size_t i = 0; i < sizeof sm / sizeof sm[0]; i++)
                if (is_given(call, sm[i]))
                        return fault_set(
                                &call->fault, FAULT_PARAMETER,
                                "SM2 is not supported: give an RSA or EC certificate in Cert and its private "
                                "key in Key.");
        return fault_set_field(&call->fault, FAULT_MISSING, is_given(call, "Cert") ? "Key" : "Cert", NULL);
}

static enum err read_chain(struct op_call *call, struct certificate_upload *u)
{
        const char *text = call_text(call, "Cert"), *pem_why = "it is larger than allowed";
        char why[256] = "";
        enum err e;

        if (strstr(text, "PRIVATE KEY-----") != NULL)
                return fault_set(&call->fault, FAULT_CERTIFICATE_PARSE,
                                 "Cert holds a private key; it belongs into Key only.");
        e = pem_read_chain(text, strlen(text), &u->chain, &pem_why);
        if (e == ERR_SYNTAX || e == ERR_LIMIT)
                return fault_set(&call->fault, FAULT_CERTIFICATE_PARSE, "Cert cannot be read: %s.", pem_why);
        TRY(e);
        if (certificate_check_order(&u->chain, why) != ERR_OK)
                return fault_set(&call->fault, FAULT_CERTIFICATE_PARSE, "%s", why);
        if (certificate_check_leaf(u->chain.certificates[0], why) != ERR_OK)
                return fault_set(&call->fault, FAULT_PARAMETER, "%s", why);
        e = certificate_facts_read(u->chain.certificates[0], &u->facts);
        if (e == ERR_SYNTAX || e == ERR_LIMIT)
                return fault_set(
                        &call->fault, FAULT_CERTIFICATE_PARSE,
                        "Cert cannot be read: a date, the serial number or the list of names is not usable.");
        return e;
}

static enum err seal(struct op_call *call, const struct certificate_upload *u, bool serving,
                     const void *plain, size_t len, struct buf *ret)
{
        char context[SEAL_CONTEXT_SIZE];

        store_certificate_context(serving, u->facts.sha256, context);
        return crypt_seal(call->master, context, plain, len, ret);
}

static const struct {
        enum err e;
        enum fault_id fault;
        const char *message;
} key_faults[] = {
        {ERR_SYNTAX, FAULT_CERTIFICATE_PARSE, "Key cannot be read: it holds no private key in PEM."},
        {ERR_LIMIT, FAULT_CERTIFICATE_PARSE, "Key cannot be read: it is larger than allowed."},
        {ERR_UNSUPPORTED, FAULT_PARAMETER, "The private key is not supported: it must be an RSA or EC key."},
        {ERR_PASSWORD, FAULT_CERTIFICATE_PARSE, "Key cannot be read: its encryption is not known."},
        {ERR_MISMATCH, FAULT_PARAMETER, "Key is not the private key of the first certificate of Cert."},
};

/* An encrypted key is proven by SetSniConfig, which has the password. */
static enum err read_plain_key(struct op_call *call, const char *text, size_t len,
                               struct certificate_upload *u)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = NULL;
        CLEANUP(buf) struct buf der = BUF_UP_TO(KEY_PEM_MAX);

        TRY(pem_read_key(text, len, NULL, &key));
        TRY(pem_key_matches(u->chain.certificates[0], key));
        TRY(pem_key_der(key, &der));
        return seal(call, u, true, der.data, der.len, &u->serving_key_sealed);
}

static enum err read_key(struct op_call *call, struct certificate_upload *u)
{
        const char *text = call_text(call, "Key");
        size_t len = strlen(text);
        enum err e = len > KEY_PEM_MAX ? ERR_LIMIT : ERR_OK;

        u->key_encrypted = pem_key_is_encrypted(text, len);
        if (e == ERR_OK && !u->key_encrypted)
                e = read_plain_key(call, text, len, u);
        for (size_t i = 0; i < sizeof key_faults / sizeof key_faults[0]; i++)
                if (e == key_faults[i].e)
                        return fault_set(&call->fault, key_faults[i].fault, "%s", key_faults[i].message);
        TRY(e);
        return seal(call, u, false, text, len, &u->key_sealed);
}

static enum err read_tags(struct op_call *call, struct certificate_upload *u)
{
        json_t *tags = json_array();
        enum err e = ERR_OK;

        for (int i = 1; e == ERR_OK && i <= TAGS_MAX; i++) {
                char key[32], value[32];

                (void)snprintf(key, sizeof key, "Tags.%d.Key", i);
                (void)snprintf(value, sizeof value, "Tags.%d.Value", i);
                if (is_given(call, key))
                        e = answer_append(tags, json_pack("{s:s, s:s}", "TagKey", call_text(call, key),
                                                          "TagValue", call_text_or(call, value, "")));
        }
        u->tags = e == ERR_OK ? json_dumps(tags, JSON_COMPACT) : NULL;
        json_decref(tags);
        return u->tags != NULL ? ERR_OK : ERR_NOMEM;
}

enum err op_upload_user_certificate(struct op_call *call)
{
        CLEANUP(upload)
        struct certificate_upload u = {.actor = &call->actor,
                                       .name = call_text(call, "Name"),
                                       .facts.sans = BUF_UP_TO(0),
                                       .key_sealed = BUF_UP_TO(KEY_PEM_MAX + SEAL_OVERHEAD),
                                       .serving_key_sealed = BUF_UP_TO(KEY_PEM_MAX + SEAL_OVERHEAD)};
        char resource_id[RESOURCE_ID_SIZE];
        int64_t id = 0;
        enum err e;

        TRY(check_given(call));
        TRY(read_chain(call, &u));
        TRY(read_key(call, &u));
        TRY(read_tags(call, &u));
        e = store_certificate_put(call->db, &u, &id);
        if (e == ERR_CONFLICT)
                return fault_set(&call->fault, FAULT_CERTIFICATE_NAME, NULL);
        if (e == ERR_LIMIT)
                return fault_set(&call->fault, FAULT_QUOTA,
                                 "The account has %d certificates, as many as it may.",
                                 CERTIFICATES_PER_ACCOUNT_MAX);
        TRY(e);
        certificate_resource_id(id, resource_id);
        return answer_add(call->answer,
                          json_pack("{s:I, s:s}", "CertId", (json_int_t)id, "ResourceId", resource_id));
}

/* What rows of the list and the detail have in common. */
static json_t *common_fields(const struct stored_certificate *c, const struct certificate_facts *f,
                             int64_t now)
{
        char resource_id[RESOURCE_ID_SIZE], start[16], end[16];

        certificate_resource_id(c->id, resource_id);
        certificate_date(f->not_before, start);
        certificate_date(f->not_after, end);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I}",
                         "Name", c->name, "InstanceId", resource_id, "ResourceGroupId", "", "Algorithm",
                         f->algorithm, "Sans", buf_text(&f->sans), "Issuer", f->issuer, "OrgName",
                         f->organization, "Country", f->country, "Province", f->province, "City", f->city,
                         "SerialNo", f->serial, "Sha2", f->sha256_hex, "StartDate", start, "EndDate", end,
                         "Expired", f->not_after < now, "OrderId", (json_int_t)0);
}

static enum err chain_row(json_t *list, X509 *certificate, int64_t now)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};

        TRY(certificate_facts_read(certificate, &f));
        return answer_append(list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "CommonName", f.common_name,
                                             "IssuerCommonName", f.issuer, "NotBefore",
                                             (json_int_t)f.not_before * 1000, "NotAfter",
                                             (json_int_t)f.not_after * 1000, "RemainDay",
                                             (json_int_t)certificate_days_left(f.not_after, now)));
}

static enum err add_chain(struct op_call *call, const struct pem_chain *chain, int64_t now)
{
        json_t *list = json_array();

        if (list == NULL || json_object_set_new(call->answer, "CertChain", list) != 0)
                return ERR_NOMEM;
        for (int i = 0; i < chain->count; i++)
                TRY(chain_row(list, chain->certificates[i], now));
        return ERR_OK;
}

/* Private keys never leave Signet: the fields are there, for SDKs that expect them, and empty. */
static enum err add_content(struct op_call *call, const struct pem_chain *chain)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(2 * PEM_TEXT_MAX);

        for (int i = 0; i < chain->count; i++)
                TRY(pem_certificate_text(chain->certificates[i], &text));
        return answer_add(call->answer, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Cert", buf_text(&text),
                                                  "Key", "", "EncryptCert", "", "EncryptPrivateKey", "",
                                                  "SignCert", "", "SignPrivateKey", ""));
}

enum err op_get_user_certificate_detail(struct op_call *call)
{
        CLEANUP(stored_certificate) struct stored_certificate c = {0};
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};
        int64_t now = clock_now();
        char identifier[CERTIFICATE_IDENTIFIER_SIZE];
        enum err e = store_certificate_get(call->db, call->actor.account_id, call_int(call, "CertId", 0), &c);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_CERTIFICATE_NOT_FOUND, NULL);
        TRY(e);
        TRY(certificate_facts_read(c.chain.certificates[0], &f));
        certificate_identifier(c.id, identifier);
        TRY(answer_add(call->answer, common_fields(&c, &f, now)));
        TRY(answer_add(call->answer,
                       json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:O}", "Id", (json_int_t)c.id,
                                 "CertIdentifier", identifier, "Common", f.common_name, "CertSha2",
                                 f.sha256_hex, "Fingerprint", f.sha1_hex, "BuyInAliyun", false, "NotBefore",
                                 (json_int_t)f.not_before * 1000, "NotAfter", (json_int_t)f.not_after * 1000,
                                 "Tags", c.tags)));
        TRY(add_chain(call, &c.chain, now));
        return call_bool(call, "CertFilter", false) ? ERR_OK : add_content(call, &c.chain);
}

/* Which certificates a Status selects, by what is left of their time. No Status: those that are valid. */
static const struct certificate_status statuses[] = {
        {"", 0, INT64_C(1) << 40},
        {"ISSUED", CERTIFICATE_WILL_EXPIRE_S, INT64_C(1) << 40},
        {"WILLEXPIRED", 0, CERTIFICATE_WILL_EXPIRE_S},
        {"EXPIRED", -(INT64_C(1) << 35), 0},
};

/* False when no uploaded certificate can match: orders (Signet has none) and states that an upload never has.
 */
static bool filter_from_call(const struct op_call *call, int64_t now, struct certificate_filter *ret)
{
        const char *type = call_text_or(call, "OrderType", "CPACK");

        return (strcmp(type, "UPLOAD") == 0 || strcmp(type, "CERT") == 0) &&
               certificate_page_filter(call, statuses, sizeof statuses / sizeof statuses[0],
                                       call_text_or(call, "Status", ""), now, ret);
}

static enum err order_row(json_t *list, const struct stored_certificate *c, int64_t now)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};
        json_t *row;

        TRY(certificate_facts_read(c->chain.certificates[0], &f));
        row = common_fields(c, &f, now);
        TRY(answer_append(list, row));
        return answer_add(row, json_pack("{s:I, s:s, s:s, s:s, s:b}", "CertificateId", (json_int_t)c->id,
                                         "CommonName", f.common_name, "Domain", f.common_name, "Fingerprint",
                                         f.sha1_hex, "Upload", true));
}

enum err op_list_user_certificate_order(struct op_call *call)
{
        CLEANUP(certificate_list) struct certificate_list found = {0};
        struct certificate_filter filter;
        int64_t now = clock_now();
        json_t *list = json_array();

        if (list == NULL || json_object_set_new(call->answer, "CertificateOrderList", list) != 0)
                return ERR_NOMEM;
        if (filter_from_call(call, now, &filter))
                TRY(store_certificate_list(call->db, call->actor.account_id, &filter, &found));
        for (size_t i = 0; i < found.count; i++)
                TRY(order_row(list, &found.rows[i], now));
        return certificate_page_answer(call, found.total);
}

enum err op_delete_user_certificate(struct op_call *call)
{
        int64_t id = call_int(call, "CertId", 0);
        enum err e = store_certificate_remove(call->db, &call->actor, id);
        char use[512];

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_CERTIFICATE_NOT_FOUND, NULL);
        if (e != ERR_CONFLICT)
                return e;
        TRY(store_certificate_use(call->db, id, use));
        return fault_set(&call->fault, FAULT_CERTIFICATE_IN_USE, "Certificate %" PRId64 " is in use.%s%s", id,
                         use[0] != '\0' ? " " : "", use);
}
