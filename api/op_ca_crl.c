/* SPDX-License-Identifier: Apache-2.0 */
/* UploadCaCrl, GetCaCrl, DeleteCaCrl. A list whose nextUpdate has passed since it was uploaded stays: brokers
 * go on refusing what it lists, and refuse nobody else for it. Who wants to fail closed makes the CA
 * inactive. */
#include "api/answer.h"
#include "api/ca_crl.h"
#include "api/operation.h"
#include "api/store_ca_crl.h"
#include "api/store_instance.h"
#include "common/clock.h"
#include "common/serial.h"

#include <stdio.h>

enum { CRL_TEXT_MAX = CA_CRL_DER_MAX / 2 * 3 }; /* of PEM */

/* Whatever is no serial number is none of a CA either. */
static enum err read_sn(struct op_call *call, char ret[SERIAL_SIZE])
{
        return serial_read(call_text(call, "CaSn"), ret) ? ERR_OK
                                                         : fault_set(&call->fault, FAULT_CA_NOT_FOUND, NULL);
}

static enum err found(struct op_call *call, enum err e)
{
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_CA_NOT_FOUND, NULL);
        return e == ERR_REFUSED ? fault_set(&call->fault, FAULT_CRL_NOT_FOUND, NULL) : e;
}

static enum err wrong(struct op_call *call, enum err e, const char *why)
{
        return e == ERR_REFUSED ? fault_set_field(&call->fault, FAULT_INVALID, "CrlContent",
                                                  "Specified parameter CrlContent is not valid: %s.", why)
                                : e;
}

static enum err changed(struct op_call *call, int64_t revision, const char *sn)
{
        (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s", call->instance->id);
        call->changed_revision = revision;
        return answer_add(call->answer,
                          json_pack("{s:s, s:I}", "CaSn", sn, "Revision", (json_int_t)revision));
}

static enum err add_crl(struct op_call *call, const struct ca_crl *c)
{
        return answer_add(call->answer,
                          json_pack("{s:I, s:s, s:I, s:I}", "Entries", (json_int_t)c->entries, "CrlNumber",
                                    c->number, "ThisUpdate", (json_int_t)c->this_update * 1000, "NextUpdate",
                                    (json_int_t)c->next_update * 1000));
}

/* What costs time is done before anything is locked. */
static enum err put(struct op_call *call, const char *sn, const struct ca_crl *c, int64_t *ret_revision)
{
        CLEANUP(ca_of_crl) struct ca_of_crl ca = {0};
        const struct ca_change change = {.actor = &call->actor, .instance = call->instance->id};
        char why[CRL_WHY_SIZE] = "";
        enum err e;

        TRY(found(call, store_ca_crl_issuer(call->db, call->instance->id, sn, &ca)));
        TRY(wrong(call, ca_crl_check(c, ca.certificate, clock_now(), why), why));
        e = store_ca_crl_put(call->db, &change, ca.id, sn, c, ret_revision, why);
        return e == ERR_REFUSED ? wrong(call, e, why) : found(call, e);
}

enum err op_upload_ca_crl(struct op_call *call)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        char sn[SERIAL_SIZE], why[CRL_WHY_SIZE] = "";
        int64_t revision = 0;

        TRY(read_sn(call, sn));
        TRY(wrong(call, ca_crl_read(call_text(call, "CrlContent"), &c, why), why));
        TRY(put(call, sn, &c, &revision));
        TRY(add_crl(call, &c));
        return changed(call, revision, sn);
}

enum err op_get_ca_crl(struct op_call *call)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        CLEANUP(buf) struct buf text = BUF_UP_TO(CRL_TEXT_MAX);
        char sn[SERIAL_SIZE];

        TRY(read_sn(call, sn));
        TRY(found(call, store_ca_crl_get(call->db, call->instance->id, sn, &c)));
        TRY(ca_crl_text(c.der.data, c.der.len, &text));
        TRY(add_crl(call, &c));
        return answer_add(call->answer, json_pack("{s:s, s:o}", "CaSn", sn, "CrlContent",
                                                  json_stringn_nocheck(buf_text(&text), text.len)));
}

enum err op_delete_ca_crl(struct op_call *call)
{
        const struct ca_change change = {.actor = &call->actor, .instance = call->instance->id};
        char sn[SERIAL_SIZE];
        int64_t revision = 0;

        TRY(read_sn(call, sn));
        TRY(found(call, store_ca_crl_remove(call->db, &change, sn, &revision)));
        return changed(call, revision, sn);
}
