/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_load: up to 15,000 MQTT 3.1.1 connections, over TCP or TLS, that send numbered messages to one another, and an exact account of
 * what was lost, doubled, reordered and dropped, and how long it took. Prints "ready" when everybody is connected and subscribed, and
 * one line of JSON at the end. With a rate, a message's latency counts from when it was due, not from when it was sent. One thread. */
#include "bench/load_report.h"
#include "bench/load_session.h"

#include <signal.h>
#include <sys/signalfd.h>

enum { EVENTS_PER_TURN = 512, FILES_BESIDE = 64, SETTLE_MS = 100 };

#define EVENT_SIGNAL UINT32_MAX
#define EVENT_STDIN  (UINT32_MAX - 1)

static void load_init(struct load *l)
{
        l->connections = (uint32_t)l->o.connections;
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
        }
        l->run = (uint32_t)getpid() ^ (uint32_t)meter_now_ns();
        payload_init();
}

static void load_init_peer(struct load *l)
{
        meter_need_files(l->connections + FILES_BESIDE);
        l->address = peer_address(l->o.address);
        peer_names_from_text(&l->names, l->o.sni);
        if (l->o.tls)
                l->ctx = peer_tls_context(l->o.version, l->o.cafile, l->o.cert, l->o.key);
        if (l->o.access_key_file[0] != '\0')
                credentials_sign_with(&l->credentials, l->o.access_key_file, l->o.instance);
        else if (snprintf(l->credentials.user, CREDENTIAL_MAX, "%s", l->o.user) >= CREDENTIAL_MAX ||
                 snprintf(l->credentials.password, CREDENTIAL_MAX, "%s", l->o.password) >= CREDENTIAL_MAX)
                errx(EXIT_USAGE, "user name or password is too long");
        if (strlen(l->o.client_prefix) > CLIENT_NAME_MAX - 16 || strlen(l->o.topic_prefix) > 64)
                errx(EXIT_USAGE, "--client-prefix or --topic-prefix is too long");
}

static void load_init_events(struct load *l)
{
        sigset_t ends;
        struct epoll_event by_signal = {.events = EPOLLIN, .data.u32 = EVENT_SIGNAL};
        struct epoll_event by_stdin = {.events = EPOLLIN, .data.u32 = EVENT_STDIN};

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigprocmask(SIG_BLOCK, &ends, NULL);
        int fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll < 0 || fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &by_signal) != 0)
                err(EXIT_USAGE, "epoll");
        /* EPERM: a file or /dev/null, which never "closes"; only signals and --hold-max end the run then. */
        if (l->o.hold && epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &by_stdin) != 0 && errno != EPERM)
                err(EXIT_USAGE, "standard input");
}

static void load_start_clients(struct load *l)
{
        double elapsed_s = (double)(l->now_ns - l->connect_begin_ns) / NS_PER_S;

        while (l->started < l->connections && l->connecting < (uint32_t)l->o.connecting_max && l->failure[0] == '\0') {
                if (l->o.connect_rate > 0 && l->started > elapsed_s * (double)l->o.connect_rate)
                        return;
                if (!client_begin(l, &l->clients[l->started]))
                        return;
                l->started++;
                l->connecting++;
        }
}

static void load_event(struct load *l, struct client *c, uint32_t events)
{
        switch (c->state) {
        case CLIENT_NEW:
        case CLIENT_GONE:
                return;
        case CLIENT_CONNECTING:
                if (!client_connected(l, c))
                        return;
                if (c->ssl == NULL) {
                        session_connect(l, c);
                        return;
                }
                c->state = CLIENT_HANDSHAKE;
                /* fall through */
        case CLIENT_HANDSHAKE:
                if (client_shake(l, c))
                        session_connect(l, c);
                return;
        default:
                break;
        }
        if ((events & EPOLLOUT) != 0) {
                client_flush(l, c);
                load_touch(l, c);
        }
        if (c->state != CLIENT_GONE && ((events & ~(uint32_t)EPOLLOUT) != 0 || c->ssl != NULL))
                session_read(l, c);
}

static void load_stop(struct load *l)
{
        if (l->stopping)
                return;
        l->stopping = true;
        l->stop_ns = meter_now_ns();
        for (uint32_t i = 0; i < l->publishers; i++)
                l->unsent += l->as_fast_as_possible ? 0 : l->clients[i].owed;
        if (l->begin_ns == 0 && l->failure[0] == '\0')
                snprintf(l->failure, sizeof l->failure, "stopped before everybody was connected");
}

/* A signal or the end of standard input. */
static void load_asked_to_stop(struct load *l, uint32_t event)
{
        char bytes[256];

        if (event == EVENT_STDIN) {
                ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
                if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
                        return;
                (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        }
        load_stop(l);
}

/* The clients that something happened to: all they have to say goes out together. Who is touched meanwhile waits for the next turn. */
static void load_work(struct load *l)
{
        uint32_t count = l->dirty_count;

        for (uint32_t i = 0; i < count; i++) {
                struct client *c = &l->clients[l->dirty[i]];
                c->dirty = false;
                if (c->state != CLIENT_GONE && c->read_again)
                        session_read(l, c);
                if (c->state != CLIENT_GONE)
                        session_pump(l, c);
        }
        memmove(l->dirty, l->dirty + count, (l->dirty_count - count) * sizeof *l->dirty);
        l->dirty_count -= count;
}

/* Messages that are due by now become owed by their publishers. */
static void load_fall_due(struct load *l)
{
        if (l->step_ns == 0 || l->stopping)
                return;
        while (l->due_next < l->due_max) {
                uint32_t publisher = (uint32_t)(l->due_next % l->publishers);
                if (load_due_ns(l, publisher, l->due_next / l->publishers) > l->now_ns)
                        return;
                struct client *c = &l->clients[publisher];
                if (c->state != CLIENT_GONE) {
                        c->owed++;
                        load_touch(l, c);
                }
                l->due_next++;
        }
}

static void load_begin(struct load *l)
{
        printf("ready\n");
        fflush(stdout);
        if (l->o.server_pid > 0) {
                int64_t now_ns = meter_cpu_ns(l->o.server_pid);
                l->server_connect_ns = now_ns - l->server_ns;
                l->server_ns = now_ns;
                l->server_rss_ready_kb = meter_rss_kb(l->o.server_pid);
        }
        l->cpu_ns = meter_cpu_ns(0);
        l->begin_ns = meter_now_ns();
        if (l->as_fast_as_possible)
                for (uint32_t i = 0; i < l->publishers; i++)
                        load_touch(l, &l->clients[i]);
}

/* Once a second: keep-alive, and windows that wait for messages that will not come. */
static void load_tick(struct load *l)
{
        bool all_sent = true;

        for (uint32_t i = 0; i < l->connections; i++) {
                struct client *c = &l->clients[i];
                if (i < l->publishers)
                        all_sent = all_sent && (c->state == CLIENT_GONE || c->sent == l->due_max / l->publishers);
                if (c->state != CLIENT_READY)
                        continue;
                if (l->o.keep_alive_s > 0 && l->now_ns - c->written_ns > l->o.keep_alive_s * NS_PER_S / 2) {
                        client_wrote_to(c, put_header(client_room(c, 8), PACKET_PINGREQ, 0, 0));
                        load_touch(l, c);
                }
                if (l->as_fast_as_possible && !l->stopping && c->outstanding > 0 &&
                    c->outstanding + l->fan > l->o.window * l->fan && c->delivered == c->delivered_at_tick) {
                        c->outstanding = 0;
                        l->stalls++;
                        load_touch(l, c);
                }
                c->delivered_at_tick = c->delivered;
        }
        if (l->begin_ns != 0 && all_sent)
                load_stop(l);
}

/* Looks at the time: what begins, stops or ends now. False when the run is over. */
static bool load_goes_on(struct load *l)
{
        bool complete = l->delivered == l->sent * l->fan && (l->o.qos == 0 || l->acked == l->sent);

        if (l->failure[0] != '\0')
                return false;
        if (l->begin_ns == 0) {
                if (l->ready == l->connections)
                        load_begin(l);
                else if (l->now_ns - l->connect_begin_ns > l->o.connect_timeout_s * NS_PER_S)
                        snprintf(l->failure, sizeof l->failure, "%u of %u connected after %lld s", l->ready, l->connections,
                                 (long long)l->o.connect_timeout_s);
                return true;
        }
        if (l->now_ns - l->begin_ns > l->o.duration_s * NS_PER_S || l->sent == l->due_max || l->alive == 0)
                load_stop(l);
        if (!l->stopping)
                return true;
        if (complete && l->end_ns == 0) {
                l->end_ns = l->now_ns; /* a little longer, for what must not come any more */
                return true;
        }
        if (l->end_ns != 0)
                return l->now_ns - l->end_ns < SETTLE_MS * INT64_C(1000000);
        return l->alive > 0 && l->now_ns - l->stop_ns < l->o.drain_s * NS_PER_S;
}

/* How long nothing is due, in nanoseconds. */
static int64_t load_rest_ns(const struct load *l, int64_t tick_ns)
{
        int64_t until = tick_ns;

        if (l->dirty_count > 0)
                return 0;
        if (l->begin_ns == 0 && l->o.connect_rate > 0)
                until = l->now_ns + 1000000;
        if (l->stopping)
                until = l->now_ns + 10000000;
        if (l->begin_ns != 0 && l->step_ns > 0 && l->due_next < l->due_max && !l->stopping) {
                int64_t due_ns = load_due_ns(l, (uint32_t)(l->due_next % l->publishers), l->due_next / l->publishers);
                until = due_ns < until ? due_ns : until;
        }
        return until > l->now_ns ? until - l->now_ns : 0;
}

static void load_wait(struct load *l, int64_t rest_ns)
{
        struct epoll_event events[EVENTS_PER_TURN];
        struct timespec rest = {.tv_sec = rest_ns / NS_PER_S, .tv_nsec = rest_ns % NS_PER_S};
        int count = epoll_pwait2(l->epoll, events, EVENTS_PER_TURN, &rest, NULL);

        if (count < 0 && errno != EINTR)
                err(EXIT_USAGE, "epoll_pwait2 (Linux 5.11 or later)");
        l->now_ns = meter_now_ns();
        for (int i = 0; i < count; i++) {
                if (events[i].data.u32 < l->connections)
                        load_event(l, &l->clients[events[i].data.u32], events[i].events);
                else
                        load_asked_to_stop(l, events[i].data.u32);
        }
}

static void load_run(struct load *l)
{
        int64_t tick_ns;

        if (l->o.server_pid > 0) {
                l->server_ns = meter_cpu_ns(l->o.server_pid);
                l->server_rss_before_kb = meter_rss_kb(l->o.server_pid);
        }
        l->connect_begin_ns = l->now_ns = meter_now_ns();
        tick_ns = l->now_ns + NS_PER_S;
        while (load_goes_on(l)) {
                if (l->begin_ns == 0)
                        load_start_clients(l);
                else
                        load_fall_due(l);
                load_work(l);
                load_wait(l, load_rest_ns(l, tick_ns));
                if (l->now_ns >= tick_ns) {
                        load_tick(l);
                        tick_ns = l->now_ns + NS_PER_S;
                }
        }
        if (l->end_ns == 0)
                l->end_ns = l->now_ns;
        if (l->o.server_pid > 0)
                l->server_ns = meter_cpu_ns(l->o.server_pid) - l->server_ns;
        l->cpu_ns = meter_cpu_ns(0) - l->cpu_ns;
}

/* Says goodbye and frees everything. */
static void load_done(struct load *l)
{
        for (uint32_t i = 0; i < l->connections; i++) {
                struct client *c = &l->clients[i];
                if (c->state == CLIENT_READY && c->out.at == c->out.len) {
                        client_wrote_to(c, put_header(client_room(c, 8), PACKET_DISCONNECT, 0, 0));
                        client_flush(l, c);
                }
                if (c->state == CLIENT_READY && c->ssl != NULL)
                        (void)SSL_shutdown(c->ssl);
                if (c->state != CLIENT_GONE)
                        client_close(l, c);
                free(c->acked_set.words);
        }
        for (uint32_t i = 0; i < l->links_count; i++)
                free(l->links[i].seen.words);
        free(l->clients);
        free(l->links);
        free(l->dirty);
        free(l->scratch);
        peer_names_done(&l->names);
        SSL_CTX_free(l->ctx);
}

static void read_options(struct load_options *o, int argc, char **argv)
{
        const struct option_row rows[] = {
                {"address", OPTION_TEXT, &o->address, 0, 0, "host:port (default 127.0.0.1:8883)"},
                {"tls", OPTION_ON, &o->tls, 0, 0, "TLS instead of plain TCP"},
                {"tls-version", OPTION_TEXT, &o->version, 0, 0, "1.2 or 1.3 (default: the highest both know)"},
                {"sni", OPTION_TEXT, &o->sni, 0, 0, "server names by comma, spread over the connections"},
                {"cafile", OPTION_TEXT, &o->cafile, 0, 0, "verify chain and name against it (default: no verification)"},
                {"cert", OPTION_TEXT, &o->cert, 0, 0, "client certificate chain, PEM"},
                {"key", OPTION_TEXT, &o->key, 0, 0, "its private key, PEM"},
                {"user", OPTION_TEXT, &o->user, 0, 0, "user name (default: none)"},
                {"password", OPTION_TEXT, &o->password, 0, 0, "password"},
                {"access-key-file", OPTION_TEXT, &o->access_key_file, 0, 0, "credentials.env: sign each client ID with it"},
                {"instance", OPTION_TEXT, &o->instance, 0, 0, "MqttInstanceId of the signed user name"},
                {"connections", OPTION_INT, &o->connections, 1, CONNECTIONS_MAX, "how many (default 2; at most 15000)"},
                {"connect-rate", OPTION_INT, &o->connect_rate, 0, 1000000, "new ones a second (default 0: no limit)"},
                {"connecting", OPTION_INT, &o->connecting_max, 1, 1000, "at a time (default 100)"},
                {"connect-timeout", OPTION_INT, &o->connect_timeout_s, 1, 3600, "seconds for all of them (default 120)"},
                {"client-prefix", OPTION_TEXT, &o->client_prefix, 0, 0, "client ID is this and a number (default GID_bench@@@<pid>-)"},
                {"topic-prefix", OPTION_TEXT, &o->topic_prefix, 0, 0, "topic is this/number (default bench/<pid>)"},
                {"p2p", OPTION_ON, &o->p2p, 0, 0, "topics <prefix>/p2p/<client ID>, nobody subscribes"},
                {"pattern", OPTION_TEXT, &o->pattern, 0, 0, "pairs (i to i+N/2, everybody both), self, one-way, fan-in, fan-out"},
                {"keep-alive", OPTION_INT, &o->keep_alive_s, 0, 65535, "seconds (default 60)"},
                {"qos", OPTION_INT, &o->qos, 0, 1, "0 or 1 (default 0)"},
                {"payload", OPTION_INT, &o->payload_len, PAYLOAD_MIN, PAYLOAD_MAX, "bytes (default 64)"},
                {"rate", OPTION_TEXT, &o->rate, 0, 0, "messages a second of each publisher, or max (default 1)"},
                {"window", OPTION_INT, &o->window, 1, 65000, "--rate max: messages under way per publisher (default 256)"},
                {"inflight", OPTION_INT, &o->inflight_max, 1, 65000, "QoS 1 messages without PUBACK (default 1000)"},
                {"duration", OPTION_INT, &o->duration_s, 1, 86400, "seconds (default 10; 600 with --count)"},
                {"count", OPTION_INT, &o->count, 1, 1 << 30, "messages of each publisher"},
                {"hold", OPTION_ON, &o->hold, 0, 0, "run until SIGTERM, SIGINT or the end of standard input"},
                {"hold-max", OPTION_INT, &o->hold_max_s, 1, 86400, "--hold: seconds at most (default 3600)"},
                {"drain", OPTION_INT, &o->drain_s, 0, 600, "seconds to wait for outstanding messages (default 10)"},
                {"server-pid", OPTION_INT, &o->server_pid, 1, INT32_MAX, "process whose CPU time and memory are measured"},
        };

        options_read(rows, sizeof rows / sizeof *rows,
                     "mqtt_load: MQTT 3.1.1 connections that exchange numbered messages.\n"
                     "Exit status: 0 measured (also with losses), 1 could not connect, 2 wrong use.", argc, argv);
}

int main(int argc, char **argv)
{
        char client_prefix[64], topic_prefix[64];
        static struct load l;

        snprintf(client_prefix, sizeof client_prefix, "GID_bench@@@%ld-", (long)getpid());
        snprintf(topic_prefix, sizeof topic_prefix, "bench/%ld", (long)getpid());
        l.o = (struct load_options){
                .address = "127.0.0.1:8883", .sni = "", .version = "", .cafile = "", .cert = "", .key = "", .user = "",
                .password = "", .access_key_file = "", .instance = "", .client_prefix = client_prefix,
                .topic_prefix = topic_prefix, .pattern = "pairs", .rate = "1", .connections = 2, .connecting_max = 100,
                .connect_timeout_s = 120, .keep_alive_s = 60, .payload_len = 64, .inflight_max = 1000, .window = 256,
                .drain_s = 10, .hold_max_s = 3600};
        read_options(&l.o, argc, argv);
        load_init(&l);
        load_init_peer(&l);
        load_init_events(&l);
        load_run(&l);
        report_print(&l);
        bool failed = l.failure[0] != '\0';
        load_done(&l);
        return failed ? EXIT_CANNOT_CONNECT : EXIT_SUCCESS;
}
