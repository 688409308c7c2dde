/* SPDX-License-Identifier: Apache-2.0 */
/* registry_request: one device that asks to be registered. Made by the worker of its connection, which frees
 * it after its answer; in between it is the registry's (registry.h). */
#ifndef SIGNET_BROKER_REGISTRY_REQUEST_H
#define SIGNET_BROKER_REGISTRY_REQUEST_H

#include "broker/device_auth.h"
#include "broker/mailbox.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/serial.h"

#include <openssl/x509.h>
#include <stdint.h>

enum { DEVICE_NAME_SIZE = 256, DEVICE_DER_MAX = 16384 };

struct context;
struct conn;

struct registry_request {
        struct mail mail;     /* first; `run` is called on the worker's thread with the answer */
        struct context *from; /* whose worker it is */
        struct conn *conn;    /* the worker's own; NULL when the connection has ended meanwhile. Never read by
                                 the registry */
        struct device_identity identity;
        char sn[SERIAL_SIZE];
        char name[DEVICE_NAME_SIZE]; /* common name, UTF-8, cut at the end of a character; may be "" */
        struct buf der;
        int64_t not_before, not_after, asked_ms;
        /* The answer. REFUSAL_NONE: registered now or before; identity.registered is true and identity.ca_id
         * what the database says. Else REFUSAL_CLONE, _DEVICE_INACTIVE, _CA_INACTIVE (or removed),
         * _REGISTRY_AWAY, _REGISTRY_FULL. */
        enum refusal refusal;
};

/* From the peer's certificate. ERR_SYNTAX, ERR_LIMIT: its serial number cannot be registered
 * (common/serial.h), or it is longer than DEVICE_DER_MAX. */
MUST_CHECK enum err registry_request_new(X509 *leaf, const struct device_identity *identity,
                                         struct registry_request **ret);
struct registry_request *registry_request_free(struct registry_request *r); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(registry_requestp, struct registry_request *, registry_request_free)

#endif
