/* SPDX-License-Identifier: Apache-2.0 */
/* The newer pair of CAS operations, with other names for the same: ListCertificates, GetCertificateDetail. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/certificate_page.h"
#include "api/operation.h"
#include "api/store_certificate.h"
#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Further than any date of a certificate is from now: 2,000 years back, 9999 and more ahead. */
static const int64_t past_s = INT64_C(1) << 36, ever_s = INT64_C(1) << 40;

/* By what is left of its time; Signet revokes nothing. */
static const struct certificate_status statuses[] = {
        {"issued", CERTIFICATE_WILL_EXPIRE_S, ever_s},
        {"willExpire", 0, CERTIFICATE_WILL_EXPIRE_S},
        {"expired", -past_s, 0},
        {"", -past_s, ever_s},
};

static const char *status_of(int64_t left_s)
{
        size_t i = 0;

        while (left_s < statuses[i].least_left_s)
                i++;
        return statuses[i].name;
}

/* "a,b" as a list. */
static json_t *names_json(const char *sans)
{
        json_t *list = json_array();

        for (size_t len; list != NULL && *sans != '\0'; sans += len + (sans[len] == ',')) {
                len = strcspn(sans, ",");
                if (answer_append(list, json_stringn(sans, len)) != ERR_OK) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

/* What rows of the list and the detail have in common; all but CertificateId, a text here and a number there.
 */
static enum err add_common(json_t *to, const struct stored_certificate *c, const struct certificate_facts *f,
                           int64_t now)
{
        char resource_id[RESOURCE_ID_SIZE], identifier[CERTIFICATE_IDENTIFIER_SIZE];
        const char *names = f->sans.len > 0 ? buf_text(&f->sans) : f->common_name;
        json_t *using = c->used ? json_pack("[s]", "mqtt") : json_array();

        certificate_resource_id(c->id, resource_id);
        certificate_identifier(c->id, identifier);
        TRY(answer_add(to, json_pack("{s:o, s:o}", "UsingProductList", using, "SubjectAlternativeNames",
                                     names_json(buf_text(&f->sans)))));
        return answer_add(
                to,
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:i, s:I, s:I, s:s}",
                          "Algorithm", f->algorithm, "CertIdentifier", identifier, "CertificateName", c->name,
                          "CertificateSource", "UPLOAD", "CertificateStatus", status_of(f->not_after - now),
                          "CommonName", f->common_name, "Domain", names, "ExistPrivateKey", true,
                          "FingerPrint", f->sha1_hex, "InstanceId", resource_id, "Issuer", f->issuer,
                          "KeySize", f->key_bits, "NotAfter", (json_int_t)f->not_after * 1000, "NotBefore",
                          (json_int_t)f->not_before * 1000, "Serial", f->serial));
}

/* False when no certificate can match: from where or in a state that an upload never is, or of another ID. */
static bool filter_from_call(const struct op_call *call, int64_t now, struct certificate_filter *ret)
{
        const char *instance = call_text_or(call, "InstanceId", "");
        int64_t only = 0;

        if (strcmp(call_text_or(call, "CertificateSource", "UPLOAD"), "UPLOAD") != 0 ||
            (instance[0] != '\0' && !certificate_resource_id_read(instance, &only)) ||
            !certificate_page_filter(call, statuses, sizeof statuses / sizeof statuses[0],
                                     call_text_or(call, "CertificateStatus", ""), now, ret))
                return false;
        ret->id = only;
        return true;
}

static enum err list_row(json_t *list, const struct stored_certificate *c, int64_t now)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};
        char id[24];
        json_t *row;

        TRY(certificate_facts_read(c->chain.certificates[0], &f));
        (void)snprintf(id, sizeof id, "%" PRId64, c->id);
        row = json_pack("{s:s}", "CertificateId", id);
        TRY(answer_append(list, row));
        return add_common(row, c, &f, now);
}

enum err op_list_certificates(struct op_call *call)
{
        CLEANUP(certificate_list) struct certificate_list found = {0};
        struct certificate_filter filter;
        int64_t now = clock_now();
        json_t *list = json_array();

        if (list == NULL || json_object_set_new(call->answer, "CertificateList", list) != 0)
                return ERR_NOMEM;
        if (filter_from_call(call, now, &filter))
                TRY(store_certificate_list(call->db, call->actor.account_id, &filter, &found));
        for (size_t i = 0; i < found.count; i++)
                TRY(list_row(list, &found.rows[i], now));
        return certificate_page_answer(call, found.total);
}

static enum err chain_row(json_t *list, X509 *certificate, int64_t now)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};

        TRY(certificate_facts_read(certificate, &f));
        return answer_append(list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "Subject", f.common_name, "Issuer",
                                             f.issuer, "NotBefore", (json_int_t)f.not_before * 1000,
                                             "NotAfter", (json_int_t)f.not_after * 1000, "RemainDay",
                                             (json_int_t)certificate_days_left(f.not_after, now)));
}

enum err op_get_certificate_detail(struct op_call *call)
{
        CLEANUP(stored_certificate) struct stored_certificate c = {0};
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};
        int64_t now = clock_now();
        json_t *chain = json_array();
        enum err e;

        if (chain == NULL || json_object_set_new(call->answer, "CertificateChainList", chain) != 0)
                return ERR_NOMEM;
        e = store_certificate_get(call->db, call->actor.account_id, call_int(call, "CertificateId", 0), &c);
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_CERTIFICATE_NOT_FOUND, NULL);
        TRY(e);
        TRY(certificate_facts_read(c.chain.certificates[0], &f));
        TRY(add_common(call->answer, &c, &f, now));
        for (int i = 0; i < c.chain.count; i++)
                TRY(chain_row(chain, c.chain.certificates[i], now));
        return answer_add(call->answer,
                          json_pack("{s:I, s:i, s:i, s:s, s:O}", "CertificateId", (json_int_t)c.id,
                                    "CompanyId", 0, "ContactId", 0, "Csr", "", "Tags", c.tags));
}
