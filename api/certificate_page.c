/* SPDX-License-Identifier: Apache-2.0 */
#include "api/certificate_page.h"
#include "api/answer.h"

#include <string.h>

enum { SHOW_SIZE_DEFAULT = 50 };

static int64_t page_of(const struct op_call *call)
{
        return call_int(call, "CurrentPage", 1);
}

static int64_t size_of(const struct op_call *call)
{
        return call_int(call, "ShowSize", SHOW_SIZE_DEFAULT);
}

bool certificate_page_filter(const struct op_call *call, const struct certificate_status *known, size_t count,
                             const char *status, int64_t now, struct certificate_filter *ret)
{
        const char *keyword = call_text_or(call, "Keyword", "");
        size_t i = 0;

        while (i < count && strcmp(known[i].name, status) != 0)
                i++;
        if (i == count)
                return false;
        *ret = (struct certificate_filter){.keyword = keyword,
                                           .not_after_from = now + known[i].least_left_s,
                                           .not_after_before = now + known[i].under_left_s,
                                           .offset = page_offset(page_of(call), size_of(call)),
                                           .limit = size_of(call)};
        (void)certificate_resource_id_read(keyword, &ret->keyword_id);
        return true;
}

enum err certificate_page_answer(struct op_call *call, int64_t total)
{
        return answer_add(call->answer,
                          json_pack("{s:I, s:I, s:I}", "CurrentPage", (json_int_t)page_of(call), "ShowSize",
                                    (json_int_t)size_of(call), "TotalCount", (json_int_t)total));
}
