/* SPDX-License-Identifier: Apache-2.0 */
/* One row an operation; everything else about it is in the OpenAPI documents. docs/add-an-operation.md tells
 * the steps. */
#include "api/operation.h"

#include <stddef.h>

#define MQTT "2020-04-20"
#define CAS  "2020-04-07"

const struct operation_row operation_table[] = {
        {MQTT, "SetSniConfig", op_set_sni_config},
        {MQTT, "GetSniConfig", op_get_sni_config},
        {MQTT, "ListInstances", op_list_instances},
        {MQTT, "CreateInstance", op_create_instance},
        {MQTT, "DescribeInstance", op_describe_instance},
        {CAS, "UploadUserCertificate", op_upload_user_certificate},
        {CAS, "GetUserCertificateDetail", op_get_user_certificate_detail},
        {CAS, "ListUserCertificateOrder", op_list_user_certificate_order},
        {CAS, "DeleteUserCertificate", op_delete_user_certificate},
        {NULL, NULL, NULL},
};
