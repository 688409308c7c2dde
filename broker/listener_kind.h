/* SPDX-License-Identifier: Apache-2.0 */
/* listener_kind: what the connections of one listener are like. Read-only after start. */
#ifndef SIGNET_BROKER_LISTENER_KIND_H
#define SIGNET_BROKER_LISTENER_KIND_H

#include <stdbool.h>

struct address_set;
struct ws_rules;

enum { LISTENERS_MAX = 4 };

struct listener_kind {
        const char *name; /* "mqtts", "mqtt", "ws", "wss"; static */
        bool tls;
        bool anonymous;                      /* a client may come without a user name */
        const struct ws_rules *ws;           /* NULL: MQTT stands in the stream itself */
        const struct address_set *balancers; /* who may connect, and says with a PROXY header for whom; NULL:
                                                the clients themselves connect */
};

#endif
