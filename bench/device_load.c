/* SPDX-License-Identifier: Apache-2.0 */
/* device_load: many devices, each with a certificate of its own, that connect as fast as the server lets
 * them: TCP, a full TLS handshake with the device certificate (its CA's behind it), CONNECT, CONNACK,
 * DISCONNECT. The certificates are made in this process before the clock starts. Each round is all devices
 * once, and one line of JSON: in the first they are new, in the later ones known. */
#include "bench/device_certificate.h"
#include "bench/histogram.h"
#include "bench/meter.h"
#include "bench/mqtt_packet.h"
#include "bench/peer.h"

#include <signal.h>
#include <sys/epoll.h>

enum { EVENTS_PER_TURN = 256, CLIENT_ID_SIZE = 64, CONNACK_CODES = 6 };

enum visit_state { VISIT_FREE, VISIT_TCP, VISIT_TLS, VISIT_CONNACK };

struct visit {
        enum visit_state state;
        int fd;
        uint32_t events;
        SSL *ssl;
        int64_t begin_ns;
        uint8_t answer[4];
        size_t answer_len;
};

struct storm {
        struct peer_address address;
        SSL_CTX *ctx;
        const char *name;
        X509 *ca;
        struct device *devices;
        struct visit *visits;
        int epoll;
        int64_t count;             /* all */
        int64_t first, last, next; /* those of this round, `last` is behind them */
        int64_t done, codes[CONNACK_CODES], failed;
        struct histogram latency;
        char why[320];
};

static void watch(struct storm *s, struct visit *v, uint32_t events)
{
        struct epoll_event e = {.events = events, .data.ptr = v};

        if (v->events == events)
                return;
        if (epoll_ctl(s->epoll, v->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, v->fd, &e) != 0)
                err(EXIT_USAGE, "epoll_ctl");
        v->events = events;
}

static void begin(struct storm *s, struct visit *v)
{
        struct device *d;

        if (s->next >= s->last)
                return;
        d = &s->devices[s->next++];
        *v = (struct visit){.state = VISIT_TCP, .begin_ns = meter_now_ns()};
        v->fd = peer_connect(&s->address, SOCK_NONBLOCK);
        if (v->fd < 0)
                err(EXIT_CANNOT_CONNECT, "connect");
        v->ssl = peer_tls_new(s->ctx, v->fd, s->name);
        device_use(d, s->ca, v->ssl);
        watch(s, v, EPOLLOUT);
}

static void end(struct storm *s, struct visit *v, const char *why)
{
        if (why != NULL && s->failed++ == 0)
                snprintf(s->why, sizeof s->why, "%s", why);
        s->done++;
        peer_reset_on_close(v->fd);
        SSL_free(v->ssl);
        close(v->fd);
        v->state = VISIT_FREE;
        begin(s, v);
}

/* True when `n` is a result to go on with; else the visit waits or has ended. */
static bool goes_on(struct storm *s, struct visit *v, int n)
{
        int why = SSL_get_error(v->ssl, n);

        if (n > 0)
                return true;
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
                watch(s, v, why == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
        else
                end(s, v, peer_tls_why());
        return false;
}

static bool say_connect(struct storm *s, struct visit *v)
{
        static int64_t number;
        char client_id[CLIENT_ID_SIZE];
        uint8_t packet[CLIENT_ID_SIZE + CONNECT_ROOM];
        const struct connect connect = {.level = LEVEL_3_1_1, .client_id = client_id, .keep_alive_s = 60};

        snprintf(client_id, sizeof client_id, "GID_bench@@@%lld", (long long)number++);
        int len = (int)(put_connect(packet, &connect) - packet);
        return goes_on(s, v, SSL_write(v->ssl, packet, len));
}

static void hear_connack(struct storm *s, struct visit *v)
{
        static const uint8_t disconnect[] = {PACKET_DISCONNECT << 4, 0};
        int n = SSL_read(v->ssl, v->answer + v->answer_len, (int)(sizeof v->answer - v->answer_len));

        if (!goes_on(s, v, n))
                return;
        v->answer_len += (size_t)n;
        if (v->answer_len < sizeof v->answer)
                return;
        if (v->answer[0] != PACKET_CONNACK << 4 || v->answer[3] >= CONNACK_CODES) {
                end(s, v, "no CONNACK");
                return;
        }
        s->codes[v->answer[3]]++;
        histogram_add(&s->latency, meter_now_ns() - v->begin_ns);
        (void)SSL_write(v->ssl, disconnect, sizeof disconnect);
        end(s, v, NULL);
}

static void go_on(struct storm *s, struct visit *v)
{
        ERR_clear_error();
        if (v->state == VISIT_TCP)
                v->state = VISIT_TLS;
        if (v->state == VISIT_TLS) {
                if (!goes_on(s, v, SSL_do_handshake(v->ssl)) || !say_connect(s, v))
                        return;
                v->state = VISIT_CONNACK;
        }
        hear_connack(s, v);
}

static void run_round(struct storm *s, int64_t parallel)
{
        struct epoll_event events[EVENTS_PER_TURN];

        s->next = s->first;
        s->done = s->failed = 0;
        memset(s->codes, 0, sizeof s->codes);
        s->latency = (struct histogram){.count = 0};
        for (int64_t n = 0; n < parallel; n++)
                begin(s, &s->visits[n]);
        while (s->done < s->last - s->first) {
                int count = epoll_wait(s->epoll, events, EVENTS_PER_TURN, 30000);

                if (count <= 0)
                        errx(EXIT_CANNOT_CONNECT, "nothing happens any more: %lld of %lld done",
                             (long long)s->done, (long long)(s->last - s->first));
                for (int i = 0; i < count; i++)
                        go_on(s, events[i].data.ptr);
        }
}

static void report(const struct storm *s, int64_t round, int64_t elapsed_ns, int64_t server_ns,
                   int64_t client_ns)
{
        double seconds = (double)elapsed_ns / NS_PER_S, count = (double)(s->last - s->first);

        printf("{\"round\":%lld,\"devices\":%lld,\"accepted\":%lld,\"failed\":%lld,\"seconds\":%.3f,\"per_"
               "s\":%.1f,"
               "\"client_cpu_us\":%.1f",
               (long long)round, (long long)(s->last - s->first), (long long)s->codes[0],
               (long long)s->failed, seconds, count / seconds, (double)client_ns / count / 1000);
        for (int code = 1; code < CONNACK_CODES; code++)
                if (s->codes[code] > 0)
                        printf(",\"connack_%d\":%lld", code, (long long)s->codes[code]);
        if (server_ns >= 0)
                printf(",\"server_cpu_us\":%.2f,\"server_cpu_share\":%.3f", (double)server_ns / count / 1000,
                       (double)server_ns / (double)elapsed_ns);
        if (s->failed > 0) /* OpenSSL's and the system's texts need no escapes */
                printf(",\"first_failure\":\"%s\"", s->why);
        printf(",");
        histogram_print(&s->latency, stdout);
        printf("}\n");
        fflush(stdout);
}

int main(int argc, char **argv)
{
        const char *to = "127.0.0.1:8883", *sni = "", *folder = "", *version = "1.3";
        int64_t parallel = 64, rounds = 2, parts = 1, server_pid = 0, first_serial = 1000000;
        struct storm s = {.count = 1000};
        const struct option_row rows[] = {
                {"address", OPTION_TEXT, &to, 0, 0, "host:port (default 127.0.0.1:8883)"},
                {"sni", OPTION_TEXT, &sni, 0, 0, "server name (default: none)"},
                {"dir", OPTION_TEXT, &folder, 0, 0, "where ca.crt and ca.key are (make_certs)"},
                {"devices", OPTION_INT, &s.count, 1, 1000000, "how many (default 1000)"},
                {"first-serial", OPTION_INT, &first_serial, 1, INT64_MAX / 2,
                 "serial number of the first certificate"},
                {"parallel", OPTION_INT, &parallel, 1, 20000, "that connect at a time (default 64)"},
                {"rounds", OPTION_INT, &rounds, 1, 1000, "times that each connects (default 2)"},
                {"parts", OPTION_INT, &parts, 1, 10000,
                 "part after part, each with all its rounds (default 1)"},
                {"tls", OPTION_TEXT, &version, 0, 0, "1.2 or 1.3 (default 1.3)"},
                {"server-pid", OPTION_INT, &server_pid, 1, INT32_MAX, "process whose CPU time is measured"},
        };

        options_read(rows, sizeof rows / sizeof *rows,
                     "device_load: devices with certificates of their own that connect.", argc, argv);
        signal(SIGPIPE, SIG_IGN);
        meter_need_files((uint64_t)parallel + 64);
        s.address = peer_address(to);
        s.name = sni[0] != '\0' ? sni : NULL;
        s.ctx = peer_tls_context(version, "", "", "");
        s.ca = ca_read(folder, "ca.crt");
        s.epoll = epoll_create1(EPOLL_CLOEXEC);
        s.visits = calloc((size_t)parallel, sizeof *s.visits);
        if (s.epoll < 0 || s.visits == NULL)
                err(EXIT_USAGE, "epoll");
        EVP_PKEY *ca_key = ca_key_read(folder, "ca.key");
        s.devices = devices_make(s.count, first_serial, s.ca, ca_key);
        EVP_PKEY_free(ca_key);
        printf("ready\n");
        fflush(stdout);
        for (int64_t n = 0; n < parts * rounds; n++) {
                int64_t begin_ns = meter_now_ns(), client_ns = meter_cpu_ns(0);
                int64_t server_ns = server_pid > 0 ? meter_cpu_ns(server_pid) : -1;

                s.first = s.count * (n / rounds) / parts;
                s.last = s.count * (n / rounds + 1) / parts;
                run_round(&s, parallel);
                int64_t server_end_ns = server_pid > 0 ? meter_cpu_ns(server_pid) : -1;
                report(&s, n % rounds, meter_now_ns() - begin_ns,
                       server_ns >= 0 ? server_end_ns - server_ns : -1, meter_cpu_ns(0) - client_ns);
        }
        devices_done(s.devices, s.count);
        free(s.visits);
        X509_free(s.ca);
        SSL_CTX_free(s.ctx);
        close(s.epoll);
        return EXIT_SUCCESS;
}
