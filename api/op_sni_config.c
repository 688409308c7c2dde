/* SPDX-License-Identifier: Apache-2.0 */
/* SetSniConfig and GetSniConfig. Everything that can be wrong with a configuration is found before the
 * transaction begins, so a refused call has changed nothing. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/operation.h"
#include "api/sni_config.h"
#include "api/sni_proof.h"
#include "api/sni_report.h"
#include "api/store_instance.h"
#include "api/store_sni.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A certificate that is deleted between proof and commit makes the call start again, and then it is unknown.
 */
enum { ATTEMPTS = 5, PAGE_SIZE_DEFAULT = 1000 };

static enum err parse(struct op_call *call, struct sni_config *ret)
{
        const char *text = call_text(call, "SniConfig");
        struct sni_wrong wrong;
        enum err e = sni_config_parse(text != NULL ? text : "", text != NULL ? strlen(text) : 0, ret, &wrong);

        return e == ERR_SYNTAX ? sni_wrong_fault(&wrong, &call->fault) : e;
}

static enum err read_default(struct op_call *call, int64_t *ret)
{
        const char *text = call_text(call, "DefaultCertificate");

        if (text == NULL || text[0] == '\0')
                return fault_set_field(&call->fault, FAULT_MISSING, "DefaultCertificate", NULL);
        if (!certificate_id_read(text, strlen(text), ret))
                return fault_set(&call->fault, FAULT_DEFAULT_CERTIFICATE,
                                 "Specified parameter DefaultCertificate is not valid: a certificate ID is "
                                 "<digits>-" CERTIFICATE_REGION ".");
        return ERR_OK;
}

/* After the entries were proven, which may have brought its password. */
static enum err check_default(struct op_call *call, const struct sni_proof *proof, int64_t id)
{
        const char *why = sni_proof_default(proof, id);

        return why == NULL ? ERR_OK
                           : fault_set(&call->fault, FAULT_DEFAULT_CERTIFICATE,
                                       "Specified parameter DefaultCertificate is not valid: certificate "
                                       "%" PRId64 "%s.",
                                       id, why);
}

static int64_t expected_revision(const struct op_call *call)
{
        return call_int(call, "ExpectedRevision", REVISION_ANY);
}

static enum err prove_and_replace(struct op_call *call, const char *instance, const struct sni_config *config,
                                  int64_t default_id, bool trust, int64_t *ret_revision)
{
        CLEANUP(sni_proof) struct sni_proof proof = {0};
        struct sni_wrong wrong = {0};

        TRY(sni_proof_open(call->db, call->actor.account_id, config, default_id, &proof));
        if (trust)
                TRY(sni_proof_trust(&proof, call->db, call->master, instance));
        TRY(sni_proof_budget(&proof, call->db, call->master, config));
        TRY(sni_proof_entries(&proof, call->db, call->master, config, &wrong));
        if (wrong.count > 0)
                return sni_wrong_fault(&wrong, &call->fault);
        TRY(check_default(call, &proof, default_id));
        const struct sni_change change = {.actor = &call->actor,
                                          .instance = instance,
                                          .config = config,
                                          .proof = &proof,
                                          .master = call->master,
                                          .default_certificate = default_id,
                                          .expected_revision = expected_revision(call)};

        return store_sni_replace(call->db, &change, ret_revision);
}

static enum err report(struct op_call *call)
{
        const char *config = call_text(call, "SniConfig");
        const char *default_certificate = call_text(call, "DefaultCertificate");
        const struct sni_question question = {.db = call->db,
                                              .master = call->master,
                                              .account_id = call->actor.account_id,
                                              .instance = call->instance->id,
                                              .config = config != NULL ? config : "",
                                              .default_certificate =
                                                      default_certificate != NULL ? default_certificate : ""};
        const int64_t expected = expected_revision(call);

        if (expected != REVISION_ANY && expected != call->instance->revision)
                return fault_set(&call->fault, FAULT_REVISION_CHANGED, NULL);
        return sni_report(&question, call->answer);
}

/* The first attempt takes what the instance serves for proven. When that came to an end in between, the next
 * ones try every password. */
static enum err replace(struct op_call *call)
{
        CLEANUP(sni_config) struct sni_config config = {0};
        const char *instance = call_text(call, "MqttInstanceId");
        int64_t default_id = 0, revision = 0;
        enum err e = ERR_CONFLICT;

        TRY(parse(call, &config));
        TRY(read_default(call, &default_id));
        for (int i = 0; i < ATTEMPTS && e == ERR_CONFLICT; i++)
                e = prove_and_replace(call, instance, &config, default_id, i == 0, &revision);
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        if (e == ERR_STALE)
                return fault_set(&call->fault, FAULT_REVISION_CHANGED, NULL);
        if (e == ERR_CONFLICT) /* somebody deletes one certificate after the other */
                return fault_set(&call->fault, FAULT_BUSY, NULL);
        TRY(e);
        /* also when nothing had to be changed: the answer says that brokers serve this configuration */
        (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s", instance);
        call->changed_revision = revision;
        return answer_add(call->answer, json_pack("{s:s}", "Success", "true"));
}

enum err op_set_sni_config(struct op_call *call)
{
        return call_bool(call, "DryRun", false) ? report(call) : replace(call);
}

enum err op_get_sni_config(struct op_call *call)
{
        const char *instance = call_text(call, "MqttInstanceId");
        int64_t page = call_int(call, "CurrentPage", 1), size = call_int(call, "PageSize", PAGE_SIZE_DEFAULT);
        char default_id[CERTIFICATE_IDENTIFIER_SIZE];
        struct sni_page found = {0};
        enum err e = store_sni_page(call->db, call->actor.account_id, instance, page_offset(page, size), size,
                                    &found);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        TRY(e);
        certificate_identifier(found.default_certificate, default_id);
        return answer_add(call->answer,
                          json_pack("{s:s, s:I, s:s, s:o, s:I, s:I, s:I}", "MqttInstanceId", instance,
                                    "Revision", (json_int_t)found.revision, "DefaultCertificate", default_id,
                                    "SniConfig", found.rows, "TotalCount", (json_int_t)found.total,
                                    "CurrentPage", (json_int_t)page, "PageSize", (json_int_t)size));
}
