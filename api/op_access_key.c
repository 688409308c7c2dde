/* SPDX-License-Identifier: Apache-2.0 */
/* The access keys of an account and what they may do. */
#include "api/operation.h"

enum err op_create_access_key(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_list_access_keys(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_update_access_key(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_set_access_key_grants(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_rotate_access_key(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_delete_access_key(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
