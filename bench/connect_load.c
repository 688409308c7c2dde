/* SPDX-License-Identifier: Apache-2.0 */
/* connect_load: connections that come and go at a fixed rate: TCP, TLS if wanted, CONNECT, CONNACK,
 * DISCONNECT, and the server's close; every so many are cut with a reset instead. Each has a client ID of its
 * own. How long it takes counts from when a connection was due, so a server that stalls is not spared. One
 * thread. */
#include "bench/credentials.h"
#include "bench/histogram.h"
#include "bench/meter.h"
#include "bench/mqtt_packet.h"
#include "bench/peer.h"

#include <signal.h>
#include <sys/epoll.h>

enum { EVENTS_PER_TURN = 256, CLIENT_ID_SIZE = 64, ANSWER_MAX = 512, UNDER_WAY_MAX = 10000 };

enum visit_state { VISIT_FREE, VISIT_TCP, VISIT_TLS, VISIT_CONNACK, VISIT_CLOSE };

struct visit {
        enum visit_state state;
        int fd;
        uint32_t events;
        SSL *ssl; /* NULL: plain TCP */
        int64_t due_ns, begin_ns;
        uint64_t number;
        uint8_t answer[ANSWER_MAX];
        size_t answer_len;
};

struct options {
        const char *to, *source, *sni, *version, *cafile, *cert, *key, *user, *password, *access_key_file,
                *instance, *client_prefix, *protocol;
        bool tls;
        int64_t seconds, under_way_max, abrupt, timeout_s, server_pid;
        double rate;
};

struct crowd {
        struct options o;
        struct peer_address address;
        struct credentials credentials;
        SSL_CTX *ctx;
        int epoll, level;
        struct visit *visits;
        uint32_t *idle; /* numbers of free visits */
        uint32_t idle_count;
        uint64_t due, begun, accepted, abrupt, closed, failed;
        int64_t begin_ns, now_ns;
        struct histogram latency;
        char why[320]; /* of the first failure */
};

static void watch(struct crowd *c, struct visit *v, uint32_t events)
{
        struct epoll_event e = {.events = events, .data.ptr = v};

        if (v->events == events)
                return;
        if (epoll_ctl(c->epoll, v->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, v->fd, &e) != 0)
                err(EXIT_USAGE, "epoll_ctl");
        v->events = events;
}

/* `why` NULL: as it should be. */
static void end(struct crowd *c, struct visit *v, const char *why)
{
        if (why != NULL && c->failed++ == 0)
                snprintf(c->why, sizeof c->why, "connection %llu, step %d: %s", (unsigned long long)v->number,
                         (int)v->state, why);
        if (why != NULL)
                peer_reset_on_close(v->fd);
        SSL_free(v->ssl);
        if (v->fd >= 0)
                close(v->fd);
        v->state = VISIT_FREE;
        c->idle[c->idle_count++] = (uint32_t)(v - c->visits);
}

/* Bytes moved; 0: waits; -1: the visit has ended. */
static long moved(struct crowd *c, struct visit *v, long n)
{
        int saved = errno, why = v->ssl != NULL ? SSL_get_error(v->ssl, (int)n) : SSL_ERROR_SYSCALL;

        if (n > 0)
                return n;
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
                watch(c, v, why == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
                return 0;
        }
        if (v->ssl == NULL && n < 0 && (saved == EAGAIN || saved == EINTR)) {
                watch(c, v, EPOLLIN); /* what is written is far less than a socket takes */
                return 0;
        }
        if (v->state == VISIT_CLOSE) {
                c->closed++;
                end(c, v, NULL);
        } else {
                end(c, v, v->ssl != NULL ? peer_tls_why() : n == 0 ? "closed by the peer" : strerror(saved));
        }
        ERR_clear_error();
        return -1;
}

static long put(struct crowd *c, struct visit *v, const uint8_t *bytes, size_t len)
{
        errno = 0;
        return moved(c, v,
                     v->ssl != NULL ? SSL_write(v->ssl, bytes, (int)len)
                                    : send(v->fd, bytes, len, MSG_NOSIGNAL));
}

static long take(struct crowd *c, struct visit *v, uint8_t *bytes, size_t len)
{
        errno = 0;
        return moved(c, v, v->ssl != NULL ? SSL_read(v->ssl, bytes, (int)len) : recv(v->fd, bytes, len, 0));
}

static void begin(struct crowd *c, uint64_t number, int64_t due_ns)
{
        struct visit *v = &c->visits[c->idle[--c->idle_count]];

        *v = (struct visit){.state = VISIT_TCP, .number = number, .due_ns = due_ns, .begin_ns = c->now_ns};
        c->begun++;
        v->fd = peer_connect(&c->address, SOCK_NONBLOCK);
        if (v->fd < 0) {
                end(c, v, strerror(errno));
                return;
        }
        if (c->ctx != NULL)
                v->ssl = peer_tls_new(c->ctx, v->fd, c->o.sni[0] != '\0' ? c->o.sni : NULL);
        watch(c, v, EPOLLOUT);
}

static bool say_connect(struct crowd *c, struct visit *v)
{
        uint8_t packet[CLIENT_ID_SIZE + 2 * CREDENTIAL_MAX + CONNECT_ROOM];
        char id[CLIENT_ID_SIZE], password[CREDENTIAL_MAX];

        snprintf(id, sizeof id, "%s%llu", c->o.client_prefix, (unsigned long long)v->number);
        const struct connect connect = {.level = c->level,
                                        .client_id = id,
                                        .user = c->credentials.user,
                                        .password = credentials_password(&c->credentials, id, password),
                                        .keep_alive_s = 60};
        return put(c, v, packet, (size_t)(put_connect(packet, &connect) - packet)) > 0;
}

/* Every so many just break off; the others say goodbye and wait for the server's close. */
static void leave(struct crowd *c, struct visit *v)
{
        static const uint8_t disconnect[] = {PACKET_DISCONNECT << 4, 0};

        if (c->o.abrupt > 0 && v->number % (uint64_t)c->o.abrupt == 0) {
                c->abrupt++;
                peer_reset_on_close(v->fd);
                end(c, v, NULL);
                return;
        }
        if (put(c, v, disconnect, sizeof disconnect) > 0) {
                v->state = VISIT_CLOSE;
                watch(c, v, EPOLLIN);
        }
}

static void hear_connack(struct crowd *c, struct visit *v)
{
        struct connack answer = {.code = -1};
        struct packet p;
        long n = take(c, v, v->answer + v->answer_len, sizeof v->answer - v->answer_len), whole;
        char why[64];

        if (n <= 0)
                return;
        v->answer_len += (size_t)n;
        whole = packet_read(v->answer, v->answer_len, sizeof v->answer - 8, &p);
        if (whole == 0)
                return;
        if (whole < 0 || p.type != PACKET_CONNACK || !connack_read(&p, c->level, &answer) ||
            answer.code != 0) {
                snprintf(why, sizeof why, "CONNACK %d", answer.code);
                end(c, v, why);
                return;
        }
        c->accepted++;
        histogram_add(&c->latency, meter_now_ns() - v->due_ns);
        leave(c, v);
}

static void hear_close(struct crowd *c, struct visit *v)
{
        uint8_t bytes[512];

        while (take(c, v, bytes, sizeof bytes) > 0) {
        }
}

static void go_on(struct crowd *c, struct visit *v)
{
        int why = 0;
        socklen_t len = sizeof why;

        ERR_clear_error();
        errno = 0;
        if (v->state == VISIT_TCP) {
                if (getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0 || why != 0) {
                        end(c, v, strerror(why));
                        return;
                }
                v->state = VISIT_TLS;
        }
        if (v->state == VISIT_TLS) {
                if ((v->ssl != NULL && moved(c, v, SSL_do_handshake(v->ssl)) <= 0) || !say_connect(c, v))
                        return;
                v->state = VISIT_CONNACK;
                watch(c, v, EPOLLIN);
        }
        if (v->state == VISIT_CONNACK)
                hear_connack(c, v);
        else
                hear_close(c, v);
}

static void end_overdue(struct crowd *c)
{
        for (int64_t n = 0; n < c->o.under_way_max; n++) {
                struct visit *v = &c->visits[n];
                if (v->state != VISIT_FREE && c->now_ns - v->begin_ns > c->o.timeout_s * NS_PER_S)
                        end(c, v, "nothing comes any more");
        }
}

static int64_t due_ns(const struct crowd *c, uint64_t number)
{
        return c->begin_ns + (int64_t)((double)number / c->o.rate * NS_PER_S);
}

static void run(struct crowd *c)
{
        struct epoll_event events[EVENTS_PER_TURN];
        int64_t tick_ns;

        c->begin_ns = c->now_ns = meter_now_ns();
        tick_ns = c->begin_ns + NS_PER_S;
        while (c->begun < c->due || c->idle_count < (uint32_t)c->o.under_way_max) {
                while (c->begun < c->due && c->idle_count > 0 && due_ns(c, c->begun) <= c->now_ns)
                        begin(c, c->begun, due_ns(c, c->begun));
                int64_t until_ns = c->begun < c->due && c->idle_count > 0 ? due_ns(c, c->begun) : tick_ns;
                int64_t rest_ns = until_ns > c->now_ns ? until_ns - c->now_ns : 0;
                struct timespec rest = {.tv_sec = rest_ns / NS_PER_S, .tv_nsec = rest_ns % NS_PER_S};
                int count = epoll_pwait2(c->epoll, events, EVENTS_PER_TURN, &rest, NULL);
                c->now_ns = meter_now_ns();
                for (int i = 0; i < count; i++)
                        go_on(c, events[i].data.ptr);
                if (c->now_ns >= tick_ns) {
                        end_overdue(c);
                        tick_ns = c->now_ns + NS_PER_S;
                }
        }
}

static void report(const struct crowd *c, int64_t server_ns, int64_t client_ns)
{
        double seconds = (double)(c->now_ns - c->begin_ns) / NS_PER_S,
               count = c->due > 0 ? (double)c->due : 1;

        printf("{\"rate\":%.1f,\"transport\":\"%s\",\"protocol\":\"%s\",\"due\":%llu,\"accepted\":%llu,"
               "\"failed\":%"
               "llu,\"abrupt\":%llu,\"closed\":%llu,\"seconds\":%.3f,\"per_s\":%.1f",
               c->o.rate,
               c->ctx == NULL         ? "tcp"
               : c->o.cert[0] != '\0' ? "mutual TLS"
                                      : "tls",
               c->o.protocol, (unsigned long long)c->due, (unsigned long long)c->accepted,
               (unsigned long long)c->failed, (unsigned long long)c->abrupt, (unsigned long long)c->closed,
               seconds, (double)c->accepted / seconds);
        printf(",\"client_cpu_us\":%.1f,\"client_cpu_share\":%.3f", (double)client_ns / count / 1000,
               (double)client_ns / NS_PER_S / seconds);
        if (server_ns >= 0)
                printf(",\"server_cpu_us\":%.2f,\"server_cpu_share\":%.3f", (double)server_ns / count / 1000,
                       (double)server_ns / NS_PER_S / seconds);
        if (c->failed > 0) /* OpenSSL's and the system's texts need no escapes */
                printf(",\"first_failure\":\"%s\"", c->why);
        printf(",");
        histogram_print(&c->latency, stdout);
        printf("}\n");
}

static void set_up(struct crowd *c)
{
        struct options *o = &c->o;

        signal(SIGPIPE, SIG_IGN);
        meter_need_files(o->under_way_max + 64);
        c->address = peer_address(o->to);
        peer_come_from(&c->address, o->source);
        if (strcmp(o->protocol, "3.1.1") != 0 && strcmp(o->protocol, "5.0") != 0)
                errx(EXIT_USAGE, "--protocol takes 3.1.1 or 5.0");
        c->level = o->protocol[0] == '5' ? LEVEL_5_0 : LEVEL_3_1_1;
        if (strlen(o->client_prefix) > CLIENT_ID_SIZE - 24)
                errx(EXIT_USAGE, "--client-prefix is too long");
        if (o->tls)
                c->ctx = peer_tls_context(o->version, o->cafile, o->cert, o->key);
        if (o->access_key_file[0] != '\0')
                credentials_sign_with(&c->credentials, o->access_key_file, o->instance);
        else if (snprintf(c->credentials.user, CREDENTIAL_MAX, "%s", o->user) >= CREDENTIAL_MAX ||
                 snprintf(c->credentials.password, CREDENTIAL_MAX, "%s", o->password) >= CREDENTIAL_MAX)
                errx(EXIT_USAGE, "user name or password is too long");
        c->due = (uint64_t)(o->rate * (double)o->seconds + 0.5);
        c->epoll = epoll_create1(EPOLL_CLOEXEC);
        c->visits = calloc((size_t)o->under_way_max, sizeof *c->visits);
        c->idle = calloc((size_t)o->under_way_max, sizeof *c->idle);
        if (c->epoll < 0 || c->visits == NULL || c->idle == NULL)
                err(EXIT_USAGE, "connections");
        while (c->idle_count < (uint32_t)o->under_way_max) {
                c->idle[c->idle_count] = c->idle_count;
                c->idle_count++;
        }
}

int main(int argc, char **argv)
{
        static struct crowd c;
        struct options *o = &c.o;
        const struct option_row rows[] = {
                {"address", OPTION_TEXT, &o->to, 0, 0, "host:port (default 127.0.0.1:8883)"},
                {"source", OPTION_TEXT, &o->source, 0, 0,
                 "IPv4 address to come from (default: the system's choice)"},
                {"rate", OPTION_REAL, &o->rate, 1, 100000, "new connections a second (default 100)"},
                {"seconds", OPTION_INT, &o->seconds, 1, 86400, "how long (default 10)"},
                {"tls", OPTION_ON, &o->tls, 0, 0, "TLS instead of plain TCP"},
                {"tls-version", OPTION_TEXT, &o->version, 0, 0,
                 "1.2 or 1.3 (default: the highest both know)"},
                {"sni", OPTION_TEXT, &o->sni, 0, 0, "server name (default: none)"},
                {"cafile", OPTION_TEXT, &o->cafile, 0, 0,
                 "verify chain and name against it (default: no verification)"},
                {"cert", OPTION_TEXT, &o->cert, 0, 0, "client certificate chain, PEM"},
                {"key", OPTION_TEXT, &o->key, 0, 0, "its private key, PEM"},
                {"protocol", OPTION_TEXT, &o->protocol, 0, 0, "3.1.1 or 5.0 (default 3.1.1)"},
                {"user", OPTION_TEXT, &o->user, 0, 0, "user name (default: none)"},
                {"password", OPTION_TEXT, &o->password, 0, 0, "password"},
                {"access-key-file", OPTION_TEXT, &o->access_key_file, 0, 0,
                 "credentials.env: sign each client ID with it"},
                {"instance", OPTION_TEXT, &o->instance, 0, 0, "MqttInstanceId of the signed user name"},
                {"client-prefix", OPTION_TEXT, &o->client_prefix, 0, 0,
                 "client ID is this and a number (default GID_bench@@@c<pid>-)"},
                {"abrupt", OPTION_INT, &o->abrupt, 0, 1000000,
                 "every so many are reset, without DISCONNECT (default 0: none)"},
                {"under-way", OPTION_INT, &o->under_way_max, 1, UNDER_WAY_MAX,
                 "connections at a time at most; others wait and are late (default 500)"},
                {"timeout", OPTION_INT, &o->timeout_s, 1, 600,
                 "seconds that a connection may take (default 10)"},
                {"server-pid", OPTION_INT, &o->server_pid, 1, INT32_MAX,
                 "process whose CPU time is measured"},
        };
        char prefix[64];

        snprintf(prefix, sizeof prefix, "GID_bench@@@c%ld-", (long)getpid());
        c.o = (struct options){.to = "127.0.0.1:8883",
                               .source = "",
                               .sni = "",
                               .version = "",
                               .cafile = "",
                               .cert = "",
                               .key = "",
                               .user = "",
                               .password = "",
                               .access_key_file = "",
                               .instance = "",
                               .client_prefix = prefix,
                               .protocol = "3.1.1",
                               .seconds = 10,
                               .under_way_max = 500,
                               .timeout_s = 10,
                               .rate = 100};
        options_read(rows, sizeof rows / sizeof *rows,
                     "connect_load: MQTT connections that come and go at a fixed rate.\n"
                     "Exit status: 0 somebody was let in, 1 nobody was, 2 wrong use.",
                     argc, argv);
        set_up(&c);
        printf("ready\n");
        fflush(stdout);
        int64_t client_ns = meter_cpu_ns(0), server_ns = o->server_pid > 0 ? meter_cpu_ns(o->server_pid) : -1;
        run(&c);
        int64_t server_end_ns = o->server_pid > 0 ? meter_cpu_ns(o->server_pid) : -1;
        report(&c, server_ns >= 0 && server_end_ns >= 0 ? server_end_ns - server_ns : -1,
               meter_cpu_ns(0) - client_ns);
        free(c.visits);
        free(c.idle);
        close(c.epoll);
        SSL_CTX_free(c.ctx);
        return c.accepted > 0 ? EXIT_SUCCESS : EXIT_CANNOT_CONNECT;
}
