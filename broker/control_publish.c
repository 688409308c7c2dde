/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/control_publish.h"

#include "broker/publishing.h"
#include "broker/topic.h"
#include "broker/topic_rules.h"
#include "common/buf.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

struct publication {
        struct errand errand; /* first */
        char *topic;          /* owned */
        struct buf payload;
        uint8_t qos;
        bool retain;
        int left; /* commits that it waits for, and one while it is being routed */
        struct store_wait wait;
        const char *error, *code; /* static; NULL: it is on its way */
};

static void publication_free(struct errand *e)
{
        struct publication *p = (struct publication *)e;

        free(p->topic);
        buf_done(&p->payload);
        free(p);
}

static json_t *publication_answer(const struct errand *e)
{
        const struct publication *p = (const struct publication *)e;

        if (p->error == NULL)
                return json_pack("{s:b}", "ok", 1);
        return json_pack("{s:b, s:s, s:s*}", "ok", 0, "error", p->error, "code", p->code);
}

/* ---- on the worker ---- */

static void one_less(struct publication *p)
{
        if (--p->left == 0)
                errand_finish(&p->errand);
}

static void on_committed(struct store_wait *w)
{
        one_less((struct publication *)((char *)w - offsetof(struct publication, wait)));
}

static void on_receipt(struct receipt *r)
{
        struct publication *p = r->owner;

        free(r);
        one_less(p);
}

/* As acks_send() does for a client's. */
static void wait_for(struct context *ctx, struct publication *p, const struct published *done)
{
        if (done->receipt != NULL) {
                p->left++;
                done->receipt->owner = p;
                done->receipt->then = on_receipt;
                receipt_done(ctx, done->receipt);
        }
        if (!store_committed(&ctx->port, done->ticket)) {
                p->left++;
                store_wait_for(&ctx->port, &p->wait, done->ticket, on_committed);
        }
}

static const char *refusal(struct context *ctx, struct publication *p)
{
        const struct bytes topic = {(const uint8_t *)p->topic, strlen(p->topic)};

        if (p->retain && ctx->limits->strict)
                return "retained messages are not supported";
        if (ctx->limits->strict && (ctx->snapshot == NULL ||
                                    topic_rules_topic(ctx->snapshot->logins, topic, false) != MQTT_SUCCESS)) {
                p->code = "topic";
                return "nobody may publish to this topic";
        }
        return fabric_congested(ctx) ? "too much is on its way" : NULL;
}

static const char *route(struct context *ctx, struct publication *p)
{
        const struct message_content content = {.topic = {(const uint8_t *)p->topic, strlen(p->topic)},
                                                .payload = {p->payload.data, p->payload.len},
                                                .qos = p->qos,
                                                .retain = p->retain};
        CLEANUP(messagep) struct message *m = message_new(&content);
        struct published done = {0};
        enum mqtt_reason why;

        if (m == NULL)
                return err_text(ERR_NOMEM);
        COUNT(ctx, messages_in);
        why = publishing_route(ctx, m, &done);
        wait_for(ctx, p, &done);
        return why == MQTT_SUCCESS ? NULL : "there are too many retained messages";
}

static void publication_run(struct context *ctx, struct errand *e)
{
        struct publication *p = (struct publication *)e;

        p->left = 1;
        if (ctx->stopping)
                p->error = "the broker is ending";
        else
                p->error = refusal(ctx, p);
        if (p->error == NULL)
                p->error = route(ctx, p);
        one_less(p);
}

/* ---- the request ---- */

static const char *read_topic(const json_t *request, struct publication *p)
{
        static const char wrong[] = "topic must be a topic name that does not begin with '$'";
        const char *topic = json_string_value(json_object_get(request, "topic"));

        if (topic == NULL || topic[0] == '$' || !topic_name_valid(topic, strlen(topic)))
                return wrong;
        p->topic = strdup(topic);
        return p->topic == NULL ? err_text(ERR_NOMEM) : NULL;
}

static const char *read_payload(const json_t *request, struct publication *p)
{
        static const char wrong[] =
                "payload must be a text, or payloadBase64 the base64 of bytes; 65536 bytes at most";
        const json_t *text = json_object_get(request, "payload");
        const json_t *base64 = json_object_get(request, "payloadBase64");
        const json_t *given = text != NULL ? text : base64;
        enum err e;

        if ((text == NULL) == (base64 == NULL) || !json_is_string(given))
                return wrong;
        if (text != NULL)
                e = buf_add(&p->payload, json_string_value(text), json_string_length(text));
        else
                e = text_unbase64(json_string_value(base64), json_string_length(base64), &p->payload);
        if (e == ERR_NOMEM)
                return err_text(e);
        return e == ERR_OK ? NULL : wrong;
}

static const char *read_rest(const json_t *request, struct publication *p)
{
        const json_t *qos = json_object_get(request, "qos"), *retain = json_object_get(request, "retain");

        if (qos != NULL &&
            (!json_is_integer(qos) || json_integer_value(qos) < 0 || json_integer_value(qos) > 1))
                return "qos must be 0 or 1";
        if (retain != NULL && !json_is_boolean(retain))
                return "retain must be true or false";
        p->qos = (uint8_t)json_integer_value(qos);
        p->retain = json_is_true(retain);
        return NULL;
}

static const char *read_request(const json_t *request, struct publication *p)
{
        const char *error = read_topic(request, p);

        if (error == NULL)
                error = read_payload(request, p);
        return error != NULL ? error : read_rest(request, p);
}

const char *control_publish_ask(struct errands *all, const json_t *request, uint64_t ticket)
{
        struct publication *p = calloc(1, sizeof *p);
        const char *error;

        if (p == NULL)
                return err_text(ERR_NOMEM);
        p->errand = (struct errand){
                .run = publication_run, .answer = publication_answer, .free = publication_free};
        p->payload = BUF_UP_TO(CONTROL_PAYLOAD_MAX);
        error = read_request(request, p);
        if (error != NULL) {
                publication_free(&p->errand);
                return error;
        }
        errand_begin(all, &p->errand, ticket, errands_home(all, p->topic));
        return NULL;
}
