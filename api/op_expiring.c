/* SPDX-License-Identifier: Apache-2.0 */
/* ListExpiringCertificates. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/operation.h"
#include "api/store_expiring.h"
#include "common/clock.h"

enum { WITHIN_DAYS_DEFAULT = 30, PAGE_SIZE_DEFAULT = 100 };

static const char *given(const struct op_call *call, const char *name)
{
        const char *text = call_text(call, name);

        return text != NULL && text[0] != '\0' ? text : NULL;
}

enum err op_list_expiring_certificates(struct op_call *call)
{
        int64_t page = call_int(call, "CurrentPage", 1), size = call_int(call, "PageSize", PAGE_SIZE_DEFAULT),
                now = clock_now(), total = 0;
        const struct expiring_filter filter = {
                .account_id = call->actor.account_id,
                .instance = given(call, "MqttInstanceId"),
                .type = given(call, "Type"),
                .now = now,
                .before = now + call_int(call, "WithinDays", WITHIN_DAYS_DEFAULT) * DAY_SECONDS,
                .offset = page_offset(page, size),
                .limit = size};
        json_t *list = json_array();

        if (list == NULL || json_object_set_new(call->answer, "Certificates", list) != 0)
                return ERR_NOMEM;
        TRY(store_expiring_list(call->db, &filter, list, &total));
        return answer_add(call->answer,
                          json_pack("{s:I, s:I, s:I}", "TotalCount", (json_int_t)total, "CurrentPage",
                                    (json_int_t)page, "PageSize", (json_int_t)size));
}
