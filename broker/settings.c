/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/settings.h"

#include "broker/context.h"
#include "common/conf.h"
#include "common/home.h"

#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(field) offsetof(struct broker_settings, field)

static const struct setting table[] = {
        {"SIGNET_HOME", SETTING_TEXT, AT(home), "./.signet", 0, 0,
         "folder of keys, sockets and the private database"},
        {"SIGNET_INSTANCE", SETTING_TEXT, AT(instance), "mqtt-cn-signet00001", 0, 0,
         "MqttInstanceId this broker serves"},
        {"SIGNET_MQTTS_LISTEN", SETTING_TEXT, AT(mqtts_listen), "0.0.0.0:8883", 0, 0,
         "address of MQTT over TLS"},
        {"SIGNET_MQTT_LISTEN", SETTING_TEXT, AT(mqtt_listen), "", 0, 0,
         "address of MQTT without TLS; empty: off"},
        {"SIGNET_WS_LISTEN", SETTING_TEXT, AT(ws_listen), "", 0, 0,
         "address of MQTT over WebSocket; empty: off"},
        {"SIGNET_WSS_LISTEN", SETTING_TEXT, AT(wss_listen), "", 0, 0,
         "address of MQTT over WebSocket over TLS; empty: off"},
        {"SIGNET_WS_PATH", SETTING_TEXT, AT(ws_path), "/mqtt", 0, 0, "path that both serve"},
        {"SIGNET_WS_ORIGINS", SETTING_TEXT, AT(ws_origins), "", 0, 0,
         "origins of pages that may use both, with commas between; empty: all"},
        {"SIGNET_PROXY_PROTOCOL", SETTING_TEXT, AT(proxy_protocol), "", 0, 0,
         "listeners that expect a PROXY header: of mqtt, mqtts, ws, wss"},
        {"SIGNET_PROXY_FROM", SETTING_TEXT, AT(proxy_from), "", 0, 0,
         "addresses and networks of the balancers that send it"},
        {"SIGNET_ALLOW_ANONYMOUS", SETTING_TEXT, AT(allow_anonymous), "", 0, 0,
         "listeners open to clients without a user name"},
        {"SIGNET_ALLOW_ANONYMOUS_EXPOSED", SETTING_BOOL, AT(allow_anonymous_exposed), "no", 0, 0,
         "yes: also those that others than this machine can reach"},
        {"SIGNET_MQTT_IN_MUTUAL", SETTING_TEXT, AT(mqtt_in_mutual), "loopback", 0, 0,
         "who may connect without TLS while the mode is mutual: loopback, all, none"},
        {"SIGNET_METRICS_LISTEN", SETTING_TEXT, AT(metrics_listen), "127.0.0.1:9883", 0, 0,
         "address of /metrics; empty: off"},
        {"SIGNET_WORKERS", SETTING_INT, AT(workers), "0", 0, WORKERS_MAX, "event loops; 0: one a core"},
        {"SIGNET_DATABASE_URL", SETTING_TEXT, AT(database_url), "", 0, 0,
         "PostgreSQL as signet_broker; empty: the private cluster"},
        {"SIGNET_DATABASE_PASSWORD_FILE", SETTING_TEXT, AT(database_password_file), "", 0, 0,
         "file with the database password"},
        {"SIGNET_MASTER_KEY_FILE", SETTING_TEXT, AT(master_key_file), "", 0, 0, "empty: <home>/master.key"},
        {"SIGNET_RUN_DIR", SETTING_TEXT, AT(run_dir), "", 0, 0,
         "folder of control sockets; empty: <home>/run"},
        {"SIGNET_USER", SETTING_TEXT, AT(user), "", 0, 0, "started as root: become this user"},
        {"SIGNET_NODE_ID", SETTING_TEXT, AT(node_id), "", 0, 0,
         "name in rollout reports; empty: <host>:<port>"},
        {"SIGNET_CONNECTIONS_MAX", SETTING_INT, AT(connections_max), "100000", 1, 10000000,
         "connections in total"},
        {"SIGNET_CONNECTIONS_PER_ADDRESS", SETTING_INT, AT(per_address_max), "50000", 0, 10000000,
         "of one IPv4 address or IPv6 /64; 0: no limit"},
        {"SIGNET_UNFINISHED_MAX", SETTING_INT, AT(unfinished_max), "20000", 16, 10000000,
         "connections that have not come to the end of CONNECT"},
        {"SIGNET_CREDENTIALS_MAX", SETTING_INT, AT(credentials_max), "4096", 1, 1000000,
         "parsed certificates kept by each worker (about 7 kB each)"},
        {"SIGNET_PACKET_MAX", SETTING_INT, AT(packet_max), "1048576", 128, 268435460,
         "bytes of one MQTT packet"},
        {"SIGNET_OUTBOX_MAX", SETTING_INT, AT(outbox_bytes_max), "1048576", 1024, 1073741824,
         "bytes waiting to be written to one client"},
        {"SIGNET_MAILBOX_MAX", SETTING_INT, AT(mailbox_bytes_max), "67108864", 65536, 4000000000,
         "bytes on their way to one worker; publishers wait above it"},
        {"SIGNET_HANDSHAKE_SECONDS", SETTING_INT, AT(handshake_s), "10", 1, 600, "limit of a TLS handshake"},
        {"SIGNET_CONNECT_SECONDS", SETTING_INT, AT(connect_s), "10", 1, 600, "limit from there to CONNECT"},
        {"SIGNET_TICKET_SECONDS", SETTING_INT, AT(ticket_s), "7200", 0, 604800,
         "how long a TLS session can be resumed (mode one-way only); 0: not at all"},
        {"SIGNET_REGISTRATIONS_PER_SECOND", SETTING_INT, AT(registrations_per_second), "5000", 1, 1000000,
         "new devices of one CA; more of them wait"},
        {"SIGNET_DEVICES_MAX", SETTING_INT, AT(devices_max), "5000000", 1, 1000000000,
         "registered devices; beyond them no new one is let in"},
        {"SIGNET_HANDSHAKES_PER_TURN", SETTING_INT, AT(handshakes_per_turn), "8", 1, 10000,
         "handshake steps between two looks at connected clients"},
        {"SIGNET_ACCEPTS_PER_TURN", SETTING_INT, AT(accepts_per_turn), "64", 1, 10000, "accepts likewise"},
        {"SIGNET_INFLIGHT_MAX", SETTING_INT, AT(inflight_max), "256", 1, 65535,
         "unacknowledged messages on the way to one client"},
        {"SIGNET_QUEUE_MAX", SETTING_INT, AT(queue_max), "100000", 0, 100000000,
         "messages waiting for one client"},
        {"SIGNET_QUEUE_BYTES_MAX", SETTING_INT, AT(queue_bytes_max), "67108864", 0, 1099511627776,
         "and their bytes"},
        {"SIGNET_QUEUES_BYTES_MAX", SETTING_INT, AT(queues_bytes_max), "1073741824", 0, 1099511627776,
         "bytes waiting for all clients"},
        {"SIGNET_QUEUE_FULL", SETTING_TEXT, AT(queue_full), "drop-new", 0, 0,
         "what goes when a queue is full: drop-new, drop-oldest"},
        {"SIGNET_SUBSCRIPTIONS_MAX", SETTING_INT, AT(subscriptions_max), "1000", 1, 1000000, "of one client"},
        {"SIGNET_SESSIONS_MAX", SETTING_INT, AT(sessions_max), "1000000", 1, 100000000, "sessions in total"},
        {"SIGNET_SESSION_EXPIRY_MAX", SETTING_INT, AT(session_expiry_s), "4294967295", 0, 4294967295,
         "seconds that a session outlives its connection at most; 4294967295: for ever"},
        {"SIGNET_KEEP_ALIVE_MAX", SETTING_INT, AT(keep_alive_max_s), "0", 0, 65535,
         "seconds of an MQTT 5 client's keep alive at most; 0: no limit"},
        {"SIGNET_RECEIVE_MAX", SETTING_INT, AT(receive_max), "1024", 1, 65535,
         "unacknowledged messages on the way from one MQTT 5 client"},
        {"SIGNET_TOPIC_ALIAS_MAX", SETTING_INT, AT(topic_alias_max), "16", 0, 65535,
         "topic aliases that an MQTT 5 client may set"},
        {"SIGNET_PAYLOAD_MAX", SETTING_INT, AT(payload_max), "0", 0, 268435455,
         "bytes of one message; 0: what SIGNET_PACKET_MAX leaves"},
        {"SIGNET_RETAINED_MAX", SETTING_INT, AT(retained_max), "1000000", 0, 1000000000, "retained messages"},
        {"SIGNET_RETAINED_BYTES_MAX", SETTING_INT, AT(retained_bytes_max), "1073741824", 0, 1099511627776,
         "and their bytes"},
        {"SIGNET_SYS_SECONDS", SETTING_INT, AT(sys_s), "10", 0, 86400,
         "between two reports in $SYS topics; 0: there are none"},
        {"SIGNET_PRESET", SETTING_TEXT, AT(preset), "open", 0, 0,
         "open, or strict: limits and topic rules of the cloud product"},
        {"SIGNET_STORE_DIR", SETTING_TEXT, AT(store_dir), "", 0, 0,
         "folder of sessions and retained messages; empty: <home>/mqtt/<instance>"},
        {"SIGNET_STORE_SYNC", SETTING_TEXT, AT(store_sync), "write", 0, 0,
         "what is acknowledged survives: write: kill -9; strict: loss of power too; off: nothing"},
};
enum { SETTINGS = sizeof table / sizeof table[0] };

/* As many as this process may run on, which taskset or a container may make fewer than the machine has. */
static int64_t cores(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
}

static int64_t workers_of(int64_t wanted)
{
        int64_t count = wanted == 0 ? cores() : wanted;

        return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : count;
}

static enum err store_dir_derive(struct broker_settings *s)
{
        char *folder = NULL;

        if (s->store_dir[0] != '\0')
                return ERR_OK;
        if (asprintf(&folder, "%s/mqtt/%s", s->home, s->instance) < 0)
                return ERR_NOMEM;
        free(s->store_dir);
        s->store_dir = folder;
        return ERR_OK;
}

enum err broker_settings_read(struct broker_settings *ret, char why[256])
{
        const struct home_settings home = {&ret->home, &ret->run_dir, &ret->master_key_file,
                                           &ret->database_url};

        *ret = (struct broker_settings){0};
        why[0] = '\0';
        TRY(conf_read(table, SETTINGS, ret, why));
        ret->workers = workers_of(ret->workers);
        TRY(home_derive(&home, "signet_broker"));
        return store_dir_derive(ret);
}

void broker_settings_done(struct broker_settings *s)
{
        conf_done(table, SETTINGS, s);
}

void broker_settings_help(FILE *out)
{
        conf_help(table, SETTINGS, out);
}
