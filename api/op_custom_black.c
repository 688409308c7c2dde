/* SPDX-License-Identifier: Apache-2.0 */
/* AddCustomAuthConnectBlack, DeleteCustomAuthConnectBlack, QueryCustomAuthConnectBlack. */
#include "api/custom_auth.h"
#include "api/store_custom_black.h"
#include "api/store_instance.h"

static struct custom_change change_of(const struct op_call *call)
{
        return (struct custom_change){.db = call->db, .actor = &call->actor, .instance = call->instance->id};
}

enum err op_add_custom_auth_connect_black(struct op_call *call)
{
        const struct custom_change change = change_of(call);
        int64_t revision = 0;

        TRY(custom_auth_check_text(call, "ClientId"));
        enum err e = store_custom_black_put(&change, call_text(call, "ClientId"), &revision);

        return custom_auth_changed(call, e, "ClientId", revision);
}

enum err op_delete_custom_auth_connect_black(struct op_call *call)
{
        const struct custom_change change = change_of(call);
        int64_t revision = 0;

        TRY(custom_auth_check_text(call, "ClientId"));
        enum err e = store_custom_black_remove(&change, call_text(call, "ClientId"), &revision);

        return custom_auth_changed(call, e, "ClientId", revision);
}

enum err op_query_custom_auth_connect_black(struct op_call *call)
{
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;
        CLEANUP(custom_page) struct custom_page page = CUSTOM_PAGE_EMPTY;

        TRY(custom_auth_page(call, 1, &key, &page));
        TRY(store_custom_black_list(call->db, call->instance->id, call_text_or(call, "ClientId", NULL),
                                    &page));
        return custom_auth_answer(call, &page);
}
