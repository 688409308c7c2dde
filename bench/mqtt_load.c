/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_load: up to 19,900 MQTT connections (3.1.1 or 5.0; TCP, TLS, or TLS with client certificates) that
 * send numbered messages to one another, and an exact account of what was lost, doubled, reordered and
 * dropped, and how long it took; beside them slow consumers, if wanted. Prints "ready" when everybody is
 * connected and subscribed, and one line of JSON at the end. With a rate, a message's latency counts from
 * when it was due, not from when it was sent. One thread. */
#include "bench/load_report.h"
#include "bench/load_session.h"
#include "bench/load_setup.h"

#include <signal.h>
#include <sys/signalfd.h>

enum { EVENTS_PER_TURN = 512, SETTLE_MS = 100 };

#define EVENT_SIGNAL UINT32_MAX
#define EVENT_STDIN  (UINT32_MAX - 1)

static void load_open_events(struct load *l)
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

        while (l->started < l->connections && l->connecting < (uint32_t)l->o.connecting_max &&
               l->failure[0] == '\0') {
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
        case CLIENT_SLOW:
                if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
                        client_lost(l, c, DROP_CLOSED, "closed by the peer");
                else
                        client_flush(l, c);
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

/* The clients that something happened to: all they have to say goes out together. Who is touched meanwhile
 * waits for the next turn. */
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
                        all_sent = all_sent &&
                                   (c->state == CLIENT_GONE || c->sent == l->due_max / l->publishers);
                if (c->state != CLIENT_READY && c->state != CLIENT_SLOW)
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
        slow_tick(l);
}

/* Looks at the time: what begins, stops or ends now. False when the run is over. */
static bool load_goes_on(struct load *l)
{
        bool complete = l->delivered == (l->sent - l->refused) * l->fan &&
                        (l->o.qos == 0 || l->completed == l->sent) && l->unreleased == 0;

        if (l->failure[0] != '\0')
                return false;
        if (l->begin_ns == 0) {
                if (l->ready == l->connections)
                        load_begin(l);
                else if (l->now_ns - l->connect_begin_ns > l->o.connect_timeout_s * NS_PER_S)
                        snprintf(l->failure, sizeof l->failure, "%u of %u connected after %lld s", l->ready,
                                 l->connections, (long long)l->o.connect_timeout_s);
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
                int64_t due_ns =
                        load_due_ns(l, (uint32_t)(l->due_next % l->publishers), l->due_next / l->publishers);
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
        if (l->o.server_pid > 0) {
                l->server_ns = meter_cpu_ns(l->o.server_pid) - l->server_ns;
                l->server_rss_end_kb = meter_rss_kb(l->o.server_pid);
        }
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
                free(c->completed_set.words);
                free(c->topic);
        }
        for (uint32_t i = 0; i < l->links_count; i++)
                free(l->links[i].seen.words);
        free(l->clients);
        free(l->links);
        free(l->dirty);
        free(l->scratch);
        devices_done(l->devices, l->connections);
        X509_free(l->ca);
        peer_names_done(&l->names);
        SSL_CTX_free(l->ctx);
}

int main(int argc, char **argv)
{
        char client_prefix[64], topic_prefix[64];
        static struct load l;

        snprintf(client_prefix, sizeof client_prefix, "GID_bench@@@%ld-", (long)getpid());
        snprintf(topic_prefix, sizeof topic_prefix, "bench/%ld", (long)getpid());
        l.o = (struct load_options){.address = "127.0.0.1:8883",
                                    .source = "",
                                    .sni = "",
                                    .version = "",
                                    .cafile = "",
                                    .cert = "",
                                    .key = "",
                                    .device_dir = "",
                                    .protocol = "3.1.1",
                                    .user = "",
                                    .password = "",
                                    .access_key_file = "",
                                    .instance = "",
                                    .client_prefix = client_prefix,
                                    .topic_prefix = topic_prefix,
                                    .pattern = "pairs",
                                    .rate = "1",
                                    .connections = 2,
                                    .connecting_max = 100,
                                    .connect_timeout_s = 120,
                                    .keep_alive_s = 60,
                                    .first_serial = 1000000,
                                    .payload_len = 64,
                                    .inflight_max = 1000,
                                    .window = 256,
                                    .batch = 1,
                                    .drain_s = 10,
                                    .hold_max_s = 3600};
        setup_options(&l.o, argc, argv);
        if (l.o.p2p && l.o.topic_prefix == topic_prefix)
                l.o.topic_prefix = "bench"; /* the parent topic of a P2P topic is one level */
        setup_load(&l);
        setup_peer(&l);
        load_open_events(&l);
        load_run(&l);
        report_print(&l);
        bool failed = l.failure[0] != '\0';
        load_done(&l);
        return failed ? EXIT_CANNOT_CONNECT : EXIT_SUCCESS;
}
