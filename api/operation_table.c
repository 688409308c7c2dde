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
        {MQTT, "GetRegisterCode", op_get_register_code},
        {MQTT, "RegisterCaCertificate", op_register_ca_certificate},
        {MQTT, "GetCaCertificate", op_get_ca_certificate},
        {MQTT, "ListCaCertificate", op_list_ca_certificate},
        {MQTT, "ActiveCaCertificate", op_active_ca_certificate},
        {MQTT, "InactivateCaCertificate", op_inactivate_ca_certificate},
        {MQTT, "DeleteCaCertificate", op_delete_ca_certificate},
        {MQTT, "UploadCaCrl", op_upload_ca_crl},
        {MQTT, "GetCaCrl", op_get_ca_crl},
        {MQTT, "DeleteCaCrl", op_delete_ca_crl},
        {MQTT, "ListDeviceCertificate", op_list_device_certificate},
        {MQTT, "ListDeviceCertificateByCaSn", op_list_device_certificate_by_ca_sn},
        {MQTT, "GetDeviceCertificate", op_get_device_certificate},
        {MQTT, "ActiveDeviceCertificate", op_active_device_certificate},
        {MQTT, "InactivateDeviceCertificate", op_inactivate_device_certificate},
        {MQTT, "DeleteDeviceCertificate", op_delete_device_certificate},
        {MQTT, "GetDeviceActivity", op_get_device_activity},
        {MQTT, "ListSessions", op_list_sessions},
        {MQTT, "ListInstances", op_list_instances},
        {MQTT, "CreateInstance", op_create_instance},
        {MQTT, "DescribeInstance", op_describe_instance},
        {MQTT, "DeleteInstance", op_delete_instance},
        {MQTT, "SetAuthenticationMode", op_set_authentication_mode},
        {MQTT, "ListConfigRevisions", op_list_config_revisions},
        {MQTT, "GetConfigRevision", op_get_config_revision},
        {MQTT, "RollbackConfig", op_rollback_config},
        {MQTT, "GetRolloutStatus", op_get_rollout_status},
        {MQTT, "ListExpiringCertificates", op_list_expiring_certificates},
        {MQTT, "CreateAccessKey", op_create_access_key},
        {MQTT, "ListAccessKeys", op_list_access_keys},
        {MQTT, "UpdateAccessKey", op_update_access_key},
        {MQTT, "SetAccessKeyGrants", op_set_access_key_grants},
        {MQTT, "RotateAccessKey", op_rotate_access_key},
        {MQTT, "DeleteAccessKey", op_delete_access_key},
        {MQTT, "ListAuditEvents", op_list_audit_events},
        {CAS, "UploadUserCertificate", op_upload_user_certificate},
        {CAS, "GetUserCertificateDetail", op_get_user_certificate_detail},
        {CAS, "ListUserCertificateOrder", op_list_user_certificate_order},
        {CAS, "DeleteUserCertificate", op_delete_user_certificate},
        {CAS, "ListCertificates", op_list_certificates},
        {CAS, "GetCertificateDetail", op_get_certificate_detail},
        {NULL, NULL, NULL},
};
