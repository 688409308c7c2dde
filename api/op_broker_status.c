/* SPDX-License-Identifier: Apache-2.0 */
/* GetBrokerStatus: what all brokers of an instance have told the database, and what the one on this machine
 * says of itself. */
#include "api/answer.h"
#include "api/local_broker.h"
#include "api/local_status.h"
#include "api/operation.h"
#include "api/store_instance.h"
#include "api/store_revision.h"
#include "common/cleanup.h"

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

static enum err add_local(struct op_call *call)
{
        CLEANUP(jsonp) json_t *status = NULL;
        enum err e = local_status_ask(call->settings->run_dir, call->instance->id, &status);

        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK) /* it may well be elsewhere */
                return answer_add(call->answer, json_pack("{s:s}", "LocalReason", local_broker_why(e)));
        return answer_add(call->answer, json_pack("{s:o}", "Local", local_status_describe(status)));
}

enum err op_get_broker_status(struct op_call *call)
{
        enum err e = store_revision_rollout(call->db, call->instance->id, "Nodes", call->answer);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        TRY(e);
        return add_local(call);
}
