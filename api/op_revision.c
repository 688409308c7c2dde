/* SPDX-License-Identifier: Apache-2.0 */
/* ListConfigRevisions, GetConfigRevision, RollbackConfig, GetRolloutStatus. */
#include "api/answer.h"
#include "api/operation.h"
#include "api/sni_rollback.h"
#include "api/store_instance.h"
#include "api/store_revision.h"

#include <inttypes.h>
#include <stdio.h>

enum { LIST_SIZE_DEFAULT = 100, CHANGES_SIZE_DEFAULT = 1000, ATTEMPTS = 5 };

static enum err add_page(struct op_call *call, int64_t page, int64_t size)
{
        return answer_add(call->answer,
                          json_pack("{s:s, s:I, s:I}", "MqttInstanceId", call->instance->id, "CurrentPage",
                                    (json_int_t)page, "PageSize", (json_int_t)size));
}

enum err op_list_config_revisions(struct op_call *call)
{
        int64_t page = call_int(call, "CurrentPage", 1), size = call_int(call, "PageSize", LIST_SIZE_DEFAULT);
        enum err e = store_revision_list(call->db, call->instance->id, page_offset(page, size), size,
                                         call->answer);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        TRY(e);
        return add_page(call, page, size);
}

static enum err refuse_unknown(struct op_call *call, int64_t revision)
{
        return fault_set(&call->fault, FAULT_REVISION_NOT_FOUND,
                         "Specified revision is not in the history: Revision %" PRId64
                         " never was, or is not kept any more.",
                         revision);
}

enum err op_get_config_revision(struct op_call *call)
{
        int64_t page = call_int(call, "CurrentPage", 1),
                size = call_int(call, "PageSize", CHANGES_SIZE_DEFAULT);
        int64_t revision = call_int(call, "Revision", 0);
        enum err e = store_revision_get(call->db, call->instance->id, revision, page_offset(page, size), size,
                                        call->answer);

        if (e == ERR_NOT_FOUND)
                return refuse_unknown(call, revision);
        TRY(e);
        return add_page(call, page, size);
}

static enum err plan_and_apply(struct rollback *r, bool dry_run, int64_t *ret_revision)
{
        TRY(sni_rollback_plan(r));
        if (dry_run) {
                *ret_revision = r->current;
                return ERR_OK;
        }
        return sni_rollback_apply(r, ret_revision);
}

static enum err rollback_refused(struct op_call *call, const struct rollback *r, enum err e)
{
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        if (e == ERR_CONFLICT) /* somebody changes one thing after the other */
                return fault_set(&call->fault, FAULT_BUSY, NULL);
        if (e == ERR_REFUSED && !r->in_history)
                return refuse_unknown(call, r->to);
        if (e == ERR_REFUSED)
                return fault_set(&call->fault, FAULT_ROLLBACK, "%s", r->why);
        return e;
}

enum err op_rollback_config(struct op_call *call)
{
        bool dry_run = call_bool(call, "DryRun", false);
        CLEANUP(rollback)
        struct rollback r = {.db = call->db,
                             .master = call->master,
                             .actor = &call->actor,
                             .instance = call->instance->id,
                             .to = call_int(call, "Revision", 0)};
        int64_t revision = 0;
        enum err e = ERR_CONFLICT;

        for (int i = 0; i < ATTEMPTS && e == ERR_CONFLICT; i++) {
                r.every_key = i > 0;
                e = plan_and_apply(&r, dry_run, &revision);
        }
        TRY(rollback_refused(call, &r, e));
        if (!dry_run) {
                (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s", r.instance);
                call->changed_revision = revision;
        }
        return answer_add(call->answer,
                          json_pack("{s:s, s:I, s:b, s:I, s:I, s:I}", "Success", "true", "Revision",
                                    (json_int_t)revision, "DryRun", dry_run, "Added", (json_int_t)r.added,
                                    "Removed", (json_int_t)r.removed, "Changed", (json_int_t)r.changed));
}

enum err op_get_rollout_status(struct op_call *call)
{
        enum err e = store_revision_rollout(call->db, call->instance->id, "Brokers", call->answer);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        return e;
}
