/* SPDX-License-Identifier: Apache-2.0 */
/* ListAuditEvents. */
#include "api/operation.h"

enum err op_list_audit_events(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
