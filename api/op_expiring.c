/* SPDX-License-Identifier: Apache-2.0 */
/* ListExpiringCertificates. */
#include "api/operation.h"

enum err op_list_expiring_certificates(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
