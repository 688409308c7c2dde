/* SPDX-License-Identifier: Apache-2.0 */
/* ListSessions: who is connected, from the broker on this machine. Brokers elsewhere keep their sessions to
 * themselves: the answer says which ones they are, so that nobody takes the list for all there is. */
#include "api/answer.h"
#include "api/local_broker.h"
#include "api/local_sessions.h"
#include "api/operation.h"
#include "api/store_broker.h"
#include "api/store_instance.h"
#include "common/cleanup.h"
#include "common/serial.h"

#include <string.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

enum { PAGE_SIZE_DEFAULT = 100 }; /* the document's */

/* NULL when not given. What is no serial number is nobody's. */
static const char *read_serial(const struct op_call *call, const char *name, char to[SERIAL_SIZE])
{
        const char *text = call_text_or(call, name, NULL);

        if (text == NULL)
                return NULL;
        return serial_read(text, to) ? to : "-";
}

/* `alive`: how many brokers the instance has, wherever they are. */
static enum err refuse(struct op_call *call, enum err why, size_t alive)
{
        return fault_set(&call->fault, FAULT_NO_BROKER,
                         "%s Only this machine can be asked, and %s; %zu of the instance are alive anywhere.",
                         fault_message(FAULT_NO_BROKER), local_broker_why(why), alive);
}

static enum err add_broker(json_t *list, const char *node, bool answered)
{
        return answer_append(list, json_pack("{s:s, s:b}", "NodeId", node, "Answered", answered));
}

/* The one that has answered is there, whether or not its heartbeat has come to the database. */
static enum err add_brokers(const json_t *alive, const char *node, json_t *ret)
{
        const json_t *other;
        size_t i;

        TRY(add_broker(ret, node, true));
        json_array_foreach(alive, i, other)
        {
                if (strcmp(json_string_value(other), node) != 0)
                        TRY(add_broker(ret, json_string_value(other), false));
        }
        return ERR_OK;
}

static enum err answer_page(struct op_call *call, const struct session_page *p, const json_t *alive)
{
        json_t *brokers = json_array();
        enum err e = brokers == NULL ? ERR_NOMEM : add_brokers(alive, p->node, brokers);

        if (e != ERR_OK) {
                json_decref(brokers);
                return e;
        }
        return answer_add(call->answer,
                          json_pack("{s:s, s:O, s:o, s:I, s:I, s:I}", "MqttInstanceId", call->instance->id,
                                    "Sessions", p->rows, "Brokers", brokers, "PageNo",
                                    (json_int_t)call_int(call, "PageNo", 1), "PageSize",
                                    (json_int_t)call_int(call, "PageSize", PAGE_SIZE_DEFAULT), "Total",
                                    (json_int_t)p->total));
}

enum err op_list_sessions(struct op_call *call)
{
        CLEANUP(session_page) struct session_page page = {0};
        CLEANUP(jsonp) json_t *alive = NULL;
        char ca_sn[SERIAL_SIZE], device_sn[SERIAL_SIZE];
        int64_t size = call_int(call, "PageSize", PAGE_SIZE_DEFAULT);
        const struct session_question q = {.client_id = call_text_or(call, "ClientId", NULL),
                                           .ca_sn = read_serial(call, "CaSn", ca_sn),
                                           .device_sn = read_serial(call, "DeviceSn", device_sn),
                                           .offset = page_offset(call_int(call, "PageNo", 1), size),
                                           .limit = size};
        enum err e;

        TRY(store_broker_alive(call->db, call->instance->id, &alive));
        e = local_sessions_ask(call->settings->run_dir, call->instance->id, &q, &page);
        if (e == ERR_NOMEM)
                return e;
        return e == ERR_OK ? answer_page(call, &page, alive) : refuse(call, e, json_array_size(alive));
}
