/* SPDX-License-Identifier: Apache-2.0 */
/* signet-broker: the order of main is the security story. What needs privilege (sockets, the master key)
 * comes first, then the process becomes nobody, then the database, then the network is served. */
#include "broker/control.h"
#include "broker/reload.h"
#include "broker/settings.h"
#include "broker/worker.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/control.h"
#include "common/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CONTROL_CLIENTS_MAX = 64, NODE_ID_SIZE = 320, STOP_SECONDS_MAX = 8 };

struct broker {
        struct broker_settings settings;
        struct broker_limits limits;
        struct listener listeners[LISTENERS_MAX];
        int listener_count;
        struct master_key *master;
        struct workers *workers;
        struct reload *reload;
        struct control *control;
        uv_loop_t loop;
        uv_async_t applied_wake;
        uv_signal_t on_term, on_int;
        atomic_llong applied; /* by the reload thread */
        char node_id[NODE_ID_SIZE];
        int64_t started_ms;
};

/* ---- start ---- */

static void set_limits(struct broker *b)
{
        const struct broker_settings *s = &b->settings;
        uint32_t workers = (uint32_t)s->workers;

        b->limits = (struct broker_limits){
                .packet_max = (uint32_t)s->packet_max,
                .connections_max = (uint32_t)s->connections_max,
                .handshakes_per_turn = (uint32_t)s->handshakes_per_turn,
                .accepts_per_turn = (uint32_t)s->accepts_per_turn,
                .outbox_bytes_max = (uint32_t)s->outbox_bytes_max,
                .mailbox_bytes_max = (uint32_t)s->mailbox_bytes_max,
                .handshake_ms = (uint32_t)s->handshake_s * 1000,
                .connect_ms = (uint32_t)s->connect_s * 1000,
                .sessions = {.inflight_max = (uint16_t)s->inflight_max,
                             .queue_max = (uint32_t)s->queue_max,
                             .queue_bytes_max = (uint64_t)s->queue_bytes_max,
                             .subscriptions_max = (uint32_t)s->subscriptions_max,
                             .sessions_max = ((uint32_t)s->sessions_max + workers - 1) / workers},
        };
}

static enum err open_listeners(struct broker *b, char why[256])
{
        const struct {
                const char *name, *address;
                bool tls;
        } wanted[] = {{"mqtts", b->settings.mqtts_listen, true}, {"mqtt", b->settings.mqtt_listen, false}};

        for (size_t n = 0; n < sizeof wanted / sizeof wanted[0]; n++) {
                if (*wanted[n].address == '\0')
                        continue;
                TRY(listener_open(wanted[n].name, wanted[n].tls, wanted[n].address, (int)b->settings.workers,
                                  &b->listeners[b->listener_count], why));
                b->listener_count++;
        }
        return ERR_OK;
}

static void raise_descriptor_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static void name_node(struct broker *b)
{
        char host[256] = "localhost";

        (void)gethostname(host, sizeof host - 1);
        if (*b->settings.node_id != '\0')
                snprintf(b->node_id, sizeof b->node_id, "%s", b->settings.node_id);
        else
                snprintf(b->node_id, sizeof b->node_id, "%s:%d", host,
                         b->listener_count > 0 ? b->listeners[0].port : 0);
}

/* ---- what the threads tell each other ---- */

static void on_publish(void *arg, struct snapshot *next)
{
        struct broker *b = arg;

        workers_publish(b->workers, next);
}

static void on_applied(void *arg, int64_t revision) /* reload thread */
{
        struct broker *b = arg;

        atomic_store(&b->applied, revision);
        uv_async_send(&b->applied_wake);
}

static void tell_control(uv_async_t *wake) /* main loop */
{
        struct broker *b = wake->data;

        control_applied(b->control, atomic_load(&b->applied));
}

static void on_reload(void *arg, int64_t revision)
{
        struct broker *b = arg;

        reload_wanted(b->reload, revision);
}

static json_t *listeners_json(const struct broker *b)
{
        json_t *list = json_array();

        for (int n = 0; n < b->listener_count; n++)
                json_array_append_new(list, json_pack("{s:s, s:i}", "name", b->listeners[n].name, "port",
                                                      b->listeners[n].port));
        return list;
}

static json_t *on_status(void *arg)
{
        struct broker *b = arg;
        uint64_t sums[COUNTERS];
        json_t *status = reload_status(b->reload), *counters = json_object();

        if (status == NULL)
                return NULL;
        workers_counters(b->workers, sums);
        for (int n = 0; n < COUNTERS; n++)
                json_object_set_new(counters, worker_counter_name(n), json_integer((json_int_t)sums[n]));
        json_object_set_new(status, "counters", counters);
        json_object_set_new(status, "instance", json_string(b->settings.instance));
        json_object_set_new(status, "node", json_string(b->node_id));
        json_object_set_new(status, "version", json_string(SIGNET_VERSION));
        json_object_set_new(status, "workers", json_integer(b->settings.workers));
        json_object_set_new(status, "listeners", listeners_json(b));
        json_object_set_new(status, "uptimeMs", json_integer(clock_ms() - b->started_ms));
        return status;
}

/* ---- end ---- */

/* A database that neither answers nor ends the connection keeps the reload thread waiting. */
static void too_late(int number)
{
        static const char text[] = "signet-broker: stopping took too long\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

        (void)number;
        (void)ignored;
        _exit(1);
}

static void on_signal(uv_signal_t *handle, int number)
{
        struct broker *b = handle->data;

        log_info("signal=%d stopping", number);
        signal(SIGALRM, too_late);
        alarm(STOP_SECONDS_MAX);
        b->reload = reload_stop(b->reload);
        b->workers = workers_stop(b->workers);
        control_close(b->control);
        uv_close((uv_handle_t *)&b->applied_wake, NULL);
        uv_close((uv_handle_t *)&b->on_term, NULL);
        uv_close((uv_handle_t *)&b->on_int, NULL);
}

/* ---- in order ---- */

static enum err open_what_needs_privilege(struct broker *b, char why[256])
{
        enum err e;

        TRY(open_listeners(b, why));
        e = master_key_open(b->settings.master_key_file, &b->master);
        if (e != ERR_OK)
                snprintf(why, 256, "master key %.180s: %s", b->settings.master_key_file, err_text(e));
        return e;
}

static enum err start_threads(struct broker *b)
{
        const struct worker_settings w = {.count = (int)b->settings.workers,
                                          .limits = &b->limits,
                                          .instance = b->settings.instance,
                                          .listeners = b->listeners,
                                          .listener_count = b->listener_count,
                                          .credentials_max = (size_t)b->settings.credentials_max};
        const struct reload_settings r = {.database_url = b->settings.database_url,
                                          .database_password_file = b->settings.database_password_file,
                                          .instance = b->settings.instance,
                                          .node_id = b->node_id,
                                          .master = b->master,
                                          .publish = on_publish,
                                          .applied = on_applied,
                                          .arg = b};

        enum err e;

        TRY(workers_start(&w, &b->workers));
        e = reload_start(&r, &b->reload);
        if (e != ERR_OK)
                b->workers = workers_stop(b->workers);
        return e;
}

static enum err open_control(struct broker *b, char why[256])
{
        char path[CONTROL_PATH_MAX + 1];
        const struct control_settings c = {.path = path,
                                           .clients_max = CONTROL_CLIENTS_MAX,
                                           .reload = on_reload,
                                           .status = on_status,
                                           .arg = b};
        enum err e = control_path(b->settings.run_dir, b->settings.instance, path);

        if (e == ERR_OK)
                e = control_open(&b->loop, &c, &b->control);
        if (e != ERR_OK)
                snprintf(why, 256, "control socket in %.180s: %s", b->settings.run_dir, err_text(e));
        return e;
}

static enum err start_loop(struct broker *b)
{
        if (uv_loop_init(&b->loop) != 0 || uv_async_init(&b->loop, &b->applied_wake, tell_control) != 0 ||
            uv_signal_init(&b->loop, &b->on_term) != 0 || uv_signal_init(&b->loop, &b->on_int) != 0)
                return ERR_NOMEM;
        b->applied_wake.data = b->on_term.data = b->on_int.data = b;
        uv_signal_start(&b->on_term, on_signal, SIGTERM);
        uv_signal_start(&b->on_int, on_signal, SIGINT);
        return ERR_OK;
}

static enum err serve(struct broker *b, char why[256])
{
        TRY(start_loop(b));
        TRY(open_control(b, why));
        TRY(start_threads(b));
        for (int n = 0; n < b->listener_count; n++)
                log_info("listener=%s port=%d instance=%s", b->listeners[n].name, b->listeners[n].port,
                         b->settings.instance);
        uv_run(&b->loop, UV_RUN_DEFAULT);
        return ERR_OK;
}

static int run(struct broker *b)
{
        char why[256] = "";
        enum err e = broker_settings_read(&b->settings, why);

        if (e == ERR_OK) {
                set_limits(b);
                raise_descriptor_limit();
                e = open_what_needs_privilege(b, why);
        }
        if (e == ERR_OK) {
                name_node(b);
                e = conf_drop_privileges(b->settings.user);
                if (e != ERR_OK)
                        snprintf(why, sizeof why, "cannot become %.200s: %s", b->settings.user, err_text(e));
        }
        crypt_harden_process(); /* again: changing the user made the process dumpable */
        if (e == ERR_OK)
                e = serve(b, why);
        if (e != ERR_OK)
                log_error("cannot start: %s", *why != '\0' ? why : err_text(e));
        for (int n = 0; n < b->listener_count; n++)
                listener_close(&b->listeners[n]);
        b->master = master_key_close(b->master);
        broker_settings_done(&b->settings);
        return e == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
        static struct broker b;

        crypt_harden_process();
        signal(SIGPIPE, SIG_IGN);
        log_init("signet-broker", LOG_INFO_LEVEL);
        b.started_ms = clock_ms();
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                puts("signet-broker " SIGNET_VERSION);
                return 0;
        }
        if (argc > 1) {
                printf("usage: signet-broker [--help | --version]\nMQTT broker of one instance. Settings, "
                       "from the "
                       "environment:\n\n");
                broker_settings_help(stdout);
                return strcmp(argv[1], "--help") == 0 ? 0 : 2;
        }
        return run(&b);
}
