/* SPDX-License-Identifier: Apache-2.0 */
/* handshake_load: full TLS handshakes, one after the other, and what one costs the server. Nothing is
 * resumed. Each connection ends with a FIN in both directions, so the server has finished its part (it reads
 * the client's Finished) before the next. */
#include "bench/histogram.h"
#include "bench/meter.h"
#include "bench/options.h"
#include "bench/peer.h"

#include <signal.h>
#include <sys/time.h>

struct tally {
        int64_t done, failed;
        struct histogram latency;
        char why[320]; /* of the first failure */
};

static void tally_failure(struct tally *t, const char *step, const char *why)
{
        if (t->failed++ == 0)
                snprintf(t->why, sizeof t->why, "%s: %s", step, why);
}

/* Says that nothing more comes and waits until the server has closed too. False when it sent a fatal alert: a
 * TLS 1.3 server that refuses the client says so after the client's part is done. The close_notify is needed:
 * without it OpenSSL takes the FIN for an attack and answers with an alert, which would be measured too. */
static bool part_in_peace(SSL *ssl, int fd)
{
        char bytes[4096];
        int n = 1;

        SSL_shutdown(ssl);
        shutdown(fd, SHUT_WR);
        while (n > 0)
                n = SSL_read(ssl, bytes, sizeof bytes);
        return SSL_get_error(ssl, n) != SSL_ERROR_SSL;
}

static void shake_once(struct tally *t, const struct peer_address *address, SSL_CTX *ctx, const char *name,
                       int64_t timeout_ms)
{
        struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
        int64_t begin_ns = meter_now_ns();
        int fd = peer_connect(address, 0);

        if (fd < 0) {
                tally_failure(t, "connect", strerror(errno));
                return;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        SSL *ssl = peer_tls_new(ctx, fd, name);
        bool shaken = SSL_do_handshake(ssl) == 1;
        int64_t end_ns = meter_now_ns();
        if (shaken && part_in_peace(ssl, fd)) {
                histogram_add(&t->latency, end_ns - begin_ns);
                t->done++;
        } else {
                tally_failure(t, "handshake", peer_tls_why());
                peer_reset_on_close(fd);
        }
        SSL_free(ssl);
        close(fd);
}

static void report(const struct tally *t, int64_t elapsed_ns, int64_t server_ns, int64_t client_ns)
{
        double seconds = (double)elapsed_ns / NS_PER_S, done = t->done > 0 ? (double)t->done : 1;

        printf("{\"handshakes\":%lld,\"failed\":%lld,\"seconds\":%.3f,\"per_s\":%.1f,\"client_cpu_us\":%.1f",
               (long long)t->done, (long long)t->failed, seconds, (double)t->done / seconds,
               (double)client_ns / done / 1000);
        if (server_ns >= 0)
                printf(",\"server_cpu_us\":%.2f,\"server_cpu_share\":%.3f", (double)server_ns / done / 1000,
                       (double)server_ns / (double)elapsed_ns);
        if (t->failed > 0) /* OpenSSL's and the system's texts need no escapes */
                printf(",\"first_failure\":\"%s\"", t->why);
        printf(",");
        histogram_print(&t->latency, stdout);
        printf("}\n");
}

int main(int argc, char **argv)
{
        const char *to = "127.0.0.1:8883", *sni = "", *sni_file = "", *version = "", *cafile = "", *cert = "",
                   *key = "";
        int64_t count = 1000, seconds = 300, timeout_ms = 10000, server_pid = 0, seed = 1;
        bool in_turn = false;
        const struct option_row rows[] = {
                {"address", OPTION_TEXT, &to, 0, 0, "host:port (default 127.0.0.1:8883)"},
                {"count", OPTION_INT, &count, 1, 100000000, "handshakes (default 1000)"},
                {"sni", OPTION_TEXT, &sni, 0, 0, "server names, separated by commas (default: no SNI)"},
                {"sni-file", OPTION_TEXT, &sni_file, 0, 0, "server names, one a line"},
                {"in-turn", OPTION_ON, &in_turn, 0, 0, "take the names in turn instead of at random"},
                {"tls", OPTION_TEXT, &version, 0, 0, "1.2 or 1.3 (default: the highest both know)"},
                {"cafile", OPTION_TEXT, &cafile, 0, 0,
                 "verify chain and name against it (default: no verification)"},
                {"cert", OPTION_TEXT, &cert, 0, 0, "client certificate chain, PEM"},
                {"key", OPTION_TEXT, &key, 0, 0, "its private key, PEM"},
                {"seconds", OPTION_INT, &seconds, 1, 86400, "ends after so long at the latest (default 300)"},
                {"timeout-ms", OPTION_INT, &timeout_ms, 1, 600000,
                 "for each step of a handshake (default 10000)"},
                {"server-pid", OPTION_INT, &server_pid, 1, INT32_MAX, "process whose CPU time is measured"},
                {"seed", OPTION_INT, &seed, 1, INT64_MAX, "of the random choice of names (default 1)"},
        };
        struct peer_names names = {NULL, NULL, 0};
        struct tally t = {.done = 0};

        options_read(rows, sizeof rows / sizeof *rows, "handshake_load: full TLS handshakes in a row.", argc,
                     argv);
        signal(SIGPIPE, SIG_IGN);
        if (sni_file[0] != '\0')
                peer_names_from_file(&names, sni_file);
        else
                peer_names_from_text(&names, sni);
        struct peer_address address = peer_address(to);
        SSL_CTX *ctx = peer_tls_context(version, cafile, cert, key);
        uint64_t state = (uint64_t)seed;
        int64_t begin_ns = meter_now_ns(), client_ns = meter_cpu_ns(0);
        int64_t server_ns = server_pid > 0 ? meter_cpu_ns(server_pid) : -1;
        for (int64_t i = 0; i < count && meter_now_ns() - begin_ns < seconds * NS_PER_S; i++) {
                uint64_t pick = in_turn ? (uint64_t)i : meter_random(&state);
                shake_once(&t, &address, ctx, names.count > 0 ? names.names[pick % names.count] : NULL,
                           timeout_ms);
                if (t.done == 0 && t.failed >= 10)
                        break;
        }
        int64_t server_end_ns = server_pid > 0 ? meter_cpu_ns(server_pid) : -1;
        report(&t, meter_now_ns() - begin_ns,
               server_ns >= 0 && server_end_ns >= 0 ? server_end_ns - server_ns : -1,
               meter_cpu_ns(0) - client_ns);
        peer_names_done(&names);
        SSL_CTX_free(ctx);
        return t.done > 0 ? EXIT_SUCCESS : EXIT_CANNOT_CONNECT;
}
