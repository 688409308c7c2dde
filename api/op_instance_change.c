/* SPDX-License-Identifier: Apache-2.0 */
/* DeleteInstance and SetAuthenticationMode. */
#include "api/operation.h"

enum err op_delete_instance(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_set_authentication_mode(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
