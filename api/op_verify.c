/* SPDX-License-Identifier: Apache-2.0 */
/* VerifyDomain: what a client that asks for a domain is given, found out with a TLS handshake with the broker
 * on this machine, and whether that is what is configured. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/local_broker.h"
#include "api/local_status.h"
#include "api/operation.h"
#include "api/store_instance.h"
#include "api/store_sni_match.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/distinguished_name.h"
#include "common/domain.h"
#include "common/handshake.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

/* LIMIT_MS: of all that is asked of the broker. A chain that OpenSSL takes from a server is 100 KB at most,
 * and so are the names in it, written out. */
enum { LIMIT_MS = 5000, COMMAND_SIZE = 512, REASON_SIZE = 512, NAME_TEXT_MAX = 512 * 1024 };

struct inquiry {
        char server_name[DOMAIN_SIZE];
        struct sni_match configured;
        struct conf_address at;
        int64_t served_revision, end_ms;
        enum err outcome; /* of the handshake */
        struct handshake seen;
        char why[HANDSHAKE_WHY_SIZE];
        char sha256[2 * SHA256_BYTES + 1]; /* of what is served; "" when nothing was */
};

static void cleanup_inquiry(struct inquiry *q)
{
        handshake_done(&q->seen);
}

/* ---- the broker ---- */

static enum err unanswered(struct op_call *call, const char *why)
{
        return fault_set(&call->fault, FAULT_NO_BROKER, "%s Only this machine can be asked, and %s.",
                         fault_message(FAULT_NO_BROKER), why);
}

static enum err find_broker(struct op_call *call, struct inquiry *q)
{
        CLEANUP(jsonp) json_t *status = NULL;
        enum err e = local_status_ask(call->settings->run_dir, call->instance->id, &status);

        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK)
                return unanswered(call, local_broker_why(e));
        q->served_revision = local_status_revision(status);
        if (local_status_tls(status, &q->at) != ERR_OK)
                return unanswered(call, "the broker here has no listener with TLS that clients connect to "
                                        "themselves");
        return ERR_OK;
}

/* A broker that refuses the name has answered too. */
static enum err shake_hands(struct op_call *call, struct inquiry *q)
{
        const struct handshake_request request = {.host = q->at.host,
                                                  .port = q->at.port,
                                                  .server_name = q->server_name,
                                                  .timeout_ms = q->end_ms - clock_ms()};

        q->outcome = handshake_do(&request, &q->seen, q->why);
        if (q->outcome == ERR_OK)
                return pem_certificate_sha256(handshake_leaf(&q->seen), q->sha256);
        if (q->outcome == ERR_IO || q->outcome == ERR_TIMEOUT)
                return unanswered(call, q->outcome == ERR_TIMEOUT
                                                ? "the broker here has not shaken hands in time"
                                                : "nobody listens where the broker here says that it does");
        return q->outcome == ERR_REFUSED ? ERR_OK : q->outcome;
}

/* ---- the answer ---- */

static enum err add_facts(X509 *certificate, json_t *row)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {0};
        char sha256[2 * SHA256_BYTES + 1];

        TRY(certificate_facts_read(certificate, &f));
        text_hex(f.sha256, sizeof f.sha256, sha256);
        return answer_add(row, json_pack("{s:s, s:s, s:I, s:I}", "SerialNumber", f.serial, "Sha256", sha256,
                                         "NotBefore", (json_int_t)f.not_before * 1000, "NotAfter",
                                         (json_int_t)f.not_after * 1000));
}

static enum err add_certificate(X509 *certificate, json_t *list)
{
        CLEANUP(buf) struct buf subject = BUF_UP_TO(NAME_TEXT_MAX);
        CLEANUP(buf) struct buf issuer = BUF_UP_TO(NAME_TEXT_MAX);
        CLEANUP(buf) struct buf text = BUF_UP_TO(PEM_TEXT_MAX);
        json_t *row;

        TRY(distinguished_name_text(X509_get_subject_name(certificate), &subject));
        TRY(distinguished_name_text(X509_get_issuer_name(certificate), &issuer));
        TRY(pem_certificate_text(certificate, &text));
        row = json_pack("{s:s, s:s, s:s}", "Subject", buf_text(&subject), "Issuer", buf_text(&issuer), "Pem",
                        buf_text(&text));
        TRY(answer_append(list, row));
        return add_facts(certificate, row);
}

static enum err add_chain(const struct inquiry *q, json_t *answer)
{
        json_t *list = json_array();

        TRY(answer_add(answer, json_pack("{s:o}", "Chain", list)));
        for (int i = 0; q->outcome == ERR_OK && i < sk_X509_num(q->seen.chain); i++)
                TRY(add_certificate(sk_X509_value(q->seen.chain, i), list));
        return ERR_OK;
}

/* True when it is what is configured; else `ret` says why not. */
static bool matches(const struct inquiry *q, char ret[REASON_SIZE])
{
        const char *why = "the broker serves another certificate than the configured one";

        ret[0] = '\0';
        if (q->outcome == ERR_OK && strcmp(q->sha256, q->configured.sha256) == 0)
                return true;
        if (q->served_revision < q->configured.revision)
                why = "the broker does not serve the newest configuration yet";
        else if (q->configured.rule == SNI_NONE)
                why = "no certificate is configured for this name";
        if (q->outcome == ERR_OK)
                (void)snprintf(ret, REASON_SIZE, "%s", why);
        else
                (void)snprintf(ret, REASON_SIZE, "%s%sthe broker has refused the handshake: %s",
                               q->configured.rule == SNI_NONE ? why : "",
                               q->configured.rule == SNI_NONE ? "; " : "", q->why);
        return false;
}

/* What shows the same, on the machine of the broker. */
static void write_command(const struct inquiry *q, char ret[COMMAND_SIZE])
{
        char at[CONF_ADDRESS_SIZE];

        conf_address_text(q->at.host, q->at.port, at);
        (void)snprintf(ret, COMMAND_SIZE, "openssl s_client -connect %s -servername %s -showcerts </dev/null",
                       at, q->server_name);
}

static enum err answer(struct op_call *call, const struct inquiry *q)
{
        char configured[CERTIFICATE_IDENTIFIER_SIZE], reason[REASON_SIZE], command[COMMAND_SIZE];
        bool same = matches(q, reason);

        certificate_identifier(q->configured.certificate_id, configured);
        write_command(q, command);
        TRY(answer_add(call->answer,
                       json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "MqttInstanceId", call->instance->id,
                                 "Domain", call_text(call, "Domain"), "ServerName", q->server_name,
                                 "Protocol", q->seen.protocol, "Cipher", q->seen.cipher, "NameMatches",
                                 q->seen.name_ok, "ClientCertificateAsked", q->seen.asked)));
        TRY(add_chain(q, call->answer));
        return answer_add(call->answer, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:s, s:s}",
                                                  "ServedSha256", q->sha256, "ConfiguredSha256",
                                                  q->configured.sha256, "ConfiguredCertificate", configured,
                                                  "ConfiguredBy", sni_rule_name(q->configured.rule),
                                                  "Revision", (json_int_t)q->configured.revision,
                                                  "ServedRevision", (json_int_t)q->served_revision, "Matches",
                                                  same, "Reason", reason, "Command", command));
}

enum err op_verify_domain(struct op_call *call)
{
        CLEANUP(inquiry) struct inquiry q = {.end_ms = clock_ms() + LIMIT_MS};
        const char *why = err_text(ERR_NOMEM);
        enum err e = domain_to_ask(call_text(call, "Domain"), q.server_name, &why);

        if (e == ERR_SYNTAX || e == ERR_LIMIT)
                return call_wrong(call, "Domain", why);
        TRY(e);
        TRY(find_broker(call, &q));
        TRY(shake_hands(call, &q));
        e = store_sni_match(call->db, call->instance->id, q.server_name, &q.configured);
        if (e == ERR_NOT_FOUND) /* deleted since it was looked at */
                return fault_set(&call->fault, FAULT_INSTANCE_NOT_FOUND, NULL);
        TRY(e);
        return answer(call, &q);
}
