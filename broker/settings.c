/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/settings.h"

#include "broker/context.h"
#include "common/cleanup.h"
#include "common/conf.h"

#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
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
        {"SIGNET_HANDSHAKES_PER_TURN", SETTING_INT, AT(handshakes_per_turn), "8", 1, 10000,
         "handshake steps between two looks at connected clients"},
        {"SIGNET_ACCEPTS_PER_TURN", SETTING_INT, AT(accepts_per_turn), "64", 1, 10000, "accepts likewise"},
        {"SIGNET_INFLIGHT_MAX", SETTING_INT, AT(inflight_max), "256", 1, 65535,
         "unacknowledged messages on the way to one client"},
        {"SIGNET_QUEUE_MAX", SETTING_INT, AT(queue_max), "100000", 0, 100000000,
         "messages waiting for one client"},
        {"SIGNET_QUEUE_BYTES_MAX", SETTING_INT, AT(queue_bytes_max), "67108864", 0, 1099511627776,
         "and their bytes"},
        {"SIGNET_SUBSCRIPTIONS_MAX", SETTING_INT, AT(subscriptions_max), "1000", 1, 1000000, "of one client"},
        {"SIGNET_SESSIONS_MAX", SETTING_INT, AT(sessions_max), "1000000", 1, 100000000, "sessions in total"},
};
enum { SETTINGS = sizeof table / sizeof table[0] };

/* `*field` becomes before+middle+after unless it has a value. */
static enum err derive(char **field, const char *before, const char *middle, const char *after)
{
        size_t len = strlen(before) + strlen(middle) + strlen(after) + 1;
        char *text;

        if (**field != '\0')
                return ERR_OK;
        text = malloc(len);
        if (text == NULL)
                return ERR_NOMEM;
        snprintf(text, len, "%s%s%s", before, middle, after);
        free(*field);
        *field = text;
        return ERR_OK;
}

/* For a quoted value of a connection string (PostgreSQL manual §34.1.1.1). */
static enum err quote(const char *text, char **ret)
{
        char *quoted = malloc(2 * strlen(text) + 1), *to = quoted;

        if (quoted == NULL)
                return ERR_NOMEM;
        for (; *text != '\0'; *to++ = *text++)
                if (*text == '\'' || *text == '\\')
                        *to++ = '\\';
        *to = '\0';
        *ret = quoted;
        return ERR_OK;
}

/* As many as this process may run on, which taskset or a container may make fewer than the machine has. */
static int64_t cores(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
}

static enum err derive_all(struct broker_settings *s)
{
        CLEANUP(freep) char *folder = NULL;
        char absolute[PATH_MAX];

        /* libpq takes a host for a socket folder only when it is an absolute path. */
        if (realpath(s->home, absolute) == NULL)
                snprintf(absolute, sizeof absolute, "%s", s->home);
        TRY(derive(&s->run_dir, absolute, "/run", ""));
        TRY(derive(&s->master_key_file, absolute, "/master.key", ""));
        TRY(quote(s->run_dir, &folder));
        TRY(derive(&s->database_url, "host='", folder, "' dbname=signet user=signet_broker"));
        if (s->workers == 0)
                s->workers = cores();
        if (s->workers < 1)
                s->workers = 1;
        if (s->workers > WORKERS_MAX)
                s->workers = WORKERS_MAX;
        return ERR_OK;
}

enum err broker_settings_read(struct broker_settings *ret, char why[256])
{
        *ret = (struct broker_settings){0};
        TRY(conf_read(table, SETTINGS, ret, why));
        if (derive_all(ret) != ERR_OK) {
                snprintf(why, 256, "out of memory");
                return ERR_NOMEM;
        }
        return ERR_OK;
}

void broker_settings_done(struct broker_settings *s)
{
        conf_done(table, SETTINGS, s);
}

void broker_settings_help(FILE *out)
{
        conf_help(table, SETTINGS, out);
}
