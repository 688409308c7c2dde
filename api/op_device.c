/* SPDX-License-Identifier: Apache-2.0 */
/* The operations on device certificates. */
#include "api/operation.h"

enum err op_list_device_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_list_device_certificate_by_ca_sn(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_get_device_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_active_device_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_inactivate_device_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_delete_device_certificate(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
