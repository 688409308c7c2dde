/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_header: what a balancer says, before everything else, about the client that it passes on: the PROXY
 * protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt). Pure, without allocation. */
#ifndef SIGNET_BROKER_PROXY_HEADER_H
#define SIGNET_BROKER_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
        PROXY_V1_MAX = 107, /* §2.1, with its CRLF */
        PROXY_V2_MAX = 536, /* fixed part, addresses and TLVs (which nobody looks at) */
        PROXY_HEADER_MAX = PROXY_V2_MAX
};

enum proxy_result {
        PROXY_MORE,    /* all of these bytes belong to the header, and it goes on */
        PROXY_OK,      /* ret is the client's address and port */
        PROXY_LOCAL,   /* v2 LOCAL: the balancer speaks for itself (a health check) */
        PROXY_UNKNOWN, /* v1 UNKNOWN, v2 AF_UNSPEC or AF_UNIX: it passes on somebody whose address it cannot
                          tell */
        PROXY_BAD
};

/* ret_len: bytes of the header, but with MORE and BAD. `ret` is set with OK only. */
enum proxy_result proxy_header_read(const uint8_t *bytes, size_t len, size_t *ret_len,
                                    struct sockaddr_storage *ret);

#endif
