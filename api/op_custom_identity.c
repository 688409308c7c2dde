/* SPDX-License-Identifier: Apache-2.0 */
/* AddCustomAuthIdentity, UpdateCustomAuthIdentity, DeleteCustomAuthIdentity, QueryCustomAuthIdentity. The
 * vendor's examples send a client ID also with an identity of type USER, which has none: it is ignored. */
#include "api/custom_auth.h"
#include "api/store_custom_identity.h"
#include "api/store_instance.h"

/* The parameter that names the row. */
static const char *key_of(const struct custom_identity *i)
{
        return i->type == IDENTITY_CLIENT ? "ClientId" : "Username";
}

static enum err read_identity(struct op_call *call, struct custom_identity *ret)
{
        *ret = (struct custom_identity){
                .type = (enum identity_type)custom_auth_choice(call, "IdentityType", identity_types, 2),
                .user_name = call_text(call, "Username"),
                .client_id = "",
                .secret = call_text_or(call, "Secret", "")};
        TRY(custom_auth_check_text(call, "Username"));
        if (ret->type != IDENTITY_CLIENT)
                return ERR_OK;
        ret->client_id = call_text_or(call, "ClientId", "");
        if (ret->client_id[0] == '\0')
                return call_wrong(call, "ClientId", "an identity of type CLIENT has one");
        return custom_auth_check_text(call, "ClientId");
}

static struct custom_change change_of(const struct op_call *call, bool update)
{
        return (struct custom_change){.db = call->db,
                                      .master = call->master,
                                      .actor = &call->actor,
                                      .instance = call->instance->id,
                                      .update = update};
}

static enum err put(struct op_call *call, bool update)
{
        const struct custom_change change = change_of(call, update);
        struct custom_identity identity;
        int64_t revision = 0;

        TRY(read_identity(call, &identity));
        identity.mode = (enum sign_mode)custom_auth_choice(call, "SignMode", sign_modes, 2);
        enum err e = store_custom_identity_put(&change, &identity, &revision);

        return custom_auth_changed(call, e, key_of(&identity), revision);
}

enum err op_add_custom_auth_identity(struct op_call *call)
{
        return put(call, false);
}

enum err op_update_custom_auth_identity(struct op_call *call)
{
        return put(call, true);
}

enum err op_delete_custom_auth_identity(struct op_call *call)
{
        const struct custom_change change = change_of(call, true);
        struct custom_identity identity;
        int64_t revision = 0;

        TRY(read_identity(call, &identity));
        enum err e = store_custom_identity_remove(&change, &identity, &revision);

        return custom_auth_changed(call, e, key_of(&identity), revision);
}

enum err op_query_custom_auth_identity(struct op_call *call)
{
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;
        CLEANUP(custom_page) struct custom_page page = CUSTOM_PAGE_EMPTY;
        struct custom_identity_filter filter = {
                .type = custom_auth_choice(call, "IdentityType", identity_types, 2),
                .user_name = call_text_or(call, "Username", NULL),
                .client_id = call_text_or(call, "ClientId", NULL)};

        if (filter.type == IDENTITY_USER)
                filter.client_id = NULL;
        TRY(custom_auth_page(call, 3, &key, &page));
        TRY(store_custom_identity_list(call->db, call->master, call->instance->id, &filter, &page));
        return custom_auth_answer(call, &page);
}
