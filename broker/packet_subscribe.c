/* SPDX-License-Identifier: Apache-2.0 */
/* SUBSCRIBE and UNSUBSCRIBE (MQTT 3.1.1 §3.8 to §3.11). */
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "broker/router.h"

enum { QOS_MASK = 3 };

/* Other workers look at this before they post here: it must be up to date before SUBACK goes out. */
static void tell_peers(struct context *ctx)
{
        atomic_store_explicit(&ctx->counters.subscriptions, router_count(ctx->router), memory_order_release);
}

bool packet_subscribe(struct conn *c, const struct mqtt_frame *f)
{
        uint8_t codes[MQTT_FILTERS_MAX], packet[MQTT_SMALL_MAX + MQTT_FILTERS_MAX];
        struct mqtt_subscribe p;

        if (!mqtt_read_subscribe(f, c->level, &p)) {
                conn_close(c, "malformed SUBSCRIBE");
                return true;
        }
        for (int n = 0; n < p.count; n++)
                codes[n] = session_subscribe(c->session, p.filters[n], p.options[n] & QOS_MASK);
        tell_peers(c->ctx);
        conn_send(c, packet, mqtt_write_suback(packet, c->level, p.packet_id, codes, p.count));
        return true;
}

bool packet_unsubscribe(struct conn *c, const struct mqtt_frame *f)
{
        uint8_t packet[MQTT_SMALL_MAX];
        struct mqtt_subscribe p;

        if (!mqtt_read_unsubscribe(f, c->level, &p)) {
                conn_close(c, "malformed UNSUBSCRIBE");
                return true;
        }
        for (int n = 0; n < p.count; n++)
                session_unsubscribe(c->session, p.filters[n]);
        tell_peers(c->ctx);
        conn_send(c, packet, mqtt_write_ack(packet, c->level, MQTT_UNSUBACK, p.packet_id));
        return true;
}
