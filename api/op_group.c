/* SPDX-License-Identifier: Apache-2.0 */
/* CreateGroupId, DeleteGroupId, ListGroupId. Group IDs are an instance's own, so nobody else can have taken
 * one. */
#include "api/answer.h"
#include "api/group_tags.h"
#include "api/operation.h"
#include "api/store_group.h"
#include "api/store_instance.h"
#include "common/cleanup.h"

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

/* `busy`: what the vendor answers when a change had to be given up. */
static enum err refused(struct op_call *call, enum err e, enum fault_id busy)
{
        switch (e) {
        case ERR_NOT_FOUND:
                return fault_set(&call->fault, call->spec->absent, NULL);
        case ERR_CONFLICT:
                return fault_set(&call->fault, FAULT_GROUP_EXISTS, NULL);
        case ERR_LIMIT:
                return fault_set(&call->fault, FAULT_QUOTA,
                                 "%s The instance has %d groups, as many as it may.",
                                 fault_message(FAULT_QUOTA), GROUPS_MAX);
        case ERR_REFUSED:
                return call_wrong(call, "GroupId", "there is no such group");
        case ERR_TIMEOUT:
                return fault_set(&call->fault, busy, NULL);
        default:
                return e;
        }
}

enum err op_create_group_id(struct op_call *call)
{
        CLEANUP(jsonp) json_t *tags = NULL;
        int64_t revision = 0;
        enum err e;

        TRY(group_tags_read(call, "", &tags));
        e = store_group_put(call->db, &call->actor, call->instance->id, call_text(call, "GroupId"), tags,
                            &revision);
        TRY(refused(call, e, FAULT_GROUP_CREATE));
        call_changed(call, revision);
        return ERR_OK;
}

enum err op_delete_group_id(struct op_call *call)
{
        int64_t revision = 0;
        enum err e = store_group_remove(call->db, &call->actor, call->instance->id,
                                        call_text(call, "GroupId"), &revision);

        TRY(refused(call, e, FAULT_GROUP_DELETE));
        call_changed(call, revision);
        return ERR_OK;
}

enum err op_list_group_id(struct op_call *call)
{
        CLEANUP(jsonp) json_t *wanted = NULL;
        CLEANUP(jsonp) json_t *list = json_array();

        if (list == NULL)
                return ERR_NOMEM;
        TRY(group_tags_read(call, NULL, &wanted));
        TRY(store_group_list(call->db, call->instance->id, wanted, list));
        return answer_add(call->answer, json_pack("{s:O}", "Data", list));
}
