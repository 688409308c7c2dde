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
        [MQTT_AUTH] = {packet_auth, 1 << CONN_ACTIVE},
};

bool packet_handle(struct conn *c, const struct mqtt_frame *f)
{
        if (c->state == CONN_ACTIVE && !mqtt_flags_valid(f, c->level)) {
                conn_abort(c, MQTT_MALFORMED_PACKET, "reserved flags are set");
                return true;
        }
        if (packets[f->type].read == NULL || (packets[f->type].in & 1 << c->state) == 0) {
                if (c->state == CONN_WAIT_CONNECT)
                        conn_refuse(c, REFUSAL_BAD_CONNECT);
                else
                        conn_abort(c, MQTT_PROTOCOL_ERROR, "packet not allowed in this state");
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
                conn_abort(c, MQTT_MALFORMED_PACKET, "malformed PINGREQ");
        return true;
}

bool packet_disconnect(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_disconnect p;
        enum mqtt_reason why = mqtt_read_disconnect(f, c->level, &p);

        if (why == MQTT_SUCCESS && mqtt_has(&p.properties, MQTT_SESSION_EXPIRY) &&
            !session_set_expiry(c->session, p.properties.session_expiry_s))
                why = MQTT_PROTOCOL_ERROR;
        if (why != MQTT_SUCCESS) {
                conn_abort(c, why, "malformed DISCONNECT");
                return true;
        }
        if (p.reason == MQTT_SUCCESS) /* with any other reason its will is published (MQTT 5 §3.14.4) */
                c->end = SESSION_LEFT;
        conn_close(c, "disconnected by the client");
        return true;
}

/* No authentication method has been agreed on, as CONNECT was refused that asked for one (§4.12). */
bool packet_auth(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_disconnect p;
        enum mqtt_reason why = c->level == MQTT_5 ? mqtt_read_auth(f, &p) : MQTT_PROTOCOL_ERROR;

        conn_abort(c, why == MQTT_SUCCESS ? MQTT_PROTOCOL_ERROR : why,
                   "AUTH without an authentication method");
        return true;
}
