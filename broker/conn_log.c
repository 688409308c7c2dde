/* SPDX-License-Identifier: Apache-2.0 */
/* conn_log: the line that a connection leaves when it ends. */
#include "broker/conn_part.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <string.h>

static void address_text(const struct sockaddr_storage *address, char host[INET6_ADDRSTRLEN], int *ret_port)
{
        if (address->ss_family == AF_INET) {
                const struct sockaddr_in *a = (const struct sockaddr_in *)address;

                inet_ntop(AF_INET, &a->sin_addr, host, INET6_ADDRSTRLEN);
                *ret_port = ntohs(a->sin_port);
        } else if (address->ss_family == AF_INET6) {
                const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)address;

                inet_ntop(AF_INET6, &a->sin6_addr, host, INET6_ADDRSTRLEN);
                *ret_port = ntohs(a->sin6_port);
        }
}

enum { WORD_SIZE = 256 };

/* What a client has said of itself, as one word of the line: no space or quote in it makes another field. */
static const char *word(char ret[WORD_SIZE], const char *text)
{
        size_t len = 0;

        if (text == NULL || text[0] == '\0')
                return "-";
        for (; len < WORD_SIZE - 1 && text[len] != '\0'; len++)
                ret[len] = (unsigned char)text[len] <= ' ' || strchr("\"=\\\177", text[len]) != NULL
                                   ? '?'
                                   : text[len];
        ret[len] = '\0';
        return ret;
}

static const char *or_dash(const char *text)
{
        return text != NULL ? text : "-";
}

/* The CA that its device is registered under; "-" when there is none any more. */
static const char *ca_sn(const struct conn *c)
{
        const struct snapshot *s = c->ctx->snapshot;
        const struct trust_ca *ca =
                c->device == NULL || s == NULL ? NULL : trust_find(s->trust, c->device->ca_id);

        return ca == NULL ? "-" : ca->sn;
}

void conn_log_end(const struct conn *c, const char *reason)
{
        char host[INET6_ADDRSTRLEN] = "?", domain[WORD_SIZE], client[WORD_SIZE];
        int port = 0;

        if (c->health_check)
                return; /* every other second one comes and goes */
        address_text(&c->address, host, &port);
        log_info("conn=%s:%d listener=%s tls=%s domain=%s client=%s device=%s ca=%s key=%s seconds=%llu "
                 "refused=%s "
                 "end=\"%s\"",
                 host, port, c->listener, c->ssl == NULL ? "-" : SSL_get_version(c->ssl),
                 word(domain, c->domain), word(client, c->client_id), or_dash(c->device_sn), ca_sn(c),
                 or_dash(c->access_key_id),
                 (unsigned long long)((uv_now(&c->ctx->loop) - c->since_ms) / 1000),
                 c->refusal == REFUSAL_NONE ? "-" : refusal_table[c->refusal].label, reason);
}
