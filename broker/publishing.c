/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/publishing.h"

#include "broker/client_auth.h"
#include "broker/retained.h"
#include "broker/topic.h"
#include "common/clock.h"

#include <string.h>

enum mqtt_reason publishing_route(struct context *ctx, struct message *m, struct published *ret)
{
        enum mqtt_reason why = MQTT_SUCCESS;
        const char *client_id = NULL;
        size_t client_id_len = 0;
        uint64_t ticket = 0;

        if (topic_p2p(message_topic(m), m->topic_len, &client_id, &client_id_len)) {
                fabric_send(ctx, m, (struct bytes){(const uint8_t *)client_id, client_id_len}, ret);
                return why;
        }
        if (m->retain && retained_set(ctx->retained, &ctx->port, m, &ticket) != ERR_OK)
                why = MQTT_QUOTA_EXCEEDED;
        fabric_publish(ctx, m, ret);
        if (ticket > ret->ticket)
                ret->ticket = ticket;
        return why;
}

/* A will that was delayed is of somebody who may have lost the login or the right meanwhile. Restored after a
 * restart only the client ID is known. */
static bool will_holds(const struct context *ctx, const struct will *w)
{
        const struct message *m = w->message;
        const struct snapshot *s = ctx->snapshot;
        struct bytes id = {(const uint8_t *)w->client_id, strlen(w->client_id)};
        enum token_fault fault;
        uint8_t type;

        if (s == NULL)
                return true;
        return !client_auth_is_black(s, id) &&
               (w->access == NULL ||
                access_authority(w->access, s, clock_unix_ms(), &fault, &type) == REFUSAL_NONE) &&
               access_judge(w->access, s->logins, ACCESS_PUBLISH,
                            (struct bytes){(const uint8_t *)message_topic(m), m->topic_len}) == MQTT_SUCCESS;
}

/* Its expiry begins now (MQTT 5 §3.1.3.2.4), so it is a message of its own. */
void publishing_will(struct context *ctx, const struct will *w)
{
        const struct message *of = w->message;
        const struct message_content c = {
                .topic = {(const uint8_t *)message_topic(of), of->topic_len},
                .properties = {message_properties(of), of->properties_len},
                .payload = {message_payload(of), of->payload_len},
                .expires_ms = w->expiry_s == 0 ? 0 : clock_unix_ms() + (int64_t)w->expiry_s * 1000,
                .publisher = of->publisher,
                .qos = of->qos,
                .retain = of->retain};
        CLEANUP(messagep) struct message *m = NULL;
        struct published done = {0};

        if (!will_holds(ctx, w)) {
                COUNT(ctx, messages_denied);
                return;
        }
        m = message_new(&c);
        if (m == NULL) {
                COUNT(ctx, messages_dropped);
                return;
        }
        (void)publishing_route(ctx, m, &done);
        fabric_forget(ctx, &done);
}
