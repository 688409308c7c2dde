/* SPDX-License-Identifier: Apache-2.0 */
/* conn_proxy: a connection that a balancer passes on begins with its PROXY header, before any TLS. Who the
 * client is decides its address: it counts with those of its address from then on. */
#include "broker/admission.h"
#include "broker/conn_part.h"
#include "broker/proxy_header.h"

#include <errno.h>
#include <sys/socket.h>

/* What stands behind the header belongs to TLS, which reads the socket itself: so the bytes are looked at
 * first, and then only those of the header are taken. Nothing of it stays there, or the poll would spin.
 * False: the balancer has gone. */
static bool take_bytes(struct conn *c, enum proxy_result *ret, struct sockaddr_storage *ret_address)
{
        uint8_t bytes[PROXY_HEADER_MAX];
        size_t before = c->in.len, len = 0;
        ssize_t n = recv(c->fd, bytes, sizeof bytes - before, MSG_PEEK);

        if (n <= 0) {
                *ret = PROXY_MORE;
                return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        if (buf_add(&c->in, bytes, (size_t)n) != ERR_OK)
                return false;
        *ret = proxy_header_read(c->in.data, c->in.len, &len, ret_address);
        if (*ret == PROXY_BAD)
                return true;
        if (*ret == PROXY_MORE)
                len = c->in.len;
        return recv(c->fd, bytes, len - before, 0) == (ssize_t)(len - before);
}

/* From here on it is as if the client itself had connected. */
static void begin(struct conn *c)
{
        enum refusal why = admission_name(c->ctx->admission, &c->address);

        c->counted = why == REFUSAL_NONE;
        if (!c->counted) {
                COUNT(c->ctx, refused_over_limit);
                conn_refuse(c, why);
                return;
        }
        buf_done(&c->in);
        if (!conn_start(c)) {
                conn_close(c, "out of memory");
                return;
        }
        c->since_ms = uv_now(&c->ctx->loop);
        conn_set_deadline(c);
        conn_poll_again(c);
}

/* Who speaks for itself, or for nobody it knows, is most of the time a health check, which goes without
 * another byte, every other second: it leaves no line in the log, and no failed handshake. */
static void wait_for_more(struct conn *c)
{
        uint8_t byte;
        ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK);

        if (n > 0) {
                c->health_check = false;
                begin(c);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                conn_close(c, "health check of the balancer");
        }
}

static void use_header(struct conn *c, enum proxy_result result, const struct sockaddr_storage *address)
{
        switch (result) {
        case PROXY_BAD:
                conn_refuse(c, REFUSAL_PROXY_HEADER);
                return;
        case PROXY_OK:
                c->address = *address;
                begin(c);
                return;
        case PROXY_UNKNOWN:
        case PROXY_LOCAL:
                c->from_unknown = result == PROXY_UNKNOWN;
                c->health_check = true;
                return;
        default:
                return;
        }
}

void conn_read_proxy_header(struct conn *c)
{
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        enum proxy_result result = PROXY_MORE;

        c->last_in_ms = uv_now(&c->ctx->loop);
        if (c->health_check) {
                wait_for_more(c);
        } else if (take_bytes(c, &result, &address)) {
                use_header(c, result, &address);
        } else {
                c->health_check = c->in.len == 0; /* one that only looks whether somebody listens */
                conn_close(c, "closed by the balancer before its PROXY header");
        }
}
