/* SPDX-License-Identifier: Apache-2.0 */
/* CONNECT (MQTT 3.1.1 §3.1): parse, go home, authenticate, attach the session, CONNACK. */
#include "broker/client_auth.h"
#include "broker/fabric.h"
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "common/crypt.h"
#include "common/model.h"
#include "common/text.h"

#include <string.h>

enum { ASSIGNED_RANDOM_BYTES = 12, ASSIGNED_ID_SIZE = sizeof "auto-" + 2 * ASSIGNED_RANDOM_BYTES };

static void refuse(struct conn *c, uint8_t level, enum mqtt_connack code, const char *reason)
{
        uint8_t packet[MQTT_SMALL_MAX];

        COUNT(c->ctx, connects_refused);
        conn_send(c, packet, mqtt_write_connack(packet, level, false, code));
        conn_close(c, reason);
}

/* True when the packet is good; otherwise the connection is closed. */
static bool read_connect(struct conn *c, const struct mqtt_frame *f, struct mqtt_connect *ret)
{
        switch (mqtt_read_connect(f, ret)) {
        case MQTT_CONNECT_OK:
                break;
        case MQTT_CONNECT_BAD_LEVEL:
                refuse(c, ret->level, MQTT_BAD_LEVEL, "protocol level not supported");
                return false;
        case MQTT_CONNECT_BAD_PROTOCOL:
                conn_close(c, "protocol name is not MQTT");
                return false;
        case MQTT_CONNECT_MALFORMED:
        default:
                conn_close(c, "malformed CONNECT");
                return false;
        }
        if (ret->client_id.len > CLIENT_ID_MAX || (ret->client_id.len == 0 && !ret->clean_start)) {
                refuse(c, ret->level, MQTT_BAD_CLIENT_ID, "client ID empty or too long"); /* §3.1.3-8 */
                return false;
        }
        return true;
}

/* A client ID for one that gave none (§3.1.3-6), at home here. */
static struct bytes assign_client_id(const struct conn *c, char id[ASSIGNED_ID_SIZE])
{
        uint8_t random[ASSIGNED_RANDOM_BYTES];

        memcpy(id, "auto-", 5);
        do {
                crypt_random(random, sizeof random);
                text_hex(random, sizeof random, id + 5);
        } while (fabric_home(c->ctx, id, strlen(id)) != c->ctx->index);
        return (struct bytes){(const uint8_t *)id, strlen(id)};
}

static void attach(struct conn *c, const struct mqtt_connect *p, struct bytes client_id, char *access_key_id)
{
        uint8_t packet[MQTT_SMALL_MAX];
        struct session *s = NULL;
        bool present = false;

        if (session_attach(c->ctx->sessions, client_id, p->clean_start, !p->clean_start, &c->sink, &s,
                           &present) != ERR_OK) {
                free(access_key_id);
                refuse(c, p->level, MQTT_UNAVAILABLE, "too many sessions");
                return;
        }
        conn_activate(c, s, p->level, p->keep_alive_s, access_key_id);
        conn_send(c, packet, mqtt_write_connack(packet, p->level, present, MQTT_ACCEPTED));
        if (c->session != NULL) /* the CONNACK may have found no room */
                session_resume(s);
}

bool packet_connect(struct conn *c, const struct mqtt_frame *f)
{
        char assigned[ASSIGNED_ID_SIZE];
        struct mqtt_connect p;
        struct client_verdict verdict;

        if (!read_connect(c, f, &p))
                return true;
        if (p.client_id.len > 0) {
                int home = fabric_home(c->ctx, p.client_id.data, p.client_id.len);

                if (home != c->ctx->index) {
                        conn_move(c, home);
                        return false;
                }
        }
        if (c->ssl != NULL && tls_refusal(c->ctx->snapshot) != NULL) { /* a new snapshot came before it */
                refuse(c, p.level, MQTT_NOT_AUTHORIZED, tls_refusal(c->ctx->snapshot));
                return true;
        }
        verdict = client_auth(c->ctx->snapshot, c->ctx->instance, &p);
        if (verdict.code != MQTT_ACCEPTED) {
                refuse(c, p.level, verdict.code, verdict.reason);
                return true;
        }
        attach(c, &p, p.client_id.len > 0 ? p.client_id : assign_client_id(c, assigned),
               verdict.access_key_id);
        return true;
}
