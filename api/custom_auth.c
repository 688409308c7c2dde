/* SPDX-License-Identifier: Apache-2.0 */
#include "api/custom_auth.h"

#include "api/answer.h"
#include "api/topic_rule.h"

#include <string.h>

int custom_auth_choice(const struct op_call *call, const char *parameter, const char *const *names,
                       size_t count)
{
        const char *given = call_text_or(call, parameter, NULL);

        for (size_t i = 0; given != NULL && i < count; i++)
                if (names[i] != NULL && strcmp(given, names[i]) == 0)
                        return (int)i;
        return -1;
}

enum err custom_auth_check_text(struct op_call *call, const char *parameter)
{
        const char *text = call_text_or(call, parameter, "");

        return topic_rule_has_control(text) ? call_wrong(call, parameter, "it has control characters")
                                            : ERR_OK;
}

static enum err done(struct op_call *call)
{
        return answer_add(call->answer, json_pack("{s:i, s:s, s:b}", "Code", 200, "Message",
                                                  "operation success.", "Success", true));
}

enum err custom_auth_changed(struct op_call *call, enum err e, const char *parameter, int64_t revision)
{
        switch (e) {
        case ERR_OK:
                call_changed(call, revision);
                return done(call);
        case ERR_NOT_FOUND: /* meanwhile */
                return fault_set(&call->fault, call->spec->absent, NULL);
        case ERR_CONFLICT:
                return call_wrong(call, parameter, "it is there already, with other values");
        case ERR_LIMIT:
                return fault_set(&call->fault, FAULT_CUSTOM_AUTH_LIMIT, NULL);
        case ERR_REFUSED:
                return call_wrong(call, parameter, "there is none");
        default:
                return e;
        }
}

/* Where a key has more than one column, the type is the first. */
static bool is_identity_type(const char *column)
{
        return strcmp(column, "0") == 0 || strcmp(column, "1") == 0;
}

enum err custom_auth_page(struct op_call *call, size_t columns, struct page_key *key, struct custom_page *ret)
{
        const char *token = call_text_or(call, "NextToken", NULL);

        ret->limit = call_int(call, "Size", 1);
        if (token == NULL)
                return ERR_OK;
        enum err e = page_token_read(token, columns, key);

        if (e == ERR_OK && columns > 1 && !is_identity_type(key->columns[0]))
                e = ERR_SYNTAX;
        if (e == ERR_SYNTAX)
                return call_wrong(call, "NextToken", "it is none that QueryCustomAuth… has answered");
        TRY(e);
        for (size_t i = 0; i < columns; i++)
                ret->after[i] = key->columns[i];
        return ERR_OK;
}

enum err custom_auth_answer(struct op_call *call, const struct custom_page *page)
{
        TRY(done(call));
        return answer_add(call->answer, json_pack("{s:{s:s, s:O}}", "Data", "NextToken",
                                                  buf_text(&page->next), "Results", page->rows));
}
