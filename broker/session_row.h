/* SPDX-License-Identifier: Apache-2.0 */
/* session_row: what is told of one connected client, copied on its worker's thread; and which clients are
 * asked for. */
#ifndef SIGNET_BROKER_SESSION_ROW_H
#define SIGNET_BROKER_SESSION_ROW_H

#include "broker/conn.h"
#include "common/model.h"
#include "common/serial.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DOMAIN_SIZE = 256, ADDRESS_TEXT_SIZE = 64 };

struct session_row {
        char client_id[CLIENT_ID_MAX + 1], access_key_id[ACCESS_KEY_ID_MAX + 1];
        char ca_sn[SERIAL_SIZE], device_sn[SERIAL_SIZE], device_sha256[2 * 32 + 1];
        char domain[DOMAIN_SIZE], address[ADDRESS_TEXT_SIZE];
        const char *listener, *tls; /* static */
        int64_t certificate_id, revision, connected_ms;
        int worker;
};

/* Worker's thread; `c` is active. */
void session_row_fill(struct session_row *row, const struct conn *c);
/* New reference; NULL when out of memory. */
json_t *session_row_json(const struct session_row *row);
size_t session_row_bytes(const struct session_row *row); /* of its JSON at most */

struct session_filter { /* NULL: any */
        char *client_id, *ca_sn, *device_sn;
};
/* From the request's fields clientId, caSn, deviceSn. Static text when one is wrong. */
const char *session_filter_read(const json_t *request, struct session_filter *ret);
void session_filter_done(struct session_filter *f);
/* A client ID, or a device's CA and serial number. */
bool session_filter_names_one(const struct session_filter *f);
/* Worker's thread. Active connections only. */
bool session_filter_fits(const struct session_filter *f, const struct conn *c);

#endif
