/* SPDX-License-Identifier: Apache-2.0 */
/* RegisterDeviceCredential, GetDeviceCredential, RefreshDeviceCredential, UnRegisterDeviceCredential,
 * ListDeviceCredentialClientId. A client that is connected stays so whatever becomes of its credential. */
#include "api/answer.h"
#include "api/operation.h"
#include "api/page_token.h"
#include "api/store_device_credential.h"
#include "api/store_instance.h"
#include "common/cleanup.h"

#include <inttypes.h>
#include <stdio.h>

enum { PAGE_SIZE_DEFAULT = 100, NUMBER_SIZE = 24 };

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

static struct credential_owner owner_of(const struct op_call *call)
{
        return (struct credential_owner){&call->actor, call->instance->id, call_text(call, "ClientId")};
}

static enum err refused(struct op_call *call, enum err e)
{
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, call->spec->absent, NULL);
        if (e == ERR_REFUSED)
                return call_wrong(call, "ClientId", "it has no device credential");
        if (e == ERR_LIMIT)
                return fault_set(&call->fault, FAULT_QUOTA,
                                 "%s The instance has %d device credentials, as many as it may.",
                                 fault_message(FAULT_QUOTA), DEVICE_CREDENTIALS_MAX);
        return e;
}

static enum err answer_credential(struct op_call *call, const struct device_credential *c)
{
        return answer_add(call->answer,
                          json_pack("{s:{s:s, s:I, s:s, s:s, s:s, s:I}}", "DeviceCredential", "ClientId",
                                    call_text(call, "ClientId"), "CreateTime", (json_int_t)c->created_at,
                                    "DeviceAccessKeyId", c->access_key_id, "DeviceAccessKeySecret", c->secret,
                                    "InstanceId", call->instance->id, "UpdateTime",
                                    (json_int_t)c->updated_at));
}

static enum err put(struct op_call *call, enum credential_change change)
{
        CLEANUP(device_credential) struct device_credential made = {0};
        const struct credential_owner owner = owner_of(call);
        int64_t revision = 0;

        TRY(refused(call,
                    store_device_credential_put(call->db, call->master, &owner, change, &made, &revision)));
        call_changed(call, revision);
        return answer_credential(call, &made);
}

enum err op_register_device_credential(struct op_call *call)
{
        return put(call, CREDENTIAL_REGISTER);
}

enum err op_refresh_device_credential(struct op_call *call)
{
        return put(call, CREDENTIAL_REFRESH);
}

enum err op_get_device_credential(struct op_call *call)
{
        CLEANUP(device_credential) struct device_credential found = {0};
        const struct credential_owner owner = owner_of(call);

        TRY(refused(call, store_device_credential_get(call->db, call->master, &owner, &found)));
        return answer_credential(call, &found);
}

enum err op_un_register_device_credential(struct op_call *call)
{
        const struct credential_owner owner = owner_of(call);
        int64_t revision = 0;

        TRY(refused(call, store_device_credential_remove(call->db, &owner, &revision)));
        call_changed(call, revision);
        return ERR_OK;
}

/* ---- pages ---- */

/* The last client ID of the page before; NULL when no token was given. */
static enum err read_next(struct op_call *call, struct page_key *key, const char **ret)
{
        const char *token = call_text_or(call, "NextToken", NULL);
        enum err e = token == NULL ? ERR_OK : page_token_read(token, 1, key);

        if (e == ERR_SYNTAX)
                return call_wrong(call, "NextToken", "it is not what a page before has answered");
        TRY(e);
        *ret = token != NULL ? key->columns[0] : NULL;
        return ERR_OK;
}

static enum err answer_page(struct op_call *call, json_t *list, bool more, int64_t total)
{
        CLEANUP(buf) struct buf next = BUF_UP_TO(PAGE_TOKEN_MAX);
        const char *last = json_string_value(json_array_get(list, json_array_size(list) - 1));
        char number[NUMBER_SIZE];

        if (more && last != NULL)
                TRY(page_token_write(&last, 1, &next));
        (void)snprintf(number, sizeof number, "%" PRId64, total);
        return answer_add(call->answer,
                          json_pack("{s:{s:O, s:s, s:s, s:s, s:s}}", "DeviceCredentialClientIdList",
                                    "ClientIdList", list, "NextToken", buf_text(&next), "PageNo",
                                    call_text_or(call, "PageNo", "1"), "PageSize",
                                    call_text(call, "PageSize"), "Total", number));
}

enum err op_list_device_credential_client_id(struct op_call *call)
{
        CLEANUP(jsonp) json_t *list = json_array();
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;
        struct credential_page page = {.instance = call->instance->id,
                                       .group = call_text(call, "GroupId"),
                                       .limit = call_int(call, "PageSize", PAGE_SIZE_DEFAULT)};
        bool more = false;
        int64_t total = 0;

        if (list == NULL)
                return ERR_NOMEM;
        TRY(read_next(call, &key, &page.after));
        if (page.after == NULL)
                page.offset = page_offset(call_int(call, "PageNo", 1), page.limit);
        TRY(store_device_credential_page(call->db, &page, list, &more, &total));
        return answer_page(call, list, more, total);
}
