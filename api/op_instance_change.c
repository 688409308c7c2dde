/* SPDX-License-Identifier: Apache-2.0 */
/* DeleteInstance and SetAuthenticationMode. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/operation.h"
#include "api/rollout.h"
#include "api/sni_config.h"
#include "api/store_instance_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum err in_use(struct op_call *call, const struct instance_use *use)
{
        char others[64] = "";

        if (use->nodes == 0)
                return fault_set(&call->fault, FAULT_INSTANCE_IN_USE,
                                 "%s It has %" PRId64 " domains and %" PRId64 " CA certificates with %" PRId64
                                 " devices%s; with Force=true they go too.",
                                 fault_message(FAULT_INSTANCE_IN_USE), use->counts.domains,
                                 use->counts.ca_certificates, use->counts.devices,
                                 use->logins ? ", and groups, parent topics, or what clients sign in with"
                                             : "");
        if (use->nodes > 1)
                (void)snprintf(others, sizeof others, " and %" PRId64 " more", use->nodes - 1);
        return fault_set(
                &call->fault, FAULT_INSTANCE_IN_USE,
                "%s The broker %s%s serves it and was alive within the last %d seconds; stop it first.",
                fault_message(FAULT_INSTANCE_IN_USE), use->node, others, BROKER_ALIVE_S);
}

enum err op_delete_instance(struct op_call *call)
{
        struct instance_use use = {0};
        enum err e = store_instance_remove(call->db, &call->actor, call_text(call, "MqttInstanceId"),
                                           call_bool(call, "Force", false), &use);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        return e == ERR_REFUSED ? in_use(call, &use) : e;
}

static enum err read_certificate(struct op_call *call, int64_t *ret)
{
        const char *text = call_text(call, "ServerCertificate");

        if (text == NULL || text[0] == '\0' || certificate_id_read(text, strlen(text), ret))
                return ERR_OK;
        return fault_set_field(&call->fault, FAULT_INVALID, "ServerCertificate",
                               "Specified parameter ServerCertificate is not valid: a certificate ID is "
                               "<digits>-" CERTIFICATE_REGION ".");
}

static enum err refuse(struct op_call *call, enum mode_refusal why, int64_t certificate)
{
        if (why == MODE_NO_DEFAULT)
                return fault_set_field(&call->fault, FAULT_MISSING, "ServerCertificate",
                                       "ServerCertificate is mandatory for this action: the instance has no "
                                       "default certificate, which the mode mutual needs.");
        if (why == MODE_CERTIFICATE_UNKNOWN)
                return fault_set_field(&call->fault, FAULT_INVALID, "ServerCertificate",
                                       "Specified parameter ServerCertificate is not valid: certificate "
                                       "%" PRId64 " does not exist.",
                                       certificate);
        return fault_set_field(&call->fault, FAULT_INVALID, "ServerCertificate",
                               "Specified parameter ServerCertificate is not valid: the private key of "
                               "certificate %" PRId64 " is encrypted, and no password has opened it. Map a "
                               "domain to it with SetSniConfig first, with its password.",
                               certificate);
}

enum err op_set_authentication_mode(struct op_call *call)
{
        struct mode_change change = {.actor = &call->actor,
                                     .instance = call_text(call, "MqttInstanceId"),
                                     .expected_revision = call_int(call, "ExpectedRevision", REVISION_ANY)};
        struct mode_state now = {0};
        char certificate[CERTIFICATE_IDENTIFIER_SIZE];
        const bool login = call_bool(call, "LoginRequired", false);
        enum err e;

        if (call_text_or(call, "LoginRequired", NULL) != NULL)
                change.login_required = &login;
        TRY(read_certificate(call, &change.certificate));
        if (!authentication_mode_read(call_text(call, "Mode"), &change.mode))
                return ERR_INTERNAL; /* validated */
        e = store_instance_set_mode(call->db, &change, &now);
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        if (e == ERR_STALE)
                return fault_set(&call->fault, FAULT_REVISION_CHANGED, NULL);
        if (e == ERR_REFUSED)
                return refuse(call, now.refusal, change.certificate);
        TRY(e);
        (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s", change.instance);
        call->changed_revision = now.revision;
        certificate_identifier(now.default_certificate, certificate);
        return answer_add(call->answer,
                          json_pack("{s:s, s:b, s:s, s:I}", "Mode", authentication_mode_text(change.mode),
                                    "LoginRequired", now.login_required, "DefaultCertificate", certificate,
                                    "Revision", (json_int_t)now.revision));
}
