/* SPDX-License-Identifier: Apache-2.0 */
/* The operations on device certificates. Brokers register them (device_register() in the migrations), so
 * there is none to add one. A deleted one is registered again when the device comes back while its CA is
 * active. */
#include "api/answer.h"
#include "api/audit.h"
#include "api/operation.h"
#include "api/revision.h"
#include "api/store_device.h"
#include "api/store_instance.h"

#include <stdio.h>
#include <string.h>

enum {
        PAGE_SIZE_DEFAULT = 10, /* PageNo and PageSize are mandatory in the documents */
        RESOURCE_SIZE = 2 * SERIAL_CHARS_MAX + 24
};

static enum err not_found(struct op_call *call)
{
        return fault_set(&call->fault, FAULT_DEVICE_NOT_FOUND, NULL);
}

/* What is no serial number is none that we know. */
static enum err read_key(struct op_call *call, struct device_key *ret)
{
        ret->instance = call->instance->id;
        if (!serial_read(call_text(call, "CaSn"), ret->ca_sn) ||
            !serial_read(call_text(call, "DeviceSn"), ret->sn))
                return not_found(call);
        return ERR_OK;
}

static enum err answer_page(struct op_call *call, const char *ca_sn)
{
        int64_t page = call_int(call, "PageNo", 1), size = call_int(call, "PageSize", PAGE_SIZE_DEFAULT);
        int64_t total = 0;
        json_t *list = json_array();
        enum err e = list == NULL ? ERR_NOMEM
                                  : store_device_page(call->db, call->instance->id, ca_sn,
                                                      page_offset(page, size), size, list, &total);

        if (e != ERR_OK) {
                json_decref(list);
                return e == ERR_NOT_FOUND ? not_found(call) : e;
        }
        return answer_add(call->answer, json_pack("{s:{s:o, s:I, s:I, s:I}}", "Data", "DeviceCertificateVOS",
                                                  list, "PageNo", (json_int_t)page, "PageSize",
                                                  (json_int_t)size, "Total", (json_int_t)total));
}

enum err op_list_device_certificate(struct op_call *call)
{
        return answer_page(call, NULL);
}

enum err op_list_device_certificate_by_ca_sn(struct op_call *call)
{
        char ca_sn[SERIAL_SIZE];

        return serial_read(call_text(call, "CaSn"), ca_sn) ? answer_page(call, ca_sn) : not_found(call);
}

enum err op_get_device_certificate(struct op_call *call)
{
        struct device_key key;
        json_t *row = NULL;
        enum err e;

        TRY(read_key(call, &key));
        e = store_device_get(call->db, &key, &row);
        if (e == ERR_NOT_FOUND)
                return not_found(call);
        TRY(e);
        return answer_add(call->answer, json_pack("{s:o}", "Data", row));
}

enum change { INACTIVATE, ACTIVATE, DELETE };
static const char *const change_words[] = {"made inactive", "made active", "deleted"};

/* As ListAuditEvents shows it; NULL is no value. */
static json_t *audit_value(const struct device_state *s, bool active)
{
        return json_pack("{s:s, s:s}", "DeviceName", s->name, "Status", active ? "1" : "0");
}

static enum err write_audit(struct op_call *call, const struct device_key *key, enum change change,
                            const struct device_state *before)
{
        char resource[RESOURCE_SIZE];
        json_t *was = audit_value(before, before->active);
        json_t *is = change == DELETE ? NULL : audit_value(before, change == ACTIVATE);

        if (was == NULL || (is == NULL && change != DELETE)) {
                json_decref(was);
                json_decref(is);
                return ERR_NOMEM;
        }
        (void)snprintf(resource, sizeof resource, "device-certificate:%s/%s", key->ca_sn, key->sn);
        return audit_put(call->db, &call->actor, key->instance, resource, was, is);
}

static enum err write_change(struct op_call *call, const struct device_key *key, enum change change,
                             const struct device_state *before, struct revision *r)
{
        (void)snprintf(r->summary, sizeof r->summary, "device certificate %.64s/%.64s %s", key->ca_sn,
                       key->sn, change_words[change]);
        if (change == DELETE)
                TRY(store_device_delete(call->db, r, before->ca_id, key->sn));
        else
                TRY(store_device_set_active(call->db, r, before->ca_id, key->sn, change == ACTIVATE));
        TRY(write_audit(call, key, change, before));
        return revision_raise(call->db, r);
}

/* The whole transaction. A state that is there already is no change, and no revision. */
static enum err apply(struct op_call *call, const struct device_key *key, enum change change)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(device_state) struct device_state before = {0};
        struct revision r;
        enum err e;

        TRY(db_begin(call->db, &tx));
        e = revision_lock(call->db, &call->actor, key->instance, &r);
        if (e == ERR_NOT_FOUND) /* deleted since it was looked at */
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        TRY(e);
        e = store_device_find(call->db, key, &before);
        if (e == ERR_NOT_FOUND)
                return not_found(call);
        TRY(e);
        call->changed_revision = r.number - 1;
        if (change != DELETE && before.active == (change == ACTIVATE))
                return ERR_OK;
        TRY(write_change(call, key, change, &before, &r));
        TRY(db_commit(&tx));
        call->changed_revision = r.number;
        return ERR_OK;
}

static enum err change_device(struct op_call *call, enum change change)
{
        struct device_key key;

        TRY(read_key(call, &key));
        TRY(apply(call, &key, change));
        (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s", key.instance);
        return answer_add(call->answer, json_pack("{s:s}", "DeviceSn", key.sn));
}

enum err op_active_device_certificate(struct op_call *call)
{
        return change_device(call, ACTIVATE);
}

enum err op_inactivate_device_certificate(struct op_call *call)
{
        return change_device(call, INACTIVATE);
}

enum err op_delete_device_certificate(struct op_call *call)
{
        return change_device(call, DELETE);
}
