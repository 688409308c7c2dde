/* SPDX-License-Identifier: Apache-2.0 */
/* AddCustomAuthPermission, UpdateCustomAuthPermission, DeleteCustomAuthPermission, QueryCustomAuthPermission.
 */
#include "api/custom_auth.h"
#include "api/store_custom_permission.h"
#include "api/store_instance.h"
#include "api/topic_rule.h"

#include <string.h>

static enum err read_permission(struct op_call *call, struct custom_permission *ret)
{
        const char *why = topic_rule_filter(call_text(call, "Topic"));

        if (why != NULL)
                return call_wrong(call, "Topic", why);
        *ret = (struct custom_permission){
                .type = (enum identity_type)custom_auth_choice(call, "IdentityType", identity_types, 2),
                .identity = call_text(call, "Identity"),
                .topic = call_text(call, "Topic"),
                .allow = strcmp(call_text_or(call, "Effect", ""), "ALLOW") == 0};
        return custom_auth_check_text(call, "Identity");
}

static struct custom_change change_of(const struct op_call *call, bool update)
{
        return (struct custom_change){
                .db = call->db, .actor = &call->actor, .instance = call->instance->id, .update = update};
}

static enum err put(struct op_call *call, bool update)
{
        const struct custom_change change = change_of(call, update);
        struct custom_permission permission;
        int64_t revision = 0;

        TRY(read_permission(call, &permission));
        permission.action =
                (enum permit_action)custom_auth_choice(call, "PermitAction", permit_actions, PERMIT_ACTIONS);
        enum err e = store_custom_permission_put(&change, &permission, &revision);

        if (e == ERR_UNSUPPORTED)
                return call_wrong(call, "Topic", "its first level is none of the instance's parent topics");
        return custom_auth_changed(call, e, "Topic", revision);
}

enum err op_add_custom_auth_permission(struct op_call *call)
{
        return put(call, false);
}

enum err op_update_custom_auth_permission(struct op_call *call)
{
        return put(call, true);
}

enum err op_delete_custom_auth_permission(struct op_call *call)
{
        const struct custom_change change = change_of(call, true);
        struct custom_permission permission;
        int64_t revision = 0;

        TRY(read_permission(call, &permission));
        enum err e = store_custom_permission_remove(&change, &permission, &revision);

        return custom_auth_changed(call, e, "Topic", revision);
}

enum err op_query_custom_auth_permission(struct op_call *call)
{
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;
        CLEANUP(custom_page) struct custom_page page = CUSTOM_PAGE_EMPTY;
        const struct custom_permission_filter filter = {
                .type = custom_auth_choice(call, "IdentityType", identity_types, 2),
                .identity = call_text_or(call, "Identity", NULL),
                .topic = call_text_or(call, "Topic", NULL)};

        TRY(custom_auth_page(call, 3, &key, &page));
        TRY(store_custom_permission_list(call->db, call->instance->id, &filter, &page));
        return custom_auth_answer(call, &page);
}
