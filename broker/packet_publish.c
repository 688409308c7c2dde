/* SPDX-License-Identifier: Apache-2.0 */
/* PUBLISH (MQTT 3.1.1 §3.3) and the acknowledgements of both directions (§3.4 to §3.7). A message is
 * acknowledged after it has been routed. */
#include "broker/fabric.h"
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "broker/topic.h"

static void route(struct conn *c, const struct mqtt_publish *p)
{
        CLEANUP(messagep) struct message *m = NULL;
        const char *client_id = NULL;
        size_t client_id_len = 0;

        COUNT(c->ctx, messages_in);
        if (p->topic.data[0] == '$') /* §4.7.2: not for clients to exchange messages */
                return;
        m = message_new(p->topic.data, (uint16_t)p->topic.len, p->payload.data, (uint32_t)p->payload.len,
                        p->qos, p->retain);
        if (m == NULL) {
                COUNT(c->ctx, messages_dropped);
                return;
        }
        if (topic_p2p(message_topic(m), m->topic_len, &client_id, &client_id_len))
                fabric_send(c->ctx, m, client_id, client_id_len);
        else
                fabric_publish(c->ctx, m);
}

static void acknowledge(struct conn *c, uint8_t type, uint16_t packet_id)
{
        uint8_t packet[MQTT_SMALL_MAX];

        conn_send(c, packet, mqtt_write_ack(packet, c->level, type, packet_id));
}

bool packet_publish(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_publish p;
        bool full = false;

        if (!mqtt_read_publish(f, c->level, &p)) {
                conn_close(c, "malformed PUBLISH");
                return true;
        }
        if (p.qos == 2) {
                bool fresh = session_qos2_begin(c->session, p.packet_id, &full);

                if (full) {
                        conn_close(c, "out of memory for QoS 2 packet IDs");
                        return true;
                }
                if (fresh)
                        route(c, &p);
                acknowledge(c, MQTT_PUBREC, p.packet_id);
                return true;
        }
        route(c, &p);
        if (p.qos == 1)
                acknowledge(c, MQTT_PUBACK, p.packet_id);
        return true;
}

/* Reads an acknowledgement; closes the connection when it is malformed. */
static bool read_ack(struct conn *c, const struct mqtt_frame *f, struct mqtt_ack *ret)
{
        if (mqtt_read_ack(f, c->level, ret))
                return true;
        conn_close(c, "malformed acknowledgement");
        return false;
}

bool packet_puback(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_ack a;

        if (read_ack(c, f, &a))
                session_puback(c->session, a.packet_id);
        return true;
}

bool packet_pubrec(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_ack a;

        if (read_ack(c, f, &a))
                session_pubrec(c->session, a.packet_id);
        return true;
}

bool packet_pubrel(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_ack a;

        if (read_ack(c, f, &a)) {
                session_qos2_end(c->session, a.packet_id);
                acknowledge(c, MQTT_PUBCOMP, a.packet_id);
        }
        return true;
}

bool packet_pubcomp(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_ack a;

        if (read_ack(c, f, &a))
                session_pubcomp(c->session, a.packet_id);
        return true;
}
