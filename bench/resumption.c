/* SPDX-License-Identifier: Apache-2.0 */
/* resumption: what resumption would save where device certificates are asked for: the server's CPU of a
 * handshake without resumption, with stateless tickets, and with sessions kept by the server (TLS 1.2:
 * session ID, TLS 1.3: stateful ticket); and what a kept session weighs. Client and server in one process,
 * over memory; only the server's half is counted. P-256, device chain of two, the CA is the trust anchor. */
#include "bench/certificate.h"
#include "bench/meter.h"
#include "bench/options.h"

#include <malloc.h>
#include <openssl/ssl.h>

enum { STEPS_MAX = 20, ROUNDS_MAX = 1000 };

enum kind { NONE, STATELESS, STATEFUL, KINDS };

static const struct row {
        const char *name;
        enum kind kind;
        bool resumed;
} rows[] = {
        {"full, nothing to resume", NONE, false}, {"full, gives a stateless ticket", STATELESS, false},
        {"resumed, stateless", STATELESS, true},  {"full, session is kept", STATEFUL, false},
        {"resumed, stateful", STATEFUL, true},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct {
        EVP_PKEY *key;
        X509 *ca, *intermediate, *device, *server;
} pki;

static SSL_SESSION *given; /* by the server, in the last handshake */

static int64_t cpu_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- set-up ---- */

static X509 *issued(const char *name, int64_t serial, X509 *issuer, const char *constraints)
{
        X509 *cert = certificate_new(pki.key, name, serial, issuer);

        extension_add(cert, issuer, NID_basic_constraints, constraints);
        need(X509_sign(cert, pki.key, EVP_sha256()) > 0, "signature");
        return cert;
}

/* One key for all: what it costs does not depend on whose it is. */
static void pki_make(void)
{
        pki.key = EVP_EC_gen("P-256");
        need(pki.key != NULL, "key");
        pki.ca = ca_new(pki.key, "CA", 1);
        pki.intermediate = issued("Intermediate", 2, pki.ca, "critical,CA:TRUE");
        pki.device = issued("device", 3, pki.intermediate, "critical,CA:FALSE");
        pki.server = issued("server", 4, pki.ca, "critical,CA:FALSE");
}

static SSL_CTX *server_context(enum kind kind)
{
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

        need(ctx != NULL && SSL_CTX_use_cert_and_key(ctx, pki.server, pki.key, NULL, 1) == 1 &&
                     X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.ca) == 1 &&
                     SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bench", 5) == 1,
             "server");
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_session_cache_mode(ctx, kind == STATEFUL ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(ctx, kind == STATELESS ? 0 : SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, kind == NONE ? 0 : 1);
        SSL_CTX_sess_set_cache_size(ctx, 0); /* no limit */
        return ctx;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
        (void)ssl;
        SSL_SESSION_free(given);
        given = session;
        return 1;
}

static SSL_CTX *client_context(void)
{
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        STACK_OF(X509) *chain = sk_X509_new_null();

        need(ctx != NULL && chain != NULL && sk_X509_push(chain, pki.intermediate) > 0 &&
                     SSL_CTX_use_cert_and_key(ctx, pki.device, pki.key, chain, 1) == 1,
             "client");
        sk_X509_free(chain);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, on_session);
        return ctx;
}

/* ---- handshakes ---- */

static void step(SSL *ssl)
{
        int n = SSL_do_handshake(ssl);

        if (n != 1 && SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ)
                errx(EXIT_CANNOT_CONNECT, "handshake: %s", ERR_reason_error_string(ERR_peek_error()));
}

/* CPU of the server's half, from SSL_new() to SSL_free(). */
static int64_t shake(SSL_CTX *server, SSL_CTX *client, int version, SSL_SESSION *offered)
{
        SSL *from = SSL_new(client);
        BIO *one, *two;
        char byte;

        need(from != NULL && BIO_new_bio_pair(&one, 65536, &two, 65536) == 1 &&
                     SSL_set_min_proto_version(from, version) == 1 &&
                     SSL_set_max_proto_version(from, version) == 1 &&
                     (offered == NULL || SSL_set_session(from, offered) == 1),
             "client");
        SSL_set_bio(from, two, two);
        SSL_set_connect_state(from);
        int64_t spent = -cpu_ns();
        SSL *to = SSL_new(server);
        need(to != NULL, "server");
        SSL_set_bio(to, one, one);
        SSL_set_accept_state(to);
        spent += cpu_ns();
        for (int i = 0; i < STEPS_MAX && !(SSL_is_init_finished(from) && SSL_is_init_finished(to)); i++) {
                step(from);
                spent -= cpu_ns();
                step(to);
                spent += cpu_ns();
        }
        if (SSL_session_reused(to) != (offered != NULL) || SSL_write(to, "x", 1) != 1 ||
            SSL_read(from, &byte, 1) != 1)
                errx(EXIT_CANNOT_CONNECT, "the handshake did not end as it should");
        SSL_set_shutdown(from, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_set_shutdown(to, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        spent -= cpu_ns();
        SSL_free(to);
        spent += cpu_ns();
        SSL_free(from);
        return spent;
}

/* Microseconds a handshake. */
static double measure(const struct row *row, SSL_CTX *server, SSL_CTX *client, int version, int64_t count)
{
        int64_t spent = 0;

        (void)shake(server, client, version, NULL);
        for (int64_t i = 0; i < count; i++) {
                SSL_SESSION *offered = row->resumed ? given : NULL;
                if (offered != NULL)
                        SSL_SESSION_up_ref(offered);
                spent += shake(server, client, version, offered);
                SSL_SESSION_free(offered);
        }
        SSL_CTX_flush_sessions(server, 0); /* all */
        return (double)spent / (double)count / 1000;
}

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, int64_t count)
{
        qsort(values, (size_t)count, sizeof *values, by_size);
        return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The rows take turns in every round, and a ratio is the median of the rounds' ratios to the first row. */
static void compare(SSL_CTX *const servers[KINDS], SSL_CTX *client, int version, int64_t rounds,
                    int64_t count)
{
        static double us[ROWS][ROUNDS_MAX], ratio[ROWS][ROUNDS_MAX];

        for (int64_t r = 0; r < rounds; r++) {
                for (int64_t i = 0; i < ROWS; i++) {
                        int64_t n = (i + r) % ROWS;
                        us[n][r] = measure(&rows[n], servers[rows[n].kind], client, version, count);
                }
                for (int n = 0; n < ROWS; n++)
                        ratio[n][r] = us[n][r] / us[0][r];
        }
        for (int n = 0; n < ROWS; n++)
                printf("TLS %s  %-32s %7.0f us  ratio %.2f\n", version == TLS1_3_VERSION ? "1.3" : "1.2",
                       rows[n].name, median(us[n], rounds), median(ratio[n], rounds));
}

/* What the server holds more for each session that it keeps; the client keeps none but the last. */
static void weigh(SSL_CTX *server, SSL_CTX *client, int version, int64_t count)
{
        for (int i = 0; i < 100; i++)
                (void)shake(server, client, version, NULL);
        size_t before = mallinfo2().uordblks;
        for (int64_t i = 0; i < count; i++)
                (void)shake(server, client, version, NULL);
        printf("TLS %s  a kept session takes %.1f kB\n", version == TLS1_3_VERSION ? "1.3" : "1.2",
               (double)(mallinfo2().uordblks - before) / (double)count / 1000);
        SSL_CTX_flush_sessions(server, 0);
}

int main(int argc, char **argv)
{
        static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
        int64_t rounds = 15, count = 100;
        const struct option_row options[] = {
                {"rounds", OPTION_INT, &rounds, 1, ROUNDS_MAX, "turns of all rows (default 15)"},
                {"handshakes", OPTION_INT, &count, 1, 100000, "of each row in a round (default 100)"},
        };
        SSL_CTX *servers[KINDS];

        options_read(options, sizeof options / sizeof *options,
                     "resumption: what resumption would save where device certificates are asked for.", argc,
                     argv);
        pki_make();
        SSL_CTX *client = client_context();
        for (int kind = 0; kind < KINDS; kind++)
                servers[kind] = server_context((enum kind)kind);
        for (int i = 0; i < 2; i++) {
                compare(servers, client, versions[i], rounds, count);
                weigh(servers[STATEFUL], client, versions[i], 1000);
        }
        SSL_SESSION_free(given);
        for (int kind = 0; kind < KINDS; kind++)
                SSL_CTX_free(servers[kind]);
        SSL_CTX_free(client);
        X509_free(pki.server);
        X509_free(pki.device);
        X509_free(pki.intermediate);
        X509_free(pki.ca);
        EVP_PKEY_free(pki.key);
        return EXIT_SUCCESS;
}
