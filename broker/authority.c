/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/authority.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_loopback(const struct sockaddr_storage *address)
{
        if (address->ss_family == AF_INET)
                return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return address->ss_family == AF_INET6 &&
               IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* Without TLS nobody shows a certificate. */
static bool plain_may(const struct conn *c)
{
        switch (c->ctx->limits->plain_in_mutual) {
        case PLAIN_ALL:
                return true;
        case PLAIN_LOOPBACK:
                return is_loopback(&c->address);
        case PLAIN_NONE:
        default:
                return false;
        }
}

static enum refusal of_device(const struct conn *c)
{
        if (c->ssl == NULL)
                return plain_may(c) ? REFUSAL_NONE : REFUSAL_PLAIN;
        if (c->device == NULL)
                return REFUSAL_MODE; /* it came in while the mode was one-way */
        return device_auth_again(c->ctx->snapshot, c->device, clock_now());
}

static enum refusal of_login(const struct conn *c)
{
        const struct snapshot *s = c->ctx->snapshot;
        const char *secret;
        size_t len;

        if (c->access_key_id == NULL)
                return s->mode == AUTH_MUTUAL && c->ssl != NULL && !s->login_required ? REFUSAL_NONE
                                                                                      : REFUSAL_NO_LOGIN;
        return snapshot_access_key(s, c->access_key_id, strlen(c->access_key_id), &secret, &len)
                       ? REFUSAL_NONE
                       : REFUSAL_ACCESS_KEY_GONE;
}

enum refusal authority_of(const struct conn *c)
{
        enum refusal why = c->ctx->snapshot->mode == AUTH_MUTUAL ? of_device(c) : REFUSAL_NONE;

        return why == REFUSAL_NONE && c->state == CONN_ACTIVE ? of_login(c) : why;
}
