/* SPDX-License-Identifier: Apache-2.0 */
/* ListAuditEvents. */
#include "api/answer.h"
#include "api/audit.h"
#include "api/operation.h"

enum { PAGE_SIZE_DEFAULT = 100 };

/* A parameter that is given empty asks for any. */
static const char *given(const struct op_call *call, const char *name)
{
        const char *text = call_text(call, name);

        return text != NULL && text[0] != '\0' ? text : NULL;
}

enum err op_list_audit_events(struct op_call *call)
{
        const struct audit_filter filter = {.instance = given(call, "MqttInstanceId"),
                                            .action = given(call, "EventAction"),
                                            .access_key_id = given(call, "UserAccessKeyId"),
                                            .from_ms = call_int(call, "StartTime", 0),
                                            .before_ms = call_int(call, "EndTime", 0),
                                            .before_id = call_int(call, "BeforeEventId", 0),
                                            .limit = call_int(call, "PageSize", PAGE_SIZE_DEFAULT)};
        int64_t next = 0;
        json_t *list = json_array();

        /* in the answer first, which owns it from then on */
        TRY(answer_add(call->answer, json_pack("{s:o}", "Events", list)));
        TRY(audit_list(call->db, call->actor.account_id, &filter, list, &next));
        return answer_add(call->answer, json_pack("{s:I}", "NextEventId", (json_int_t)next));
}
