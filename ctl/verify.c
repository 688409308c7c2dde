/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/verify.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/handshake.h"
#include "ctl/client.h"
#include "ctl/field.h"
#include "ctl/leaf.h"
#include "ctl/mapping.h"
#include "ctl/print.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 8883 };

enum err verify_server_name(const char *domain, char ret[DOMAIN_SIZE], struct failure *f)
{
        const char *why = err_text(ERR_NOMEM);

        if (domain_to_ask(domain, ret, &why) != ERR_OK)
                return failure_set(f, EXIT_USAGE, "%.64s: %s", domain, why);
        return ERR_OK;
}

/* What --connect says: host:port or [address]:port; conf_address() takes addresses only. */
static enum err read_connect(const char *text, struct conf_address *ret, struct failure *f)
{
        const char *colon = strrchr(text, ':');
        size_t len = colon != NULL ? (size_t)(colon - text) : 0, digits;
        bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';

        digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
        ret->port =
                digits > 0 && digits <= 5 && colon[1 + digits] == '\0' ? (int)strtol(colon + 1, NULL, 10) : 0;
        if (brackets)
                text++, len -= 2;
        if (len == 0 || len >= sizeof ret->host || ret->port < 1 || ret->port > 65535)
                return failure_set(f, EXIT_USAGE, "--connect takes <host>:<port>");
        memcpy(ret->host, text, len);
        ret->host[len] = '\0';
        return ERR_OK;
}

static enum err broker_address(const struct ctl_settings *settings, const struct options *o,
                               struct conf_address *ret, struct failure *f)
{
        if (o->values[OPTION_CONNECT] != NULL)
                return read_connect(o->values[OPTION_CONNECT], ret, f);
        if (conf_address(settings->mqtts_listen, ret) != ERR_OK)
                return failure_set(f, EXIT_USAGE,
                                   "SIGNET_MQTTS_LISTEN is no <address>:<port>; give --connect");
        if (ret->port == 0)
                ret->port = PORT_DEFAULT;
        return ERR_OK;
}

/* A broker that closes while we write must not end this process. */
static enum err shake_hands(const struct handshake_request *q, struct handshake *ret, struct failure *f)
{
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
        char why[HANDSHAKE_WHY_SIZE];
        enum err e;

        if (sigaction(SIGPIPE, &ignore, &before) != 0)
                return ERR_INTERNAL;
        e = handshake_do(q, ret, why);
        (void)sigaction(SIGPIPE, &before, NULL);
        if (e == ERR_IO || e == ERR_TIMEOUT)
                return failure_set(f, EXIT_NETWORK, "broker at %.200s port %d: %s", q->host, q->port, why);
        if (e == ERR_REFUSED)
                return failure_set(f, EXIT_API_ERROR, "TLS handshake with %.200s port %d as %s: %s", q->host,
                                   q->port, q->server_name, why);
        if (e == ERR_SYNTAX)
                return failure_set(f, EXIT_USAGE, "%.200s holds no CA certificate that can be read",
                                   q->cacert);
        return e;
}

static enum err describe(const struct handshake_request *q, const struct handshake *h, json_t *ret)
{
        char where[CONF_ADDRESS_SIZE];

        conf_address_text(q->host, q->port, where);
        TRY(field_set(ret, "Connected", json_string(where)));
        TRY(field_set(ret, "Protocol", json_string(h->protocol)));
        TRY(field_set(ret, "Cipher", json_string(h->cipher)));
        TRY(leaf_describe(handshake_leaf(h), clock_now(), ret));
        TRY(field_set(ret, "Certificates", json_integer(sk_X509_num(h->chain))));
        TRY(field_set(ret, "NameMatches", json_boolean(h->name_ok)));
        TRY(field_set(ret, "ChainVerifies", json_boolean(h->chain_ok)));
        TRY(field_set(ret, "ChainProblem", json_string(h->chain_why)));
        return field_set(ret, "ClientCertificateAsked", json_boolean(h->asked));
}

static enum err connect_and_describe(const struct ctl_settings *settings, const struct options *o,
                                     const char *server_name, json_t *ret, struct failure *f)
{
        CLEANUP(handshake) struct handshake h = {0};
        struct handshake_request q = {.server_name = server_name, .timeout_ms = settings->timeout_s * 1000};
        struct conf_address at;

        if (o->given[OPTION_TLS12] && o->given[OPTION_TLS13])
                return failure_set(f, EXIT_USAGE, "--tls1.2 and --tls1.3 exclude each other");
        if (o->given[OPTION_TLS12] || o->given[OPTION_TLS13])
                q.version = o->given[OPTION_TLS12] ? TLS1_2_VERSION : TLS1_3_VERSION;
        TRY(broker_address(settings, o, &at, f));
        q.host = conf_reachable(at.host);
        q.port = at.port;
        q.cacert = o->given[OPTION_BROKER_CACERT] ? o->values[OPTION_BROKER_CACERT] : settings->cacert;
        TRY(shake_hands(&q, &h, f));
        return describe(&q, &h, ret);
}

static enum err certificate_detail(struct client *c, json_int_t id, json_t **ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_CAS, "GetUserCertificateDetail");

        TRY(question_add_number(&q, "CertId", id));
        TRY(question_add(&q, "CertFilter", "true"));
        return client_ask(c, &q, ret);
}

/* What the API has configured, and whether it is what is served. */
static enum err compare(struct client *c, const char *instance, const char *server_name, json_t *ret)
{
        CLEANUP(mapping) struct mapping m = {0};
        CLEANUP(jsonp) json_t *detail = NULL;
        json_int_t id = 0;
        enum mapping_rule rule;
        char sha256[LEAF_SHA256_SIZE];
        bool same;

        TRY(mapping_read(c, instance, &m));
        rule = mapping_find(&m, server_name, &id);
        TRY(field_set(ret, "MqttInstanceId", json_string(instance)));
        TRY(field_set(ret, "Revision", json_integer(m.revision)));
        TRY(field_set(ret, "ConfiguredBy", json_string(mapping_rule_name(rule))));
        if (id != 0)
                TRY(certificate_detail(c, id, &detail));
        leaf_sha256_read(field_text(detail, "Sha2"), sha256);
        same = id != 0 && sha256[0] != '\0' && strcmp(sha256, field_text(ret, "Sha256")) == 0;
        TRY(field_set(ret, "ConfiguredCertificate", json_string(field_text(detail, "CertIdentifier"))));
        TRY(field_set(ret, "ConfiguredName", json_string(field_text(detail, "Name"))));
        TRY(field_set(ret, "ConfiguredSha256", json_string(sha256)));
        return field_set(ret, "Configured", json_boolean(same));
}

static enum err find_out(const struct ctl_settings *settings, const struct options *o, json_t *ret,
                         struct failure *f)
{
        CLEANUP(client) struct client c = {0};
        char server_name[DOMAIN_SIZE];

        TRY(verify_server_name(o->arguments[0], server_name, f));
        TRY(client_open(settings, f, &c));
        TRY(field_set(ret, "Domain", json_string(o->arguments[0])));
        TRY(field_set(ret, "ServerName", json_string(server_name)));
        TRY(connect_and_describe(settings, o, server_name, ret, f));
        return compare(&c, settings->instance, server_name, ret);
}

enum exit_status verify_run(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(jsonp) json_t *found = json_object();
        struct failure f = {0};
        enum err e = find_out(settings, o, found, &f);
        enum exit_status status = EXIT_DONE;

        /* what was served is worth seeing even when the API could not be asked about it */
        if (json_object_get(found, "Sha256") != NULL)
                status = print_answer(found, o->output);
        if (e != ERR_OK)
                return failure_exit(&f, e);
        if (status != EXIT_DONE || json_is_true(json_object_get(found, "Configured")))
                return status;
        if (strcmp(field_text(found, "ConfiguredBy"), "none") == 0)
                return exit_because(EXIT_API_ERROR, "no certificate is configured for %s",
                                    field_text(found, "ServerName"));
        return exit_because(EXIT_API_ERROR, "%s is served another certificate than the configured one",
                            field_text(found, "ServerName"));
}
