/* SPDX-License-Identifier: Apache-2.0 */
/* tls_peer: how OpenSSL's callbacks find the worker and the connection that they are about. */
#ifndef SIGNET_BROKER_TLS_PEER_H
#define SIGNET_BROKER_TLS_PEER_H

#include "broker/context.h"
#include "broker/credential.h"
#include "broker/refusal.h"

#include <stdint.h>

struct device_identity;

/* What a connection lends to its SSL (SSL_set_app_data). */
struct tls_peer {
        struct context *ctx;
        const char *listener;      /* its name; static */
        struct credential *served; /* what was chosen, referenced; NULL before the ClientHello and after the
                                      handshake */
        bool named;        /* the server name is one that is mapped: others are nobody's to write down */
        int64_t served_id; /* its ID, which stays */
        struct device_identity *device; /* who the device is, when it was asked for and let in; freed with the
                                           connection */
        char *device_sn;      /* serial number of the device certificate, let in or not; freed likewise */
        enum refusal refusal; /* why we refused the handshake */
        uint32_t key_updates; /* of the client, since key_updates_since_ms */
        uint64_t key_updates_since_ms;
};

#endif
