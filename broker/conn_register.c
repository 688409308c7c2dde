/* SPDX-License-Identifier: Apache-2.0 */
/* conn_register: a connection whose device is new waits for the registry. */
#include "broker/conn_part.h"
#include "broker/registry.h"

static void registered(struct context *ctx, struct mail *m)
{
        struct registry_request *r = (struct registry_request *)m; /* its first member */
        struct conn *c = r->conn;

        if (c != NULL) {
                c->registration = NULL;
                c->registry_answered = true;
                c->registry_says = r->refusal;
                *c->device = r->identity;
                if (r->refusal == REFUSAL_NONE && c->device->direct &&
                    c->device->anchor_id == c->device->ca_id)
                        device_table_set_verified(ctx->known, c->device->sha256, c->device->ca_id);
                if (!ctx->stopping) {
                        conn_enter(c, CONN_WAIT_CONNECT);
                        conn_poll_again(c);
                        conn_read_later(c);
                }
        }
        (void)registry_request_free(r);
}

/* Its CONNACK says that the broker is unavailable. */
void conn_give_up_registration(struct conn *c)
{
        conn_forget_registration(c);
        c->registry_says = REFUSAL_REGISTRY_AWAY;
        conn_enter(c, CONN_WAIT_CONNECT);
        c->since_ms = uv_now(&c->ctx->loop);
        conn_set_deadline(c);
        conn_poll_again(c);
        conn_read_later(c);
}

bool conn_register(struct conn *c)
{
        X509 *leaf = SSL_get0_peer_certificate(c->ssl);
        struct registry_request *r = NULL;

        if (c->ctx->registry == NULL || leaf == NULL || registry_request_new(leaf, c->device, &r) != ERR_OK)
                return false;
        r->mail.run = registered;
        r->from = c->ctx;
        r->conn = c;
        c->registration = r;
        conn_enter(c, CONN_REGISTERING);
        c->since_ms = uv_now(&c->ctx->loop);
        conn_set_deadline(c);
        conn_poll_again(c);
        registry_ask(c->ctx->registry, r);
        return true;
}

/* The registry keeps the request until it has answered. */
void conn_forget_registration(struct conn *c)
{
        if (c->registration != NULL)
                c->registration->conn = NULL;
        c->registration = NULL;
}
