/* SPDX-License-Identifier: Apache-2.0 */
/* SearchDeviceCertificate: devices by how their serial number or their name begins, and whether they are
 * connected to the broker on this machine. */
#include "api/answer.h"
#include "api/local_broker.h"
#include "api/local_sessions.h"
#include "api/operation.h"
#include "api/page_token.h"
#include "api/search_cursor.h"
#include "api/store_device_search.h"
#include "api/store_instance.h"
#include "common/cleanup.h"

#include <string.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

enum { PAGE_SIZE_DEFAULT = 20 }; /* the document's */

static enum err read_cursor(struct op_call *call, const char *keyword, struct search_place *ret)
{
        const char *cursor = call_text_or(call, "Cursor", NULL);
        enum err e;

        *ret = (struct search_place){.stage = search_first_stage(keyword)};
        e = cursor == NULL ? ERR_OK : search_cursor_read(cursor, keyword, ret);
        return e == ERR_SYNTAX ? call_wrong(call, "Cursor", "it is not what a page before has answered") : e;
}

/* Without an answer of the broker its rows do not say whether they are online. */
static enum err add_online(struct op_call *call, const struct device_page *page)
{
        CLEANUP(jsonp) json_t *online = NULL;
        json_t *row;
        size_t i;
        enum err e;

        if (json_array_size(page->rows) == 0)
                return ERR_OK;
        e = local_sessions_devices_online(call->settings->run_dir, call->instance->id, page->digests,
                                          &online);
        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK)
                return answer_add(call->answer, json_pack("{s:s}", "LocalReason", local_broker_why(e)));
        json_array_foreach(page->rows, i, row)
        {
                TRY(answer_add(row, json_pack("{s:O}", "Online", json_array_get(online, i))));
        }
        return ERR_OK;
}

static enum err answer_page(struct op_call *call, const struct device_page *page)
{
        CLEANUP(buf) struct buf next = BUF_UP_TO(PAGE_TOKEN_MAX);

        if (page->more)
                TRY(search_cursor_write(&page->next, &next));
        TRY(add_online(call, page));
        if (page->total >= 0)
                TRY(answer_add(call->answer, json_pack("{s:I}", "Total", (json_int_t)page->total)));
        return answer_add(call->answer,
                          json_pack("{s:s, s:O, s:s}", "MqttInstanceId", call->instance->id,
                                    "DeviceCertificates", page->rows, "NextCursor", buf_text(&next)));
}

enum err op_search_device_certificate(struct op_call *call)
{
        CLEANUP(device_page) struct device_page page = {0};
        const char *ca_sn = call_text_or(call, "CaSn", NULL), *status = call_text_or(call, "Status", NULL);
        char sn[SERIAL_SIZE];
        const struct device_search s = {.instance = call->instance->id,
                                        .ca_sn = ca_sn == NULL ? NULL : sn,
                                        .keyword = call_text_or(call, "Keyword", NULL),
                                        .active = status == NULL             ? NULL
                                                  : strcmp(status, "1") == 0 ? "true"
                                                                             : "false",
                                        .limit = call_int(call, "PageSize", PAGE_SIZE_DEFAULT)};
        struct search_place from;
        enum err e = ERR_NOT_FOUND;

        TRY(read_cursor(call, s.keyword, &from));
        if (ca_sn == NULL || serial_read(ca_sn, sn))
                e = store_device_search(call->db, &s, &from, &page);
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_CA_NOT_FOUND, NULL);
        TRY(e);
        return answer_page(call, &page);
}
