/* SPDX-License-Identifier: Apache-2.0 */
/* settings: what signet-broker reads from its environment (table in settings.c, printed by --help). */
#ifndef SIGNET_BROKER_SETTINGS_H
#define SIGNET_BROKER_SETTINGS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct broker_settings {
        char *home, *instance, *mqtts_listen, *mqtt_listen;
        char *database_url, *database_password_file, *master_key_file, *run_dir, *user, *node_id;
        int64_t workers, connections_max, credentials_max;
        int64_t packet_max, outbox_bytes_max, mailbox_bytes_max;
        int64_t handshake_s, connect_s, handshakes_per_turn, accepts_per_turn;
        int64_t per_address_max, unfinished_max, ticket_s, registrations_per_second, devices_max;
        char *mqtt_in_mutual, *metrics_listen;
        char *ws_listen, *wss_listen, *ws_path, *ws_origins;
        char *proxy_protocol, *proxy_from, *allow_anonymous;
        bool allow_anonymous_exposed;
        int64_t inflight_max, queue_max, queue_bytes_max, queues_bytes_max, subscriptions_max, sessions_max;
        char *preset, *queue_full, *store_dir, *store_sync;
        int64_t receive_max, topic_alias_max, payload_max, session_expiry_s, keep_alive_max_s;
        int64_t retained_max, retained_bytes_max, sys_s;
};

/* Reads the environment; what is empty is derived from SIGNET_HOME. `why` names the variable on ERR_SYNTAX.
 */
MUST_CHECK enum err broker_settings_read(struct broker_settings *ret, char why[256]);
void broker_settings_done(struct broker_settings *s);
void broker_settings_help(FILE *out);

#endif
