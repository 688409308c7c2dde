/* SPDX-License-Identifier: Apache-2.0 */
/* ListCertificates and GetCertificateDetail, the newer siblings of ListUserCertificateOrder and
 * GetUserCertificateDetail. */
#include "api/operation.h"

enum err op_list_certificates(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}

enum err op_get_certificate_detail(struct op_call *call)
{
        (void)call;
        return ERR_UNSUPPORTED;
}
