/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/packet.h"

#include "broker/mqtt_write.h"

static const struct {
        packet_fn *read;
        uint8_t in; /* states */
} packets[16] = {
        [MQTT_CONNECT] = {packet_connect, 1 << CONN_WAIT_CONNECT},
        [MQTT_PUBLISH] = {packet_publish, 1 << CONN_ACTIVE},
        [MQTT_PUBACK] = {packet_puback, 1 << CONN_ACTIVE},
        [MQTT_PUBREC] = {packet_pubrec, 1 << CONN_ACTIVE},
        [MQTT_PUBREL] = {packet_pubrel, 1 << CONN_ACTIVE},
        [MQTT_PUBCOMP] = {packet_pubcomp, 1 << CONN_ACTIVE},
        [MQTT_SUBSCRIBE] = {packet_subscribe, 1 << CONN_ACTIVE},
        [MQTT_UNSUBSCRIBE] = {packet_unsubscribe, 1 << CONN_ACTIVE},
        [MQTT_PINGREQ] = {packet_pingreq, 1 << CONN_ACTIVE},
        [MQTT_DISCONNECT] = {packet_disconnect, 1 << CONN_ACTIVE},
};

bool packet_handle(struct conn *c, const struct mqtt_frame *f)
{
        if (packets[f->type].read == NULL || (packets[f->type].in & 1 << c->state) == 0) {
                if (c->state == CONN_WAIT_CONNECT)
                        conn_refuse(c, REFUSAL_BAD_CONNECT);
                else
                        conn_close(c, "packet not allowed in this state");
                return true;
        }
        return packets[f->type].read(c, f);
}

bool packet_pingreq(struct conn *c, const struct mqtt_frame *f)
{
        uint8_t packet[MQTT_SMALL_MAX];

        if (mqtt_read_empty(f))
                conn_send(c, packet, mqtt_write_pingresp(packet));
        else
                conn_close(c, "malformed PINGREQ");
        return true;
}

bool packet_disconnect(struct conn *c, const struct mqtt_frame *f)
{
        conn_close(c, mqtt_read_empty(f) ? "disconnected by the client" : "malformed DISCONNECT");
        return true;
}
