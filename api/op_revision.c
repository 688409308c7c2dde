/* SPDX-License-Identifier: Apache-2.0 */
/* ListConfigRevisions, GetConfigRevision, RollbackConfig, GetRolloutStatus. */
#include "api/operation.h"

enum err op_list_config_revisions(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_get_config_revision(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_rollback_config(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_get_rollout_status(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
