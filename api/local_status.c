/* SPDX-License-Identifier: Apache-2.0 */
#include "api/local_status.h"

#include "api/answer.h"
#include "api/local_broker.h"
#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

enum { MS_OF_A_SECOND = 1000, PORT_MAX = 65535 };

enum err local_status_ask(const char *run_dir, const char *instance, json_t **ret)
{
        CLEANUP(jsonp) json_t *request = json_pack("{s:s}", "op", "status");
        struct local_broker b;

        if (request == NULL)
                return ERR_NOMEM;
        TRY(local_broker_open(run_dir, instance, &b));
        return local_broker_ask(&b, request, ret);
}

int64_t local_status_revision(const json_t *status)
{
        return json_integer_value(json_object_get(status, "applied"));
}

/* ---- fields ---- */

struct column {
        const char *name, *field;
        enum { TEXT, NUMBER, TRUTH, SECONDS, MILLISECONDS } kind; /* the last two are told in the other */
};

static const struct column columns[] = {
        {"NodeId", "node", TEXT},
        {"Version", "version", TEXT},
        {"Revision", "applied", NUMBER},
        {"Mode", "mode", TEXT},
        {"LoginRequired", "loginRequired", TRUTH},
        {"Database", "database", TEXT},
        {"DomainCount", "domains", NUMBER},
        {"CertificateCount", "certificates", NUMBER},
        {"CaCount", "cas", NUMBER},
        {"InactiveDeviceCount", "inactiveDevices", NUMBER},
        {"StapleCount", "staples", NUMBER},
        {"Reloads", "reloads", NUMBER},
        {"LastReloadMs", "lastReloadMs", NUMBER},
        {"LoadedAt", "loadedAt", SECONDS},
        {"CheckedAgoMs", "checkedAgoMs", NUMBER},
        {"Workers", "workers", NUMBER},
        {"UptimeSeconds", "uptimeMs", MILLISECONDS},
};

static const struct column listener_columns[] = {
        {"Name", "name", TEXT}, {"Address", "address", TEXT}, {"Port", "port", NUMBER},
        {"Tls", "tls", TRUTH},  {"Proxy", "proxy", TRUTH},
};

static const struct column counter_columns[] = {
        {"Accepted", "accepted", NUMBER},
        {"Connections", "connections", NUMBER},
        {"Handshakes", "handshakes", NUMBER},
        {"HandshakesResumed", "handshakes_resumed", NUMBER},
        {"HandshakesFailed", "handshakes_failed", NUMBER},
        {"Connects", "connects", NUMBER},
        {"ConnectsRefused", "connects_refused", NUMBER},
        {"DeviceConnections", "devices", NUMBER},
        {"MessagesReceived", "messages_in", NUMBER},
        {"MessagesSent", "messages_out", NUMBER},
        {"MessagesDropped", "messages_dropped", NUMBER},
        {"MessagesDenied", "messages_denied", NUMBER},
        {"MessagesQueued", "messages_queued", NUMBER},
        {"BytesReceived", "bytes_in", NUMBER},
        {"BytesSent", "bytes_out", NUMBER},
        {"Sessions", "sessions", NUMBER},
        {"SessionsConnected", "sessions_connected", NUMBER},
        {"Subscriptions", "subscriptions", NUMBER},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* New reference; NULL: out of memory. */
static json_t *column_value(const struct column *c, const json_t *row)
{
        json_t *value = json_object_get(row, c->field);
        json_int_t number = json_integer_value(value);

        switch (c->kind) {
        case TEXT:
                return json_is_string(value) ? json_incref(value) : json_string("");
        case TRUTH:
                return json_boolean(json_is_true(value));
        case SECONDS:
                return json_integer(number < INT64_MAX / MS_OF_A_SECOND ? number * MS_OF_A_SECOND : 0);
        case MILLISECONDS:
                return json_integer(number / MS_OF_A_SECOND);
        default:
                return json_integer(number);
        }
}

static enum err fill(const struct column *table, size_t count, const json_t *row, json_t *ret)
{
        for (size_t i = 0; i < count; i++)
                if (json_object_set_new(ret, table[i].name, column_value(&table[i], row)) != 0)
                        return ERR_NOMEM;
        return ERR_OK;
}

/* An empty object, or list, that `object` owns; NULL: out of memory. */
static json_t *put(json_t *object, const char *name, json_t *value)
{
        return json_object_set_new(object, name, value) == 0 ? value : NULL;
}

static enum err add_listeners(const json_t *status, json_t *ret)
{
        json_t *list = put(ret, "Listeners", json_array());
        const json_t *row;
        size_t i;

        if (list == NULL)
                return ERR_NOMEM;
        json_array_foreach(json_object_get(status, "listeners"), i, row)
        {
                json_t *one = json_object();

                TRY(answer_append(list, one));
                TRY(fill(listener_columns, COUNT(listener_columns), row, one));
        }
        return ERR_OK;
}

static enum err add_refusals(const json_t *status, json_t *ret)
{
        json_t *list = put(ret, "Refusals", json_array()), *count;
        const char *reason;

        if (list == NULL)
                return ERR_NOMEM;
        json_object_foreach(json_object_get(status, "refused"), reason, count)
        {
                TRY(answer_append(
                        list, json_pack("{s:s, s:I}", "Reason", reason, "Count", json_integer_value(count))));
        }
        return ERR_OK;
}

static enum err add_lists(const json_t *status, json_t *ret)
{
        json_t *rejected = json_object_get(status, "rejected");
        json_t *counters = put(ret, "Counters", json_object());

        if (counters == NULL)
                return ERR_NOMEM;
        TRY(fill(counter_columns, COUNT(counter_columns), json_object_get(status, "counters"), counters));
        TRY(add_listeners(status, ret));
        TRY(add_refusals(status, ret));
        return put(ret, "Rejected", json_is_array(rejected) ? json_incref(rejected) : json_array()) != NULL
                       ? ERR_OK
                       : ERR_NOMEM;
}

json_t *local_status_describe(const json_t *status)
{
        CLEANUP(jsonp) json_t *ret = json_object();

        if (ret == NULL || fill(columns, COUNT(columns), status, ret) != ERR_OK ||
            add_lists(status, ret) != ERR_OK)
                return NULL;
        return TAKE(ret);
}

/* ---- the listener with TLS ---- */

static bool is_for_clients_with_tls(const json_t *listener)
{
        return json_is_true(json_object_get(listener, "tls")) &&
               !json_is_true(json_object_get(listener, "proxy"));
}

/* mqtts comes before wss, as in the broker's settings. */
enum err local_status_tls(const json_t *status, struct conf_address *ret)
{
        const json_t *listener;
        size_t i;

        json_array_foreach(json_object_get(status, "listeners"), i, listener)
        {
                const char *address = json_string_value(json_object_get(listener, "address"));
                json_int_t port = json_integer_value(json_object_get(listener, "port"));

                if (!is_for_clients_with_tls(listener) || address == NULL ||
                    strlen(address) >= sizeof ret->host || port < 1 || port > PORT_MAX)
                        continue;
                *ret = (struct conf_address){.port = (int)port};
                (void)snprintf(ret->host, sizeof ret->host, "%s", conf_reachable(address));
                return ERR_OK;
        }
        return ERR_NOT_FOUND;
}
