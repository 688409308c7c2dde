/* SPDX-License-Identifier: Apache-2.0 */
#include "api/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* The IPv4 address, also of one that is mapped into IPv6 (a listener on [::] sees those). */
static bool take_v4(const struct sockaddr *address, struct in_addr *ret)
{
        if (address->sa_family == AF_INET) {
                *ret = ((const struct sockaddr_in *)address)->sin_addr;
                return true;
        }
        if (address->sa_family != AF_INET6)
                return false;
        const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;

        if (!IN6_IS_ADDR_V4MAPPED(six))
                return false;
        memcpy(ret, six->s6_addr + 12, sizeof *ret);
        return true;
}

void peer_text(const struct sockaddr *address, char ret[PEER_TEXT_SIZE])
{
        struct in_addr four;
        bool is_v4 = take_v4(address, &four);

        ret[0] = '\0';
        if (is_v4)
                (void)inet_ntop(AF_INET, &four, ret, PEER_TEXT_SIZE);
        else if (address->sa_family == AF_INET6)
                (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, ret,
                                PEER_TEXT_SIZE);
}

bool peer_is_loopback(const struct sockaddr *address)
{
        struct in_addr four;

        if (take_v4(address, &four))
                return ntohl(four.s_addr) >> 24 == 127;
        return address->sa_family == AF_INET6 &&
               IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}
