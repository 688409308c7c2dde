/* SPDX-License-Identifier: Apache-2.0 */
#include "common/handshake.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

CLEANUP_DEFINE(ctxp, SSL_CTX *, SSL_CTX_free)
CLEANUP_DEFINE(sslp, SSL *, SSL_free)
CLEANUP_DEFINE(addrinfop, struct addrinfo *, freeaddrinfo)

struct attempt {
        const struct handshake_request *q;
        struct handshake seen;
        int64_t end_ms;
        char *why; /* HANDSHAKE_WHY_SIZE */
};

void handshake_done(struct handshake *h)
{
        sk_X509_pop_free(h->chain, X509_free);
        h->chain = NULL;
}

X509 *handshake_leaf(const struct handshake *h)
{
        return sk_X509_value(h->chain, 0);
}

static enum err because(const struct attempt *a, enum err e, const char *why)
{
        (void)snprintf(a->why, HANDSHAKE_WHY_SIZE, "%s", why);
        return e;
}

/* ---- connection ---- */

/* ERR_TIMEOUT when the time of the attempt is over. */
static enum err wait_for(const struct attempt *a, int fd, short events)
{
        struct pollfd p = {.fd = fd, .events = events};

        for (;;) {
                int64_t left = a->end_ms - clock_ms();
                int n = left > 0 ? poll(&p, 1, (int)left) : 0;

                if (n > 0)
                        return ERR_OK;
                if (n == 0)
                        return ERR_TIMEOUT;
                if (errno != EINTR)
                        return ERR_IO;
        }
}

/* 0, or what errno says. */
static int connect_one(const struct attempt *a, const struct addrinfo *at, int *ret)
{
        CLEANUP(fd) int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int problem = 0;
        socklen_t len = sizeof problem;

        if (fd < 0)
                return errno;
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
                if (errno != EINPROGRESS)
                        return errno;
                if (wait_for(a, fd, POLLOUT) != ERR_OK)
                        return ETIMEDOUT;
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) != 0)
                        return errno;
        }
        if (problem == 0) {
                *ret = fd;
                fd = -1;
        }
        return problem;
}

static enum err connect_any(const struct attempt *a, int *ret)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        CLEANUP(addrinfop) struct addrinfo *found = NULL;
        int problem = EHOSTUNREACH, code;
        char port[12];

        (void)snprintf(port, sizeof port, "%d", a->q->port);
        code = getaddrinfo(a->q->host, port, &hints, &found);
        if (code != 0)
                return because(a, ERR_IO, gai_strerror(code));
        for (const struct addrinfo *at = found; at != NULL && problem != 0; at = at->ai_next)
                problem = connect_one(a, at, ret);
        return problem == 0 ? ERR_OK
                            : because(a, problem == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO, strerror(problem));
}

/* ---- TLS ---- */

static int client_certificate_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
        struct attempt *a = SSL_get_app_data(ssl);

        (void)certificate;
        (void)key;
        a->seen.asked = true;
        return 0;
}

static void verify(struct attempt *a, X509_STORE_CTX *store)
{
        if (a->q->cacert == NULL)
                return;
        a->seen.chain_ok = X509_verify_cert(store) == 1;
        if (!a->seen.chain_ok)
                (void)snprintf(a->seen.chain_why, sizeof a->seen.chain_why, "%s",
                               X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
}

/* Keeps what is presented, and goes on whatever it is worth. */
static int certificate_came(X509_STORE_CTX *store, void *arg)
{
        struct attempt *a = arg;
        X509 *leaf = X509_STORE_CTX_get0_cert(store);

        if (a->seen.chain == NULL) /* its own certificate is the first of those that it has sent */
                a->seen.chain = X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(store));
        verify(a, store);
        a->seen.name_ok = X509_check_host(leaf, a->q->server_name, 0, 0, NULL) == 1;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
}

static enum err prepare(struct attempt *a, SSL_CTX **ret)
{
        CLEANUP(ctxp) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        int least = a->q->version != 0 ? a->q->version : TLS1_2_VERSION;
        const char *cacert = a->q->cacert;

        if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, least) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, a->q->version) != 1)
                return ERR_INTERNAL;
        if (cacert != NULL && cacert[0] != '\0' && SSL_CTX_load_verify_file(ctx, cacert) != 1)
                return ERR_SYNTAX;
        if (cacert != NULL && cacert[0] == '\0' && SSL_CTX_set_default_verify_paths(ctx) != 1)
                return ERR_INTERNAL;
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, certificate_came, a);
        SSL_CTX_set_client_cert_cb(ctx, client_certificate_asked);
        *ret = TAKE(ctx);
        return ERR_OK;
}

/* What SSL_connect() says next: go on (ERR_CONFLICT), or why not. */
static enum err step(struct attempt *a, SSL *ssl, int fd)
{
        int n, reason;
        const char *text;

        ERR_clear_error();
        n = SSL_connect(ssl);
        if (n == 1)
                return ERR_OK;
        reason = SSL_get_error(ssl, n);
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
                enum err e = wait_for(a, fd, reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);

                return e == ERR_OK ? ERR_CONFLICT : because(a, ERR_TIMEOUT, "no TLS answer in time");
        }
        text = ERR_reason_error_string(ERR_peek_last_error());
        return because(a, ERR_REFUSED, text != NULL ? text : "the connection was closed");
}

static void note_protocol(struct attempt *a, const SSL *ssl)
{
        const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

        if (cipher == NULL)
                cipher = SSL_get_pending_cipher(ssl);
        (void)snprintf(a->seen.protocol, sizeof a->seen.protocol, "%s", SSL_get_version(ssl));
        (void)snprintf(a->seen.cipher, sizeof a->seen.cipher, "%s",
                       cipher != NULL ? SSL_CIPHER_get_name(cipher) : "");
}

static enum err shake(struct attempt *a, SSL_CTX *ctx, int fd)
{
        CLEANUP(sslp) SSL *ssl = SSL_new(ctx);
        enum err e = ERR_CONFLICT;

        if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_app_data(ssl, a) != 1 ||
            SSL_set_tlsext_host_name(ssl, a->q->server_name) != 1)
                return ERR_INTERNAL;
        while (e == ERR_CONFLICT)
                e = step(a, ssl, fd);
        note_protocol(a, ssl);
        if (e == ERR_OK)
                (void)SSL_shutdown(ssl);
        /* it had presented its certificate, and wanted ours */
        return e == ERR_REFUSED && a->seen.chain != NULL && a->seen.asked ? ERR_OK : e;
}

static enum err run(struct attempt *a)
{
        CLEANUP(ctxp) SSL_CTX *ctx = NULL;
        CLEANUP(fd) int fd = -1;

        TRY(prepare(a, &ctx));
        TRY(connect_any(a, &fd));
        TRY(shake(a, ctx, fd));
        return handshake_leaf(&a->seen) != NULL ? ERR_OK
                                                : because(a, ERR_REFUSED, "it presented no certificate");
}

enum err handshake_do(const struct handshake_request *q, struct handshake *ret, char why[HANDSHAKE_WHY_SIZE])
{
        struct attempt a = {.q = q, .end_ms = clock_ms() + q->timeout_ms, .why = why};
        enum err e;

        why[0] = '\0';
        e = run(&a);
        ERR_clear_error();
        if (e == ERR_OK)
                *ret = a.seen;
        else
                handshake_done(&a.seen);
        return e;
}
