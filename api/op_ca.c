/* SPDX-License-Identifier: Apache-2.0 */
/* GetRegisterCode and the operations on CA certificates. */
#include "api/answer.h"
#include "api/ca_proof.h"
#include "api/operation.h"
#include "api/store_ca.h"
#include "api/store_registration_code.h"
#include "common/clock.h"

#include <stdio.h>

enum err op_get_register_code(struct op_call *call)
{
        char code[REGISTRATION_CODE_SIZE];
        enum err e = store_registration_code_new(call->db, call->actor.account_id,
                                                 call_text(call, "MqttInstanceId"), code);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        TRY(e);
        return answer_add(call->answer, json_pack("{s:s}", "RegisterCode", code));
}

static struct ca_change change_of(const struct op_call *call)
{
        return (struct ca_change){.actor = &call->actor, .instance = call_text(call, "MqttInstanceId")};
}

/* Also when nothing had to be changed: the answer says that brokers serve it so. */
static enum err changed(struct op_call *call, int64_t revision, const char *sn)
{
        (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s",
                       call_text(call, "MqttInstanceId"));
        call->changed_revision = revision;
        return answer_add(call->answer, json_pack("{s:s}", "Sn", sn));
}

static enum err register_ca(struct op_call *call, struct ca_proof *proof)
{
        const struct ca_change change = change_of(call);
        struct ca_standing standing;
        int64_t revision = 0;

        TRY(ca_proof_fault(proof, &call->fault));
        enum err e = store_ca_put(call->db, &change, proof, call_text(call, "CaName"), &standing, &revision);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        if (e == ERR_REFUSED) {
                ca_proof_judge(proof, &standing, call->settings->ca_max);
                return ca_proof_fault(proof, &call->fault);
        }
        TRY(e);
        return changed(call, revision, proof->sn);
}

static enum err try_ca(struct op_call *call, struct ca_proof *proof)
{
        const struct ca_change change = change_of(call);
        struct ca_standing standing;

        TRY(store_ca_look(call->db, &change, proof, &standing));
        ca_proof_judge(proof, &standing, call->settings->ca_max);
        return answer_add(call->answer, json_pack("{s:s, s:b, s:o}", "Sn", proof->sn, "DryRun", true, "Check",
                                                  ca_proof_report(proof)));
}

enum err op_register_ca_certificate(struct op_call *call)
{
        CLEANUP(ca_proof) struct ca_proof proof = {0};

        TRY(ca_proof_read(call_text(call, "CaContent"), call_text(call, "VerificationContent"), clock_now(),
                          &proof));
        return call_bool(call, "DryRun", false) ? try_ca(call, &proof) : register_ca(call, &proof);
}

/* Whatever is no serial number is none of a CA either. */
static enum err read_sn(struct op_call *call, char ret[SERIAL_SIZE])
{
        return serial_read(call_text(call, "Sn"), ret) ? ERR_OK
                                                       : fault_set(&call->fault, FAULT_CA_NOT_FOUND, NULL);
}

static enum err found(struct op_call *call, enum err e)
{
        return e == ERR_NOT_FOUND ? fault_set(&call->fault, FAULT_CA_NOT_FOUND, NULL) : e;
}

enum err op_get_ca_certificate(struct op_call *call)
{
        char sn[SERIAL_SIZE];
        json_t *row = json_object();

        if (row == NULL || json_object_set_new(call->answer, "Data", row) != 0)
                return ERR_NOMEM;
        TRY(read_sn(call, sn));
        return found(call, store_ca_get(call->db, call_text(call, "MqttInstanceId"), sn, row));
}

enum err op_list_ca_certificate(struct op_call *call)
{
        int64_t page = call_int(call, "PageNo", 1), size = call_int(call, "PageSize", 1), total = 0;
        json_t *list = json_array(), *body = json_pack("{s:o}", "CaCertificateVOS", list);

        if (body == NULL || json_object_set_new(call->answer, "Data", body) != 0)
                return ERR_NOMEM;
        TRY(store_ca_list(call->db, call_text(call, "MqttInstanceId"), page_offset(page, size), size, list,
                          &total));
        return answer_add(body, json_pack("{s:I, s:I, s:I}", "PageNo", (json_int_t)page, "PageSize",
                                          (json_int_t)size, "Total", (json_int_t)total));
}

static enum err set_active(struct op_call *call, bool active)
{
        const struct ca_change change = change_of(call);
        char sn[SERIAL_SIZE];
        int64_t revision = 0;

        TRY(read_sn(call, sn));
        TRY(found(call, store_ca_set_active(call->db, &change, sn, active, &revision)));
        return changed(call, revision, sn);
}

enum err op_active_ca_certificate(struct op_call *call)
{
        return set_active(call, true);
}

enum err op_inactivate_ca_certificate(struct op_call *call)
{
        return set_active(call, false);
}

enum err op_delete_ca_certificate(struct op_call *call)
{
        const struct ca_change change = change_of(call);
        char sn[SERIAL_SIZE];
        int64_t revision = 0;

        TRY(read_sn(call, sn));
        TRY(found(call, store_ca_remove(call->db, &change, sn, &revision)));
        return changed(call, revision, sn);
}
