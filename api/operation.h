/* SPDX-License-Identifier: Apache-2.0 */
/* operation: the table of what the API can do. A row binds an operation of an OpenAPI document (openapi/
 * *.json, compiled in, read at start) to its function; start-up fails when table and documents differ.
 * Parameters, types, limits, patterns and documented errors live in the documents only. */
#ifndef SIGNET_API_OPERATION_H
#define SIGNET_API_OPERATION_H

#include "api/actor.h"
#include "api/fault.h"
#include "api/grant.h"
#include "api/openapi.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct param_set; /* decoded request parameters, see api/request.h */
struct instance;  /* api/store_instance.h */

/* One call, from authentication to answer; lives on one API thread. */
struct op_call {
        struct db *db; /* this thread's connection, ready */
        const struct master_key *master;
        const struct api_settings *settings;
        const struct param_set *params; /* validated against the operation's document; defaults filled in */
        struct actor actor;             /* who signed; for the history */
        const struct grants *grants; /* what that access key may do; looked at already, but for SCOPE_ANY */
        /* SCOPE_INSTANCE, and SCOPE_GIVEN when it is given: the instance, which is the account's and of an
         * edition that has the operation. NULL otherwise. */
        const struct instance *instance;
        const struct operation_spec *spec;
        json_t *answer;     /* object; RequestId is in it already; the operation adds its fields */
        struct fault fault; /* set with fault_set() before returning ERR_REFUSED */
        /* Set by an operation that changed an instance: after it has returned ERR_OK the pipeline tells the
         * brokers. */
        char changed_instance[65];
        int64_t changed_revision;
};

/* ERR_OK: call->answer is sent with 200. ERR_REFUSED: call->fault is sent. ERR_DB: 503 ServiceUnavailable.
 * Anything else: 500 InternalError (logged with the request ID). Must leave no transaction open. */
typedef enum err op_fn(struct op_call *call);

struct operation_row {
        const char *version; /* "2020-04-20" */
        const char *name;    /* "SetSniConfig" */
        op_fn *run;
};
extern const struct operation_row operation_table[]; /* ended by a row of NULLs */

op_fn op_upload_user_certificate, op_get_user_certificate_detail, op_list_user_certificate_order,
        op_delete_user_certificate, op_list_certificates, op_get_certificate_detail;
op_fn op_set_sni_config, op_get_sni_config;
op_fn op_get_register_code, op_register_ca_certificate, op_get_ca_certificate, op_list_ca_certificate,
        op_active_ca_certificate, op_inactivate_ca_certificate, op_delete_ca_certificate;
op_fn op_upload_ca_crl, op_get_ca_crl, op_delete_ca_crl;
op_fn op_list_device_certificate, op_list_device_certificate_by_ca_sn, op_get_device_certificate,
        op_active_device_certificate, op_inactivate_device_certificate, op_delete_device_certificate;
op_fn op_get_device_activity;
op_fn op_search_device_certificate;
op_fn op_list_sessions;
op_fn op_get_broker_status, op_verify_domain;
op_fn op_list_instances, op_create_instance, op_describe_instance, op_delete_instance,
        op_set_authentication_mode;
op_fn op_list_config_revisions, op_get_config_revision, op_rollback_config, op_get_rollout_status;
op_fn op_list_expiring_certificates;
op_fn op_create_access_key, op_list_access_keys, op_update_access_key, op_set_access_key_grants,
        op_rotate_access_key, op_delete_access_key;
op_fn op_list_audit_events;
op_fn op_apply_token, op_query_token, op_revoke_token;
op_fn op_create_group_id, op_delete_group_id, op_list_group_id;
op_fn op_create_parent_topic, op_delete_parent_topic, op_list_parent_topic;
op_fn op_register_device_credential, op_get_device_credential, op_refresh_device_credential,
        op_un_register_device_credential, op_list_device_credential_client_id;
op_fn op_add_custom_auth_identity, op_update_custom_auth_identity, op_delete_custom_auth_identity,
        op_query_custom_auth_identity;
op_fn op_add_custom_auth_permission, op_update_custom_auth_permission, op_delete_custom_auth_permission,
        op_query_custom_auth_permission;
op_fn op_add_custom_auth_connect_black, op_delete_custom_auth_connect_black,
        op_query_custom_auth_connect_black;
op_fn op_query_session_by_client_id, op_batch_query_session_by_client_ids, op_close_connection;
op_fn op_send_message;

/* Gives every operation of the documents its function. ERR_CONFLICT with `why` when table and documents
 * differ. */
MUST_CHECK enum err operation_bind(struct openapi *documents, char why[256]);

/* Parameters. NULL/absent when not given and without a default; text is NUL-free UTF-8, borrowed from the
 * call. */
const char *call_text(const struct op_call *call, const char *name);
const char *call_text_or(const struct op_call *call, const char *name,
                         const char *otherwise); /* also for "" */
int64_t call_int(const struct op_call *call, const char *name, int64_t otherwise);
bool call_bool(const struct op_call *call, const char *name, bool otherwise);

/* The refusal of a value that the document lets pass: the operation's Code for a wrong parameter, and why, a
 * sentence's end without its point that does not quote the value. */
MUST_CHECK enum err call_wrong(struct op_call *call, const char *name, const char *why);
/* call->instance is as the caller wants it since this revision: brokers are told, and waited for. */
void call_changed(struct op_call *call, int64_t revision);

#endif
