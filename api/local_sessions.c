/* SPDX-License-Identifier: Apache-2.0 */
#include "api/local_sessions.h"

#include "api/answer.h"
#include "api/certificate.h"
#include "api/local_broker.h"
#include "common/cleanup.h"

#include <stdio.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

void session_page_done(struct session_page *p)
{
        json_decref(p->rows);
        p->rows = NULL;
}

static enum err read_node(const struct local_broker *b, char ret[LOCAL_NODE_SIZE])
{
        CLEANUP(jsonp) json_t *request = json_pack("{s:s}", "op", "status");
        CLEANUP(jsonp) json_t *answer = NULL;
        const char *node;

        if (request == NULL)
                return ERR_NOMEM;
        TRY(local_broker_ask(b, request, &answer));
        node = json_string_value(json_object_get(answer, "node"));
        (void)snprintf(ret, LOCAL_NODE_SIZE, "%s", node != NULL ? node : "");
        return ERR_OK;
}

static const struct column {
        const char *name, *field;
        json_type type;
} columns[] = {
        {"ClientId", "clientId", JSON_STRING},       {"Address", "address", JSON_STRING},
        {"Listener", "listener", JSON_STRING},       {"Tls", "tls", JSON_STRING},
        {"Domain", "domain", JSON_STRING},           {"CaSn", "caSn", JSON_STRING},
        {"DeviceSn", "deviceSn", JSON_STRING},       {"DeviceSha256", "deviceSha256", JSON_STRING},
        {"AccessKeyId", "accessKeyId", JSON_STRING}, {"ConnectedAt", "connectedAt", JSON_INTEGER},
        {"Revision", "revision", JSON_INTEGER},      {"Worker", "worker", JSON_INTEGER},
};

/* What a broker leaves out is "" or 0. New reference; NULL: out of memory. */
static json_t *column_value(const struct column *c, const json_t *row)
{
        json_t *value = json_object_get(row, c->field);

        if (json_is_string(value) && c->type == JSON_STRING)
                return json_incref(value);
        if (json_is_integer(value) && c->type == JSON_INTEGER)
                return json_incref(value);
        return c->type == JSON_STRING ? json_string("") : json_integer(0);
}

static enum err add_row(json_t *rows, const json_t *theirs)
{
        char certificate[CERTIFICATE_IDENTIFIER_SIZE];
        json_t *row = json_object();

        TRY(answer_append(rows, row));
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
                if (json_object_set_new(row, columns[i].name, column_value(&columns[i], theirs)) != 0)
                        return ERR_NOMEM;
        certificate_identifier(json_integer_value(json_object_get(theirs, "certificate")), certificate);
        return answer_add(row, json_pack("{s:s}", "Certificate", certificate));
}

static json_t *request_of(const struct session_question *q, int64_t got)
{
        return json_pack("{s:s, s:I, s:I, s:s*, s:s*, s:s*}", "op", "sessions", "offset",
                         (json_int_t)(q->offset + got), "limit", (json_int_t)(q->limit - got), "clientId",
                         q->client_id, "caSn", q->ca_sn, "deviceSn", q->device_sn);
}

/* One line of the protocol may be too short for a page: then it goes on behind what has come. */
static enum err read_some(const struct local_broker *b, const struct session_question *q,
                          struct session_page *p, size_t *ret)
{
        CLEANUP(jsonp) json_t *request = request_of(q, (int64_t)json_array_size(p->rows));
        CLEANUP(jsonp) json_t *answer = NULL;
        const json_t *list, *row;
        size_t i;

        if (request == NULL)
                return ERR_NOMEM;
        TRY(local_broker_ask(b, request, &answer));
        list = json_object_get(answer, "sessions");
        if (!json_is_array(list) || json_array_size(list) > (size_t)q->limit - json_array_size(p->rows))
                return ERR_SYNTAX;
        p->total = json_integer_value(json_object_get(answer, "total"));
        *ret = json_array_size(list);
        json_array_foreach(list, i, row)
        {
                TRY(add_row(p->rows, row));
        }
        return ERR_OK;
}

static enum err read_page(const struct local_broker *b, const struct session_question *q,
                          struct session_page *p)
{
        size_t came = 0;

        p->rows = json_array();
        if (p->rows == NULL)
                return ERR_NOMEM;
        TRY(read_node(b, p->node));
        do {
                TRY(read_some(b, q, p, &came));
        } while (came > 0 && (int64_t)json_array_size(p->rows) < q->limit &&
                 q->offset + (int64_t)json_array_size(p->rows) < p->total);
        return ERR_OK;
}

enum err local_sessions_ask(const char *run_dir, const char *instance, const struct session_question *q,
                            struct session_page *ret)
{
        CLEANUP(session_page) struct session_page page = {0};
        struct local_broker b;

        TRY(local_broker_open(run_dir, instance, &b));
        TRY(read_page(&b, q, &page));
        *ret = page;
        page.rows = NULL;
        return ERR_OK;
}

static enum err ask_online(const char *run_dir, const char *instance, const char *field, json_t *those,
                           json_t **ret)
{
        CLEANUP(jsonp) json_t *request = json_pack("{s:s, s:O}", "op", "online", field, those);
        CLEANUP(jsonp) json_t *answer = NULL;
        struct local_broker b;
        json_t *online, *one;
        size_t i;

        if (request == NULL)
                return ERR_NOMEM;
        TRY(local_broker_open(run_dir, instance, &b));
        TRY(local_broker_ask(&b, request, &answer));
        online = json_object_get(answer, "online");
        if (json_array_size(online) != json_array_size(those))
                return ERR_SYNTAX;
        json_array_foreach(online, i, one)
        {
                if (!json_is_boolean(one))
                        return ERR_SYNTAX;
        }
        *ret = json_incref(online);
        return ERR_OK;
}

enum err local_sessions_online(const char *run_dir, const char *instance, json_t *client_ids, json_t **ret)
{
        return ask_online(run_dir, instance, "clientIds", client_ids, ret);
}

enum err local_sessions_devices_online(const char *run_dir, const char *instance, json_t *digests,
                                       json_t **ret)
{
        return ask_online(run_dir, instance, "deviceSha256", digests, ret);
}

enum err local_sessions_disconnect(const char *run_dir, const char *instance, const char *client_id,
                                   int64_t *ret_count)
{
        CLEANUP(jsonp) json_t *request = json_pack("{s:s, s:s}", "op", "disconnect", "clientId", client_id);
        CLEANUP(jsonp) json_t *answer = NULL;
        struct local_broker b;
        const json_t *count;

        if (request == NULL)
                return ERR_NOMEM;
        TRY(local_broker_open(run_dir, instance, &b));
        TRY(local_broker_ask(&b, request, &answer));
        count = json_object_get(answer, "disconnected");
        if (!json_is_integer(count))
                return ERR_SYNTAX;
        *ret_count = json_integer_value(count);
        return ERR_OK;
}
