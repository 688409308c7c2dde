/* SPDX-License-Identifier: Apache-2.0 */
/* GetRegisterCode and the operations on CA certificates. */
#include "api/operation.h"

enum err op_get_register_code(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_register_ca_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_get_ca_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_list_ca_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_active_ca_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_inactivate_ca_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_delete_ca_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
