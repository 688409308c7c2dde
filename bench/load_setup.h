/* SPDX-License-Identifier: Apache-2.0 */
/* load_setup: from the command line of mqtt_load to a load that can begin. */
#ifndef SIGNET_BENCH_LOAD_SETUP_H
#define SIGNET_BENCH_LOAD_SETUP_H

#include "bench/load.h"
#include "bench/meter.h"
#include "bench/mqtt_packet.h"

enum { FILES_BESIDE = 64 };

static inline void setup_options(struct load_options *o, int argc, char **argv)
{
        const struct option_row rows[] = {
                {"address", OPTION_TEXT, &o->address, 0, 0, "host:port (default 127.0.0.1:8883)"},
                {"source", OPTION_TEXT, &o->source, 0, 0,
                 "IPv4 address to come from (default: the system's choice)"},
                {"tls", OPTION_ON, &o->tls, 0, 0, "TLS instead of plain TCP"},
                {"tls-version", OPTION_TEXT, &o->version, 0, 0,
                 "1.2 or 1.3 (default: the highest both know)"},
                {"sni", OPTION_TEXT, &o->sni, 0, 0, "server names by comma, spread over the connections"},
                {"cafile", OPTION_TEXT, &o->cafile, 0, 0,
                 "verify chain and name against it (default: no verification)"},
                {"cert", OPTION_TEXT, &o->cert, 0, 0, "client certificate chain, PEM"},
                {"key", OPTION_TEXT, &o->key, 0, 0, "its private key, PEM"},
                {"device-dir", OPTION_TEXT, &o->device_dir, 0, 0,
                 "instead: a certificate of its own for each connection, of the ca.crt and ca.key there"},
                {"first-serial", OPTION_INT, &o->first_serial, 1, INT64_MAX / 2,
                 "--device-dir: serial number of the first (default 1000000)"},
                {"protocol", OPTION_TEXT, &o->protocol, 0, 0, "3.1.1 or 5.0 (default 3.1.1)"},
                {"persistent", OPTION_ON, &o->persistent, 0, 0,
                 "sessions that outlive their connection (5.0: by an hour)"},
                {"receive-max", OPTION_INT, &o->receive_max, 0, 65535,
                 "5.0: messages over QoS 0 that we take at a time (default 0: not said)"},
                {"user", OPTION_TEXT, &o->user, 0, 0, "user name (default: none)"},
                {"password", OPTION_TEXT, &o->password, 0, 0, "password"},
                {"access-key-file", OPTION_TEXT, &o->access_key_file, 0, 0,
                 "credentials.env: sign each client ID with it"},
                {"instance", OPTION_TEXT, &o->instance, 0, 0, "MqttInstanceId of the signed user name"},
                {"connections", OPTION_INT, &o->connections, 1, CONNECTIONS_MAX,
                 "how many (default 2; at most 19900)"},
                {"connect-rate", OPTION_INT, &o->connect_rate, 0, 1000000,
                 "new ones a second (default 0: no limit)"},
                {"connecting", OPTION_INT, &o->connecting_max, 1, 1000, "at a time (default 100)"},
                {"connect-timeout", OPTION_INT, &o->connect_timeout_s, 1, 3600,
                 "seconds for all of them (default 120)"},
                {"client-prefix", OPTION_TEXT, &o->client_prefix, 0, 0,
                 "client ID is this and a number (default GID_bench@@@<pid>-)"},
                {"topic-prefix", OPTION_TEXT, &o->topic_prefix, 0, 0,
                 "topic is this/number (default bench/<pid>; --p2p: bench)"},
                {"p2p", OPTION_ON, &o->p2p, 0, 0, "topics <prefix>/p2p/<client ID>, nobody subscribes"},
                {"pattern", OPTION_TEXT, &o->pattern, 0, 0,
                 "pairs (i to i+N/2, everybody both), self, one-way, fan-in, fan-out"},
                {"keep-alive", OPTION_INT, &o->keep_alive_s, 0, 65535, "seconds (default 60)"},
                {"qos", OPTION_INT, &o->qos, 0, 2, "0, 1 or 2 (default 0)"},
                {"payload", OPTION_INT, &o->payload_len, PAYLOAD_MIN, PAYLOAD_MAX, "bytes (default 64)"},
                {"rate", OPTION_TEXT, &o->rate, 0, 0,
                 "messages a second of each publisher, or max (default 1)"},
                {"window", OPTION_INT, &o->window, 1, 65000,
                 "--rate max: messages under way per publisher (default 256)"},
                {"batch", OPTION_INT, &o->batch, 1, 65000,
                 "--rate max: a publisher writes no fewer at once (default 1; at most the window)"},
                {"inflight", OPTION_INT, &o->inflight_max, 1, 65000,
                 "messages over QoS 0 without PUBACK or PUBCOMP (default 1000)"},
                {"duration", OPTION_INT, &o->duration_s, 1, 86400, "seconds (default 10; 600 with --count)"},
                {"count", OPTION_INT, &o->count, 1, 1 << 30, "messages of each publisher"},
                {"hold", OPTION_ON, &o->hold, 0, 0, "run until SIGTERM, SIGINT or the end of standard input"},
                {"hold-max", OPTION_INT, &o->hold_max_s, 1, 86400, "--hold: seconds at most (default 3600)"},
                {"drain", OPTION_INT, &o->drain_s, 0, 600,
                 "seconds to wait for outstanding messages (default 10)"},
                {"slow", OPTION_INT, &o->slow, 0, SLOW_MAX,
                 "slow consumers beside the connections: same topics, no acknowledgements (default 0)"},
                {"slow-bytes", OPTION_INT, &o->slow_bytes, 0, 1 << 20,
                 "that each of them reads in a second (default 0)"},
                {"server-pid", OPTION_INT, &o->server_pid, 1, INT32_MAX,
                 "process whose CPU time and memory are measured"},
        };

        options_read(rows, sizeof rows / sizeof *rows,
                     "mqtt_load: MQTT connections that exchange numbered messages.\n"
                     "Exit status: 0 measured (also with losses), 1 could not connect, 2 wrong use.",
                     argc, argv);
}

static inline void setup_topic(struct load *l, struct client *c)
{
        char topic[TOPIC_MAX];

        load_topic(l, c->number, topic);
        c->topic = strdup(topic);
        if (c->topic == NULL)
                err(EXIT_USAGE, "topics");
        c->topic_len = strlen(topic);
}

static inline void setup_load(struct load *l)
{
        l->members = (uint32_t)l->o.connections;
        l->connections = l->members + (uint32_t)l->o.slow;
        if (strcmp(l->o.protocol, "3.1.1") != 0 && strcmp(l->o.protocol, "5.0") != 0)
                errx(EXIT_USAGE, "--protocol takes 3.1.1 or 5.0");
        l->level = l->o.protocol[0] == '5' ? LEVEL_5_0 : LEVEL_3_1_1;
        if (l->o.batch > l->o.window)
                errx(EXIT_USAGE, "--batch is more than --window");
        load_set_pattern(l);
        l->as_fast_as_possible = strcmp(l->o.rate, "max") == 0;
        double rate = 0;
        const struct option_row row = {"rate", OPTION_REAL, &rate, 0, 10000000, ""};
        if (!l->as_fast_as_possible)
                options_set(&row, l->o.rate);
        if (rate > 0)
                l->step_ns = (double)NS_PER_S / rate / l->publishers;
        l->due_max = (l->o.count > 0 ? (uint64_t)l->o.count : SEQUENCE_MAX) * l->publishers;
        if (l->o.duration_s == 0)
                l->o.duration_s = l->o.hold ? l->o.hold_max_s : l->o.count > 0 ? 600 : 10;
        l->clients = calloc(l->connections, sizeof *l->clients);
        l->links = calloc(l->links_count, sizeof *l->links);
        l->dirty = calloc(2 * (size_t)l->connections, sizeof *l->dirty);
        l->scratch = malloc(SCRATCH_BYTES);
        if (l->clients == NULL || l->links == NULL || l->dirty == NULL || l->scratch == NULL)
                err(EXIT_USAGE, "%u connections", l->connections);
        for (uint32_t i = 0; i < l->connections; i++) {
                l->clients[i].number = i;
                l->clients[i].fd = -1;
                setup_topic(l, &l->clients[i]);
        }
        l->run = (uint32_t)getpid() ^ (uint32_t)meter_now_ns();
        payload_init();
}

static inline void setup_devices(struct load *l)
{
        if (l->ctx == NULL || l->o.cert[0] != '\0')
                errx(EXIT_USAGE, "--device-dir wants --tls, and no --cert");
        EVP_PKEY *key = ca_key_read(l->o.device_dir, "ca.key");
        l->ca = ca_read(l->o.device_dir, "ca.crt");
        l->devices = devices_make(l->connections, l->o.first_serial, l->ca, key);
        EVP_PKEY_free(key);
}

static inline void setup_peer(struct load *l)
{
        meter_need_files(l->connections + FILES_BESIDE);
        l->address = peer_address(l->o.address);
        peer_come_from(&l->address, l->o.source);
        peer_names_from_text(&l->names, l->o.sni);
        if (l->o.tls)
                l->ctx = peer_tls_context(l->o.version, l->o.cafile, l->o.cert, l->o.key);
        if (l->o.device_dir[0] != '\0')
                setup_devices(l);
        if (l->o.access_key_file[0] != '\0')
                credentials_sign_with(&l->credentials, l->o.access_key_file, l->o.instance);
        else if (snprintf(l->credentials.user, CREDENTIAL_MAX, "%s", l->o.user) >= CREDENTIAL_MAX ||
                 snprintf(l->credentials.password, CREDENTIAL_MAX, "%s", l->o.password) >= CREDENTIAL_MAX)
                errx(EXIT_USAGE, "user name or password is too long");
        if (strlen(l->o.client_prefix) > CLIENT_NAME_MAX - 16 || strlen(l->o.topic_prefix) > 64)
                errx(EXIT_USAGE, "--client-prefix or --topic-prefix is too long");
}

#endif
