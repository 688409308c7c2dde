/* SPDX-License-Identifier: Apache-2.0 */
/* bare_tls_server: the least an OpenSSL server can do, to compare with: one thread, one SSL_CTX, one
 * certificate. It shakes hands, reads and forgets, and closes when the peer does; with --mqtt it answers what
 * comes first with a good CONNACK. Same settings as the broker: TLS 1.2 and 1.3, no session cache, buffers
 * released; as many tickets as --tickets says. */
#include "bench/meter.h"
#include "bench/options.h"
#include "bench/peer.h"

#include <signal.h>
#include <sys/epoll.h>

enum { EVENTS_PER_TURN = 256, BACKLOG = 4096 };

struct visitor {
        SSL *ssl;
        int fd;
        uint32_t events;
        bool shaken, answered;
};

static bool speaks_mqtt;

static volatile sig_atomic_t stop_wanted;

static void stop(int number)
{
        (void)number;
        stop_wanted = 1;
}

/* Demands client certificates of these CAs. */
static void demand_certificates(SSL_CTX *ctx, const char *cafile)
{
        if (SSL_CTX_load_verify_file(ctx, cafile) != 1)
                errx(EXIT_USAGE, "%s: %s", cafile, peer_tls_why());
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static SSL_CTX *server_context(const char *cert, const char *key, int64_t tickets)
{
        static const unsigned char context[] = "bare";

        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

        if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
                errx(EXIT_USAGE, "SSL_CTX_new: %s", peer_tls_why());
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | (tickets == 0 ? SSL_OP_NO_TICKET : 0));
        SSL_CTX_set_num_tickets(ctx, (size_t)tickets);
        SSL_CTX_set_session_id_context(ctx, context, sizeof context);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
        if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_check_private_key(ctx) != 1)
                errx(EXIT_USAGE, "%s, %s: %s", cert, key, peer_tls_why());
        return ctx;
}

static int server_listen(const char *address)
{
        struct peer_address a = peer_address(address);
        int one = 1;
        int fd = socket(a.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
            bind(fd, (const struct sockaddr *)&a.storage, a.len) != 0 || listen(fd, BACKLOG) != 0 ||
            getsockname(fd, (struct sockaddr *)&a.storage, &a.len) != 0)
                err(EXIT_USAGE, "%s", address);
        /* sin_port and sin6_port are at the same place. */
        printf("listening %d\n", ntohs(((const struct sockaddr_in *)&a.storage)->sin_port));
        fflush(stdout);
        return fd;
}

static void visitor_watch(int epoll, struct visitor *v, uint32_t events)
{
        struct epoll_event e = {.events = events, .data.ptr = v};

        if (v->events == events)
                return;
        if (epoll_ctl(epoll, v->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, v->fd, &e) != 0)
                err(EXIT_USAGE, "epoll_ctl");
        v->events = events;
}

static void visitor_close(struct visitor *v)
{
        SSL_free(v->ssl);
        close(v->fd);
        free(v);
}

static void visitor_go_on(int epoll, struct visitor *v)
{
        char bytes[16384];
        int n = 1;

        if (!v->shaken) {
                n = SSL_do_handshake(v->ssl);
                v->shaken = n == 1;
        }
        while (v->shaken && n > 0) {
                n = SSL_read(v->ssl, bytes, sizeof bytes);
                if (n > 0 && speaks_mqtt && !v->answered)
                        v->answered = SSL_write(v->ssl, "\x20\x02\0", 4) == 4;
        }
        int why = SSL_get_error(v->ssl, n);
        ERR_clear_error();
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
                visitor_watch(epoll, v, why == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
        else
                visitor_close(v);
}

static void accept_all(int epoll, int listener, SSL_CTX *ctx)
{
        int fd, one = 1;

        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                struct visitor *v = calloc(1, sizeof *v);
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                if (v == NULL || (v->ssl = SSL_new(ctx)) == NULL || SSL_set_fd(v->ssl, fd) != 1)
                        errx(EXIT_USAGE, "SSL_new: %s", peer_tls_why());
                SSL_set_accept_state(v->ssl);
                v->fd = fd;
                visitor_watch(epoll, v, EPOLLIN);
        }
}

int main(int argc, char **argv)
{
        const char *address = "127.0.0.1:0", *cert = "", *key = "", *client_ca = "";
        int64_t seconds = 3600, tickets = 0;
        const struct option_row rows[] = {
                {"listen", OPTION_TEXT, &address, 0, 0, "address:port (default 127.0.0.1:0: any free port)"},
                {"cert", OPTION_TEXT, &cert, 0, 0, "certificate chain, PEM"},
                {"key", OPTION_TEXT, &key, 0, 0, "private key, PEM"},
                {"client-ca", OPTION_TEXT, &client_ca, 0, 0, "demand client certificates of these CAs (PEM)"},
                {"tickets", OPTION_INT, &tickets, 0, 2, "session tickets of a TLS 1.3 handshake (default 0)"},
                {"mqtt", OPTION_ON, &speaks_mqtt, 0, 0, "answer what comes first with CONNACK"},
                {"seconds", OPTION_INT, &seconds, 1, 86400, "ends by itself after so long (default 3600)"},
        };
        struct epoll_event events[EVENTS_PER_TURN];

        options_read(rows, sizeof rows / sizeof *rows, "bare_tls_server: the least an OpenSSL server can do.",
                     argc, argv);
        meter_need_files(1024);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGTERM, stop);
        signal(SIGINT, stop);
        SSL_CTX *ctx = server_context(cert, key, tickets);
        if (client_ca[0] != '\0')
                demand_certificates(ctx, client_ca);
        int listener = server_listen(address), epoll = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event accepting = {.events = EPOLLIN, .data.ptr = NULL};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &accepting) != 0)
                err(EXIT_USAGE, "epoll");
        int64_t end_ns = meter_now_ns() + seconds * NS_PER_S;
        while (!stop_wanted && meter_now_ns() < end_ns) {
                int count = epoll_wait(epoll, events, EVENTS_PER_TURN, 1000);
                for (int i = 0; i < count; i++) {
                        if (events[i].data.ptr == NULL)
                                accept_all(epoll, listener, ctx);
                        else
                                visitor_go_on(epoll, events[i].data.ptr);
                }
        }
        close(listener);
        close(epoll);
        SSL_CTX_free(ctx);
        return EXIT_SUCCESS;
}
