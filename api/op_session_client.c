/* SPDX-License-Identifier: Apache-2.0 */
/* QuerySessionByClientId, BatchQuerySessionByClientIds, CloseConnection: of clients that are known by their
 * ID, at the broker on this machine. */
#include "api/answer.h"
#include "api/audit.h"
#include "api/local_sessions.h"
#include "api/operation.h"
#include "api/param_set.h"
#include "api/store_instance.h"
#include "common/cleanup.h"
#include "common/model.h"

#include <inttypes.h>
#include <stdio.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

/* Whatever keeps the broker from answering, another try may find it back. */
static enum err unanswered(struct op_call *call, enum err why)
{
        return why == ERR_NOMEM ? why
                                : fault_set(&call->fault, FAULT_OVERFLOW,
                                            "%s The broker of the instance on this machine has not answered.",
                                            fault_message(FAULT_OVERFLOW));
}

static enum err ask_online(struct op_call *call, json_t *client_ids, json_t **ret)
{
        enum err e = local_sessions_online(call->settings->run_dir, call->instance->id, client_ids, ret);

        return e == ERR_OK ? e : unanswered(call, e);
}

enum err op_query_session_by_client_id(struct op_call *call)
{
        CLEANUP(jsonp) json_t *ids = json_pack("[s]", call_text(call, "ClientId"));
        CLEANUP(jsonp) json_t *online = NULL;

        if (ids == NULL)
                return ERR_NOMEM;
        TRY(ask_online(call, ids, &online));
        return answer_add(call->answer, json_pack("{s:O}", "OnlineStatus", json_array_get(online, 0)));
}

/* Numbers that are left out, and empty items, are nobody. */
static enum err read_list(struct op_call *call, json_t *ret)
{
        for (int64_t n = 1; n <= 10; n++) { /* the document's */
                char name[64];

                (void)snprintf(name, sizeof name, "ClientIdList.%" PRId64, n);
                const char *id = call_text_or(call, name, NULL);

                if (id != NULL)
                        TRY(answer_append(ret, json_string(id)));
        }
        return json_array_size(ret) > 0 ? ERR_OK : call_wrong(call, "ClientIdList", "it has no client ID");
}

static enum err answer_list(struct op_call *call, const json_t *ids, const json_t *online)
{
        json_t *list = json_array();
        json_t *id;
        size_t i;
        enum err e = answer_add(call->answer, json_pack("{s:o}", "OnlineStatusList", list));

        json_array_foreach(ids, i, id)
        {
                if (e == ERR_OK)
                        e = answer_append(list, json_pack("{s:O, s:O}", "ClientId", id, "OnlineStatus",
                                                          json_array_get(online, i)));
        }
        return e;
}

enum err op_batch_query_session_by_client_ids(struct op_call *call)
{
        CLEANUP(jsonp) json_t *ids = json_array();
        CLEANUP(jsonp) json_t *online = NULL;

        if (ids == NULL)
                return ERR_NOMEM;
        TRY(read_list(call, ids));
        TRY(ask_online(call, ids, &online));
        return answer_list(call, ids, online);
}

/* Not a change of anything that is kept, but somebody will want to know who it was. */
static enum err note(struct op_call *call)
{
        const char *const online = "OnlineStatus";
        char resource[AUDIT_RESOURCE_MAX + 4 * CLIENT_ID_MAX];
        json_t *before = json_pack("{s:b}", online, true), *after = json_pack("{s:b}", online, false);

        if (before == NULL || after == NULL) {
                json_decref(before);
                json_decref(after);
                return ERR_NOMEM;
        }
        (void)snprintf(resource, sizeof resource, "session:%s", call_text(call, "ClientId"));
        return audit_put(call->db, &call->actor, call->instance->id, resource, before, after);
}

enum err op_close_connection(struct op_call *call)
{
        int64_t count = 0;
        enum err e = local_sessions_disconnect(call->settings->run_dir, call->instance->id,
                                               call_text(call, "ClientId"), &count);

        if (e != ERR_OK)
                return unanswered(call, e);
        if (count == 0)
                return call_wrong(call, "ClientId", "no such client is connected");
        TRY(note(call));
        return answer_add(call->answer, json_pack("{s:i, s:s, s:b}", "Code", 200, "Message",
                                                  "operation success.", "Success", true));
}
