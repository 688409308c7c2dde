/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/admission.h"
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "broker/fabric.h"
#include "broker/linger.h"
#include "broker/mqtt_read.h"
#include "broker/registry.h"
#include "broker/tls_forget.h"
#include "broker/ws.h"
#include "common/clock.h"
#include "common/log.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An unfinished connection whose client was silent for so long may go when there is no room for another. */
enum { EVICT_SILENT_MS = 1000, EVICT_LOOK_MAX = 64 };

static const uint8_t conn_next[CONN_STATES] = {
        [CONN_PROXY_HEADER] = 1 << CONN_HANDSHAKE | 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_HANDSHAKE] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_WAIT_CONNECT] = 1 << CONN_MOVING | 1 << CONN_REGISTERING | 1 << CONN_ACTIVE | 1 << CONN_CLOSING,
        [CONN_MOVING] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_REGISTERING] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_ACTIVE] = 1 << CONN_CLOSING,
};

void conn_enter(struct conn *c, enum conn_state next)
{
        if ((conn_next[c->state] & 1 << next) == 0) {
                log_error("conn state=%d next=%d forbidden", c->state, next);
                abort();
        }
        c->state = next;
        if (next == CONN_ACTIVE)
                conn_finished(c);
}

static void list_add(struct conn *c)
{
        ring_add_last(&c->ctx->unfinished, &c->unfinished);
        c->ctx->unfinished_count++;
        c->next = c->ctx->connections;
        c->previous = NULL;
        if (c->next != NULL)
                c->next->previous = c;
        c->ctx->connections = c;
        COUNT(c->ctx, connections);
}

static void list_remove(struct conn *c)
{
        conn_finished(c);
        for (struct conn_walk *w = c->ctx->walks; w != NULL; w = w->next)
                if (w->at == c)
                        w->at = c->next;
        if (c->previous != NULL)
                c->previous->next = c->next;
        else
                c->ctx->connections = c->next;
        if (c->next != NULL)
                c->next->previous = c->previous;
        COUNT_DOWN(c->ctx, connections);
}

enum refusal conn_authority(const struct conn *c)
{
        static const struct sockaddr_storage nowhere = {.ss_family = AF_UNSPEC};
        const struct claim claim = {.tls = c->ssl != NULL,
                                    .address = c->from_unknown ? &nowhere : &c->address,
                                    .device = c->device,
                                    .signed_in = c->state == CONN_ACTIVE,
                                    .access_key_id = c->access_key_id,
                                    .access = c->access,
                                    .anonymous = c->kind->anonymous};

        return authority_judge(c->ctx->snapshot, c->ctx->limits->plain_in_mutual, &claim);
}

/* ---- life ---- */

static void set_ends(struct conn *c)
{
        c->sink = conn_sink;
        c->poll.data = c;
}

static void free_conn(struct conn *c)
{
        SSL_free(c->ssl);
        if (c->fd >= 0 && c->lingers)
                linger_take(c->ctx, c->fd);
        else if (c->fd >= 0)
                close(c->fd);
        (void)ws_free(c->ws);
        admission_leave(c->ctx->admission, c->counted ? &c->address : NULL);
        (void)credential_unref(c->tls.served);
        free(c->tls.device);
        free(c->tls.device_sn);
        outbox_done(&c->out);
        buf_done(&c->in);
        topic_aliases_done(&c->aliases_in);
        topic_aliases_done(&c->aliases_out);
        (void)access_free(c->access);
        free(c->client_id);
        free(c->access_key_id);
        free(c->device);
        free(c->device_sn);
        free(c->domain);
        free(c);
}

void conn_finished(struct conn *c)
{
        if (!ring_has(&c->unfinished))
                return;
        ring_remove(&c->unfinished);
        c->ctx->unfinished_count--;
}

bool conn_evict_unfinished(struct context *ctx)
{
        uint64_t now = uv_now(&ctx->loop);
        int looked = 0;

        for (struct ring *r = ctx->unfinished.next; r != &ctx->unfinished && looked < EVICT_LOOK_MAX;
             r = r->next, looked++) {
                struct conn *c = (struct conn *)((char *)r - offsetof(struct conn, unfinished));
                bool waits_for_us = c->state == CONN_REGISTERING || ring_has(&c->shaking);

                if (waits_for_us || now < c->last_in_ms + EVICT_SILENT_MS)
                        continue;
                conn_refuse(c, REFUSAL_UNFINISHED_FULL);
                return true;
        }
        return false;
}

bool conn_start(struct conn *c)
{
        if (!conn_ws_start(c))
                return false;
        if (c->kind->tls && (c->ssl = tls_accept(c->ctx, c->fd, c->listener, &c->tls)) == NULL)
                return false;
        conn_enter(c, c->kind->tls ? CONN_HANDSHAKE : CONN_WAIT_CONNECT);
        return true;
}

void conn_accept(struct context *ctx, int fd, const struct sockaddr_storage *address,
                 const struct listener_kind *kind)
{
        struct conn *c = calloc(1, sizeof *c);

        if (c == NULL) {
                admission_leave(ctx->admission, kind->balancers == NULL ? address : NULL);
                close(fd);
                return;
        }
        c->ctx = ctx;
        c->fd = fd;
        c->address = *address;
        c->kind = kind;
        c->listener = kind->name;
        c->counted = kind->balancers == NULL;
        c->since_ms = c->last_in_ms = uv_now(&ctx->loop);
        c->expires_ms = UINT64_MAX;
        c->in = BUF_UP_TO((size_t)ctx->limits->packet_max + READ_BYTES);
        c->state = CONN_PROXY_HEADER;
        set_ends(c);
        if (kind->balancers == NULL && !conn_start(c)) {
                free_conn(c);
                return;
        }
        if (uv_poll_init(&ctx->loop, &c->poll, fd) != 0) {
                free_conn(c);
                return;
        }
        list_add(c);
        conn_set_deadline(c);
        conn_poll_again(c);
}

static void leave_rings(struct conn *c)
{
        ring_remove(&c->dirty);
        ring_remove(&c->paused);
        ring_remove(&c->shaking);
        wheel_remove(&c->deadline);
}

static void on_closed(uv_handle_t *handle)
{
        free_conn(handle->data);
}

static void share_disconnected(void *arg, struct bytes filter, const struct subscription *sub)
{
        const struct conn *c = arg;
        const struct share_news news = {.change = SHARE_DISCONNECTED};
        const char *id = session_client_id(c->session);

        (void)sub;
        fabric_share(c->ctx, filter, (struct bytes){(const uint8_t *)id, strlen(id)}, &news, NULL);
}

static void leave_session(struct conn *c)
{
        struct session *s = c->session;

        if (s == NULL)
                return;
        session_each_shared(s, share_disconnected, c);
        c->session = NULL;
        session_detach(s, c->ctx->stopping ? SESSION_STOPPING : c->end);
}

void conn_close(struct conn *c, const char *reason)
{
        if (c->state == CONN_CLOSING)
                return;
        conn_log_end(c, reason);
        conn_ws_end(c);
        if (c->state == CONN_HANDSHAKE)
                COUNT(c->ctx, handshakes_failed);
        else if (conn_must_write(c) && !c->want_write && !c->write_waits)
                (void)conn_io_flush(c->ssl, c->fd, c->ws, &c->out, c->ctx->out);
        if (c->state == CONN_ACTIVE && c->device != NULL) {
                COUNT_DOWN(c->ctx, devices);
                registry_seen(c->ctx->registry, c->device->sha256, clock_now());
        }
        conn_enter(c, CONN_CLOSING);
        conn_forget_registration(c);
        acks_forget(c);
        conn_forget_shows(c);
        leave_session(c);
        conn_io_goodbye(c->ssl, c->fd);
        leave_rings(c);
        list_remove(c);
        uv_close((uv_handle_t *)&c->poll, on_closed);
}

void conn_abort(struct conn *c, enum mqtt_reason why, const char *reason)
{
        uint8_t packet[MQTT_DISCONNECT_MAX];
        size_t len = 0;

        if (c->level == MQTT_5 && c->state == CONN_ACTIVE && c->welcomed) { /* [MQTT-3.14.0-1] */
                len = mqtt_write_disconnect(packet, why, c->wants_reasons ? reason : NULL);
                if (!conn_takes(c, len))
                        len = mqtt_write_disconnect(packet, why, NULL);
        }
        c->lingers = len > 0 && conn_takes(c, len);
        if (c->lingers)
                conn_send(c, packet, len);
        conn_close(c, reason);
}

void conn_refuse(struct conn *c, enum refusal why)
{
        if (c->state == CONN_CLOSING)
                return;
        COUNT_REFUSED(c->ctx, why);
        c->refusal = why;
        conn_abort(c, mqtt_disconnect_reason(refusal_table[why].connack), refusal_table[why].text);
}

/* The handshake was in the mode mutual, and now it is one-way: its login lets it in. Were it still a device
 * when the mode is mutual again, it would be one that nobody has registered and whose end nobody looks at. */
static void forget_certificate(struct conn *c)
{
        if (c->ctx->snapshot->mode == AUTH_MUTUAL)
                return;
        free(c->device);
        c->device = NULL;
}

void conn_activate(struct conn *c, struct session *s, uint16_t keep_alive_s, char *access_key_id,
                   struct access *access)
{
        conn_enter(c, CONN_ACTIVE);
        COUNT(c->ctx, connects);
        c->session = s;
        c->end = SESSION_LOST;
        c->access = access;
        c->client_id = strdup(session_client_id(s)); /* the session may be gone when the end is logged */
        c->access_key_id = access_key_id;
        c->keep_alive_ms = keep_alive_s * 1000u;
        c->revision = c->ctx->snapshot->revision;
        c->connected_at = clock_now();
        forget_certificate(c);
        if (c->device == NULL || c->device->direct) /* of the others recheck.c looks at what they presented */
                tls_forget_client(c->ssl);
        if (c->device != NULL) {
                COUNT(c->ctx, devices);
                registry_seen(c->ctx->registry, c->device->sha256, clock_now());
        }
        conn_set_expiry(c);
        conn_set_deadline(c);
}

/* ---- the one move ---- */

void conn_move(struct conn *c, int home)
{
        c->move_to = home;
        conn_enter(c, CONN_MOVING);
}

static void arrive(struct context *to, struct mail *m)
{
        struct conn *c = (struct conn *)((char *)m - offsetof(struct conn, mail));
        CLEANUP(buf) struct buf first = c->in;

        c->ctx = c->tls.ctx = to;
        set_ends(c);
        c->in = BUF_UP_TO(first.max);
        c->events = 0;
        if (to->stopping || uv_poll_init(&to->loop, &c->poll, c->fd) != 0) {
                free_conn(c);
                return;
        }
        list_add(c);
        conn_enter(c, CONN_WAIT_CONNECT);
        conn_set_deadline(c);
        if (conn_must_write(c))
                conn_mark_dirty(c);
        conn_use_bytes(c, first.data, first.len);
        if (c->state == CONN_CLOSING || c->state == CONN_REGISTERING)
                return;
        conn_poll_again(c);
        if (conn_has_more(c))
                conn_read_later(c);
}

static void on_departed(uv_handle_t *handle)
{
        struct conn *c = handle->data;

        c->mail.run = arrive;
        mail_batch_add(&c->ctx->outgoing[c->move_to], &c->mail);
}

void conn_depart(struct conn *c)
{
        leave_rings(c);
        list_remove(c);
        uv_close((uv_handle_t *)&c->poll, on_departed);
}
