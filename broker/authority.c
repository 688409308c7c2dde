/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/authority.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_loopback(const struct sockaddr_storage *address)
{
        const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;

        if (address->ss_family == AF_INET)
                return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(six);
}

/* Without TLS nobody shows a certificate. */
static bool plain_may(enum plain_in_mutual plain, const struct claim *claim)
{
        return plain == PLAIN_ALL || (plain == PLAIN_LOOPBACK && is_loopback(claim->address));
}

static enum refusal judge_device(const struct snapshot *s, enum plain_in_mutual plain,
                                 const struct claim *claim)
{
        if (s->mode != AUTH_MUTUAL)
                return REFUSAL_NONE;
        if (!claim->tls)
                return plain_may(plain, claim) ? REFUSAL_NONE : REFUSAL_PLAIN;
        if (claim->device == NULL)
                return REFUSAL_MODE; /* it came in while the mode was one-way */
        return device_auth_again(s, claim->device, clock_now());
}

static enum refusal judge_login(const struct snapshot *s, const struct claim *claim)
{
        const char *secret;
        enum token_fault fault;
        uint8_t type;
        size_t len;

        if (claim->access != NULL)
                return access_authority(claim->access, s, clock_unix_ms(), &fault, &type);
        if (claim->access_key_id == NULL && claim->anonymous)
                return REFUSAL_NONE;
        if (claim->access_key_id == NULL)
                return s->mode == AUTH_MUTUAL && claim->tls && !s->login_required ? REFUSAL_NONE
                                                                                  : REFUSAL_NO_LOGIN;
        return snapshot_access_key(s, claim->access_key_id, strlen(claim->access_key_id), &secret, &len)
                       ? REFUSAL_NONE
                       : REFUSAL_ACCESS_KEY_GONE;
}

enum refusal authority_judge(const struct snapshot *s, enum plain_in_mutual plain, const struct claim *claim)
{
        enum refusal why = judge_device(s, plain, claim);

        return why == REFUSAL_NONE && claim->signed_in ? judge_login(s, claim) : why;
}
