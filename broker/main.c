/* SPDX-License-Identifier: Apache-2.0 */
/* signet-broker: the order of main is the security story. What needs privilege (sockets, the master key)
 * comes first, then the process becomes nobody, then the database, then the network is served. */
#include "broker/admission.h"
#include "broker/control.h"
#include "broker/control_online.h"
#include "broker/control_publish.h"
#include "broker/device_table.h"
#include "broker/limits.h"
#include "broker/listener_plan.h"
#include "broker/metrics.h"
#include "broker/registry.h"
#include "broker/reload.h"
#include "broker/restore.h"
#include "broker/sessions_report.h"
#include "broker/settings.h"
#include "broker/status.h"
#include "broker/worker.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/control.h"
#include "common/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CONTROL_CLIENTS_MAX = 64, NODE_ID_SIZE = 320, STOP_SECONDS_MAX = 8 };

struct broker {
        struct broker_settings settings;
        struct broker_limits limits;
        struct listener_plan plan;
        struct listener listeners[LISTENERS_MAX];
        int listener_count;
        struct master_key *master;
        struct workers *workers;
        struct reload *reload;
        struct registry *registry;
        struct device_table *known;
        struct admission *admission;
        struct store *store; /* NULL: nothing is kept */
        struct retained *retained;
        struct trust *trust; /* of the last snapshot; the reload thread's */
        struct control *control;
        struct errands *errands;
        struct metrics *metrics; /* NULL: off */
        uv_loop_t loop;
        uv_async_t applied_wake;
        uv_signal_t on_term, on_int;
        atomic_llong applied; /* by the reload thread */
        char node_id[NODE_ID_SIZE];
        int64_t started_ms;
};

/* ---- start ---- */

static enum err open_listeners(struct broker *b, char why[256])
{
        TRY(listener_plan_make(&b->settings, &b->plan, why));
        for (int n = 0; n < b->plan.count; n++) {
                TRY(listener_open(&b->plan.kinds[n], b->plan.addresses[n], (int)b->settings.workers,
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

static bool has_ca(void *arg, int64_t ca_id)
{
        return trust_find(arg, ca_id) != NULL;
}

static void forget_one(void *arg, const uint8_t sha256[32])
{
        device_table_remove(arg, (const uint8_t(*)[32])sha256, 1);
}

/* A CA that is deleted takes its devices along without a mark for each. */
static void forget_removed(struct broker *b, const struct snapshot *next) /* reload thread */
{
        digest_set_each(next->removed, forget_one, b->known);
        if (b->trust != NULL && b->trust != next->trust)
                device_table_sweep(b->known, has_ca, next->trust);
        if (next->removed_unknown)
                registry_again(b->registry);
        (void)trust_unref(b->trust);
        b->trust = trust_ref(next->trust);
}

static void on_publish(void *arg, struct snapshot *next)
{
        struct broker *b = arg;

        forget_removed(b, next); /* first: one that comes back is registered anew */
        workers_publish(b->workers, next);
        metrics_publish(b->metrics, next);
}

static void on_perish(void *arg, struct perishables *next)
{
        struct broker *b = arg;

        workers_perish(b->workers, next);
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

static const struct {
        const char *op;
        const char *(*ask)(struct errands *all, const json_t *request, uint64_t ticket);
} asks[] = {{"sessions", sessions_report_ask},
            {"disconnect", sessions_report_ask},
            {"online", control_online_ask},
            {"publish", control_publish_ask}};

static const char *on_ask(void *arg, const json_t *request, uint64_t ticket)
{
        struct broker *b = arg;
        const char *op = json_string_value(json_object_get(request, "op"));

        for (size_t n = 0; n < sizeof asks / sizeof asks[0]; n++)
                if (strcmp(asks[n].op, op) == 0)
                        return asks[n].ask(b->errands, request, ticket);
        return err_text(ERR_UNSUPPORTED);
}

static void on_answer(void *arg, uint64_t ticket, json_t *answer)
{
        struct broker *b = arg;

        control_answer(b->control, ticket, answer);
}

static json_t *on_status(void *arg)
{
        struct broker *b = arg;
        const struct status_source source = {.workers = b->workers,
                                             .reload = b->reload,
                                             .known = b->known,
                                             .listeners = b->listeners,
                                             .listener_count = b->listener_count,
                                             .instance = b->settings.instance,
                                             .node_id = b->node_id,
                                             .worker_count = b->settings.workers,
                                             .started_ms = b->started_ms};

        return status_json(&source);
}

/* ---- end ---- */

static void end_workers(struct broker *b)
{
        registry_stop(b->registry); /* it answers what is asked for; the workers still have it */
        workers_stop(b->workers);
        b->store = store_close(b->store); /* commits what they have still handed over */
        b->workers = workers_free(b->workers);
        b->registry = registry_free(b->registry);
        b->retained = retained_free(b->retained);
}

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
        metrics_stop(b->metrics);
        b->reload = reload_stop(b->reload);
        end_workers(b);
        errands_close(b->errands);
        control_close(b->control);
        uv_close((uv_handle_t *)&b->applied_wake, NULL);
        uv_close((uv_handle_t *)&b->on_term, NULL);
        uv_close((uv_handle_t *)&b->on_int, NULL);
}

/* ---- in order ---- */

/* After the user has been changed to: the folder is his. */
static enum err open_store(struct broker *b, char why[256])
{
        const struct broker_settings *s = &b->settings;
        const struct store_settings store = {s->store_dir, strcmp(s->store_sync, "strict") == 0};

        if (strcmp(s->store_sync, "off") == 0)
                return ERR_OK;
        if (!store.strict && strcmp(s->store_sync, "write") != 0) {
                snprintf(why, 256, "SIGNET_STORE_SYNC: \"%.100s\" is none of write, strict, off",
                         s->store_sync);
                return ERR_SYNTAX;
        }
        return store_open(&store, &b->store, why);
}

/* A port that is taken is no reason not to serve devices. */
static enum err open_metrics(struct broker *b, char why[256])
{
        enum err e = metrics_open(b->settings.metrics_listen, &b->metrics, why);

        if (e != ERR_IO)
                return e;
        log_warn("no metrics: %s", why);
        why[0] = '\0';
        return ERR_OK;
}

static enum err open_what_needs_privilege(struct broker *b, char why[256])
{
        enum err e;

        TRY(open_listeners(b, why));
        TRY(open_metrics(b, why));
        e = master_key_open(b->settings.master_key_file, &b->master);
        if (e != ERR_OK)
                snprintf(why, 256, "master key %.180s: %s", b->settings.master_key_file, err_text(e));
        return e;
}

static enum err start_registry(struct broker *b)
{
        const struct broker_settings *s = &b->settings;
        const struct registry_settings r = {
                .database_url = s->database_url,
                .database_password_file = s->database_password_file,
                .instance = s->instance,
                .known = b->known,
                .registrations_per_second = (uint32_t)s->registrations_per_second,
                .wait_ms_max = (uint32_t)s->connect_s * 1000,
                .devices_max = (size_t)s->devices_max,
                .answer = worker_post,
        };

        return registry_start(&r, &b->registry);
}

static enum err make_what_workers_share(struct broker *b)
{
        const struct broker_settings *s = &b->settings;

        TRY(admission_new((uint32_t)s->connections_max, (uint32_t)s->per_address_max, &b->admission));
        TRY(device_table_new((size_t)s->devices_max, &b->known));
        TRY(retained_new(&(struct retained_limits){(size_t)s->retained_max, (uint64_t)s->retained_bytes_max},
                         &b->retained));
        return start_registry(b);
}

/* What was acknowledged is there again before anybody can connect. */
static enum err restore_kept(struct broker *b, char why[256])
{
        struct restored there;
        char row[256];
        enum err e;

        if (b->store == NULL)
                return ERR_OK;
        e = restore(b->store, b->workers, b->retained, &there, row);
        if (e != ERR_OK) {
                snprintf(why, 256, "%.120s: %.120s", b->settings.store_dir, row);
                return e;
        }
        log_info("store=%s sessions=%" PRIu64 " retained=%" PRIu64 " rows=%" PRIu64, b->settings.store_dir,
                 there.sessions, there.retained, there.rows);
        return store_start(b->store);
}

static enum err start_threads(struct broker *b, char why[256])
{
        const struct worker_settings w = {.count = (int)b->settings.workers,
                                          .store = b->store,
                                          .retained = b->retained,
                                          .sys_s = (uint32_t)b->settings.sys_s,
                                          .limits = &b->limits,
                                          .instance = b->settings.instance,
                                          .listeners = b->listeners,
                                          .listener_count = b->listener_count,
                                          .registry = b->registry,
                                          .known = b->known,
                                          .admission = b->admission,
                                          .credentials_max = (size_t)b->settings.credentials_max};
        const struct reload_settings r = {.database_url = b->settings.database_url,
                                          .database_password_file = b->settings.database_password_file,
                                          .instance = b->settings.instance,
                                          .node_id = b->node_id,
                                          .master = b->master,
                                          .ticket_s = (uint32_t)b->settings.ticket_s,
                                          .publish = on_publish,
                                          .perish = on_perish,
                                          .applied = on_applied,
                                          .arg = b};

        enum err e = workers_make(&w, &b->workers);

        if (e == ERR_OK)
                e = restore_kept(b, why);
        if (e == ERR_OK)
                e = workers_run(b->workers);
        if (e == ERR_OK)
                e = reload_start(&r, &b->reload);
        if (e != ERR_OK)
                end_workers(b);
        return e;
}

static enum err open_control(struct broker *b, char why[256])
{
        char path[CONTROL_PATH_MAX + 1];
        const struct control_settings c = {.path = path,
                                           .clients_max = CONTROL_CLIENTS_MAX,
                                           .reload = on_reload,
                                           .status = on_status,
                                           .ask = on_ask,
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

static void start_reports(struct broker *b)
{
        const struct metrics_source m = {.instance = b->settings.instance,
                                         .node_id = b->node_id,
                                         .workers = b->workers,
                                         .registry = b->registry,
                                         .known = b->known,
                                         .reload = b->reload,
                                         .store = b->store,
                                         .retained = b->retained};
        int count;
        struct context *const *contexts = workers_contexts(b->workers, &count);
        enum err e = metrics_start(b->metrics, &m);

        errands_attach(b->errands, contexts, count);
        if (e != ERR_OK)
                log_warn("no metrics: %s", err_text(e));
        else if (b->metrics != NULL)
                log_info("listener=metrics port=%d", metrics_port(b->metrics));
}

static void say_listener(const struct broker *b, const struct listener *l)
{
        if (l->kind->anonymous)
                log_warn("listener=%s SIGNET_ALLOW_ANONYMOUS: ANYBODY WHO REACHES PORT %d IS LET IN, "
                         "WITHOUT A USER NAME",
                         l->kind->name, l->port);
        log_info("listener=%s port=%d instance=%s", l->kind->name, l->port, b->settings.instance);
}

static enum err serve(struct broker *b, char why[256])
{
        TRY(start_loop(b));
        TRY(errands_open(&b->loop, on_answer, b, &b->errands));
        TRY(open_control(b, why));
        TRY(open_store(b, why));
        TRY(make_what_workers_share(b));
        TRY(start_threads(b, why));
        start_reports(b);
        for (int n = 0; n < b->listener_count; n++)
                say_listener(b, &b->listeners[n]);
        uv_run(&b->loop, UV_RUN_DEFAULT);
        return ERR_OK;
}

static int run(struct broker *b)
{
        char why[256] = "";
        enum err e = broker_settings_read(&b->settings, why);

        if (e == ERR_OK) {
                e = broker_limits_make(&b->settings, &b->limits, why);
        }
        if (e == ERR_OK) {
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
        listener_plan_done(&b->plan);
        b->metrics = metrics_free(b->metrics);
        b->known = device_table_free(b->known);
        b->admission = admission_free(b->admission);
        b->trust = trust_unref(b->trust);
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
