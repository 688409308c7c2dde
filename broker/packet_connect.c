/* SPDX-License-Identifier: Apache-2.0 */
/* CONNECT (MQTT 3.1.1 §3.1): parse, go home, authenticate, register the device when it is new, attach the
 * session, CONNACK. */
#include "broker/client_auth.h"
#include "broker/fabric.h"
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "broker/recheck.h"
#include "common/crypt.h"
#include "common/model.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { ASSIGNED_RANDOM_BYTES = 12, ASSIGNED_ID_SIZE = sizeof "auto-" + 2 * ASSIGNED_RANDOM_BYTES };

static void refuse(struct conn *c, uint8_t level, enum refusal why)
{
        uint8_t packet[MQTT_SMALL_MAX];

        COUNT(c->ctx, connects_refused);
        conn_send(c, packet, mqtt_write_connack(packet, level, false, refusal_table[why].connack));
        conn_refuse(c, why);
}

/* True when the packet is good; otherwise the connection is closed. */
static bool read_connect(struct conn *c, const struct mqtt_frame *f, struct mqtt_connect *ret)
{
        switch (mqtt_read_connect(f, ret)) {
        case MQTT_CONNECT_OK:
                break;
        case MQTT_CONNECT_BAD_LEVEL:
                refuse(c, ret->level, REFUSAL_BAD_LEVEL);
                return false;
        case MQTT_CONNECT_BAD_PROTOCOL:
                conn_refuse(c, REFUSAL_BAD_CONNECT);
                return false;
        case MQTT_CONNECT_MALFORMED:
        default:
                conn_refuse(c, REFUSAL_BAD_CONNECT);
                return false;
        }
        if (ret->client_id.len > CLIENT_ID_MAX || (ret->client_id.len == 0 && !ret->clean_start)) {
                refuse(c, ret->level, REFUSAL_BAD_CLIENT_ID); /* §3.1.3-8 */
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
                refuse(c, p->level, REFUSAL_SESSIONS_FULL);
                return;
        }
        conn_activate(c, s, p->level, p->keep_alive_s, access_key_id);
        conn_send(c, packet, mqtt_write_connack(packet, p->level, present, MQTT_ACCEPTED));
        if (c->session != NULL) /* the CONNACK may have found no room */
                session_resume(s);
}

/* In the mode mutual the certificate authenticates (step 6 of the product's process); a user name that is
 * sent all the same must be right. */
static struct client_verdict judge_login(const struct conn *c, const struct mqtt_connect *p)
{
        const struct snapshot *s = c->ctx->snapshot;
        bool sent = p->has_user_name || p->has_password;

        if (s != NULL && s->mode == AUTH_MUTUAL && c->device != NULL && !s->login_required && !sent)
                return (struct client_verdict){REFUSAL_NONE, NULL};
        return client_auth(s, c->ctx->instance, p);
}

/* What holds now: since the handshake a new snapshot may have come. */
static struct client_verdict judge(const struct conn *c, const struct mqtt_connect *p)
{
        enum refusal why = c->ctx->snapshot == NULL ? REFUSAL_NO_CONFIGURATION : conn_authority(c);

        if (why == REFUSAL_NONE)
                why = recheck_late(c);
        if (why == REFUSAL_NONE)
                why = c->registry_says;
        return why == REFUSAL_NONE ? judge_login(c, p) : (struct client_verdict){why, NULL};
}

/* One that was registered when it shook hands may have been deleted since, while the connection was on its
 * way from one worker to another and at no snapshot's hand: it is registered anew. */
static bool is_new_device(const struct conn *c)
{
        struct device_entry entry;

        if (c->device == NULL || c->ctx->snapshot->mode != AUTH_MUTUAL)
                return false;
        if (!c->device->registered)
                return true;
        return !c->registry_answered && !device_table_find(c->ctx->known, c->device->sha256, &entry);
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
        verdict = judge(c, &p);
        if (verdict.refusal == REFUSAL_NONE &&
            is_new_device(c)) { /* nobody is registered whose login is wrong */
                free(verdict.access_key_id);
                if (conn_register(c))
                        return false;
                verdict = (struct client_verdict){REFUSAL_BAD_CERTIFICATE, NULL};
        }
        if (verdict.refusal != REFUSAL_NONE) {
                refuse(c, p.level, verdict.refusal);
                return true;
        }
        attach(c, &p, p.client_id.len > 0 ? p.client_id : assign_client_id(c, assigned),
               verdict.access_key_id);
        return true;
}
