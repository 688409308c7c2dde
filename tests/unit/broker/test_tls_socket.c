/* SPDX-License-Identifier: Apache-2.0 */
/* A client that sends one key update after the other, on a real TCP connection. */
#include "broker/tls_socket.h"

#include "broker/conn_io.h"
#include "certificate_maker.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* AT_ONCE_MAX: key updates, of 27 bytes each, that fit into OpenSSL's buffer twice. */
enum { FLOOD_BYTES = 150000, AT_ONCE_MAX = 1400, ROUNDS_MAX = 10000 };

static int ends[2]; /* ours, the client's */
static SSL_CTX *our_ctx, *client_ctx;
static SSL *ours, *client;

static void open_pair(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof address;
        int listening = socket(AF_INET, SOCK_STREAM, 0);

        cr_assert_eq(bind(listening, (struct sockaddr *)&address, len), 0);
        cr_assert_eq(listen(listening, 1), 0);
        cr_assert_eq(getsockname(listening, (struct sockaddr *)&address, &len), 0);
        ends[1] = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(connect(ends[1], (struct sockaddr *)&address, len), 0);
        ends[0] = accept(listening, NULL, NULL);
        cr_assert_geq(ends[0], 0);
        close(listening);
        for (int n = 0; n < 2; n++)
                cr_assert_eq(fcntl(ends[n], F_SETFL, O_NONBLOCK), 0);
}

static void shake(void)
{
        for (int n = 0; n < ROUNDS_MAX; n++) {
                enum conn_io r = conn_io_handshake(ours);

                cr_assert_neq(r, CONN_IO_ERROR);
                if (SSL_do_handshake(client) == 1 && r == CONN_IO_OK)
                        return;
        }
        cr_assert_fail("no handshake");
}

static void begin(void)
{
        struct made made;

        open_pair();
        made_new(&made, EVP_PKEY_EC, "one.example.com");
        our_ctx = SSL_CTX_new(TLS_server_method());
        client_ctx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_read_ahead(our_ctx, 1);
        cr_assert_eq(SSL_CTX_use_certificate_ASN1(our_ctx, (int)made.leaf.len, made.leaf.data), 1);
        cr_assert_eq(SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, our_ctx, made.key.data, (long)made.key.len), 1);
        made_done(&made);
        ours = SSL_new(our_ctx);
        client = SSL_new(client_ctx);
        cr_assert(tls_socket_set(ours, ends[0]));
        cr_assert_eq(SSL_get_fd(ours), ends[0]);
        cr_assert_eq(SSL_set_fd(client, ends[1]), 1);
        SSL_set_accept_state(ours);
        SSL_set_connect_state(client);
        shake();
}

static void end(void)
{
        SSL_free(ours);
        SSL_free(client);
        SSL_CTX_free(our_ctx);
        SSL_CTX_free(client_ctx);
        cr_assert_eq(close(ends[0]), 0, "it was ours to close");
        close(ends[1]);
}

TestSuite(tls_socket, .init = begin, .fini = end, .timeout = 60);

static int taken; /* key updates that we have used */

static void count(int sent, int version, int kind, const void *bytes, size_t len, SSL *ssl, void *arg)
{
        (void)version, (void)ssl, (void)arg;
        taken += !sent && kind == SSL3_RT_HANDSHAKE && len > 0 &&
                 *(const uint8_t *)bytes == SSL3_MT_KEY_UPDATE;
}

/* How many there were room for. */
static int flood(void)
{
        int sent = 0;

        taken = 0;
        SSL_set_msg_callback(ours, count);
        for (; sent * 27 < FLOOD_BYTES; sent++) {
                cr_assert_eq(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
                if (SSL_do_handshake(client) != 1)
                        break;
        }
        cr_assert_gt(sent, 3 * AT_ONCE_MAX, "too little for a flood");
        return sent;
}

Test(tls_socket, one_read_takes_a_bounded_part_of_a_flood_and_looks_empty_then)
{
        int sent = flood(), calls = 0;
        uint8_t byte;
        size_t len;

        for (int before = 0; taken < sent && calls < ROUNDS_MAX; calls++, before = taken) {
                cr_assert_eq(conn_io_read(ours, ends[0], &byte, 1, &len), CONN_IO_AGAIN);
                cr_assert_leq(taken - before, AT_ONCE_MAX);
        }
        cr_assert_eq(taken, sent, "it goes on with the next call");
        cr_assert_gt(calls, 3);
}

Test(tls_socket, what_comes_behind_a_flood_is_read)
{
        enum conn_io r = CONN_IO_AGAIN;
        uint8_t byte = 0;
        size_t len;
        int calls = 0;

        (void)flood();
        for (int n = 0; n < ROUNDS_MAX && r == CONN_IO_AGAIN; n++) {
                calls++;
                r = conn_io_read(ours, ends[0], &byte, 1, &len);
                if (n == 0)
                        cr_assert_eq(SSL_write_ex(client, "x", 1, &len), 1);
        }
        cr_assert_eq(r, CONN_IO_OK);
        cr_assert_eq(byte, 'x');
        cr_assert_gt(calls, 2);
}

Test(tls_socket, drained_reads_no_more_until_it_is_refilled)
{
        uint8_t byte;
        size_t len;

        cr_assert_eq(SSL_write_ex(client, "x", 1, &len), 1);
        tls_socket_drain(ours);
        cr_assert_eq(SSL_read_ex(ours, &byte, 1, &len), 0);
        cr_assert_eq(SSL_get_error(ours, 0), SSL_ERROR_WANT_READ);
        tls_socket_refill(ours);
        cr_assert_eq(SSL_read_ex(ours, &byte, 1, &len), 1);
        cr_assert_eq(byte, 'x');
}

/* The end of the stream and a whole large message are as with any other socket. */
Test(tls_socket, is_a_socket_else)
{
        static uint8_t sent[200000], got[200000];
        size_t len, out = 0, in = 0;

        for (size_t n = 0; n < sizeof sent; n++)
                sent[n] = (uint8_t)(n * 31 + n / 256);
        SSL_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE);
        for (int n = 0; n < ROUNDS_MAX && in < sizeof got; n++) {
                if (out < sizeof sent && SSL_write_ex(client, sent + out, sizeof sent - out, &len) == 1)
                        out += len;
                if (conn_io_read(ours, ends[0], got + in, sizeof got - in, &len) == CONN_IO_OK)
                        in += len;
                else
                        (void)poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 1);
        }
        cr_assert_eq(in, sizeof got);
        cr_assert_arr_eq(got, sent, sizeof sent);
        (void)SSL_shutdown(client);
        cr_assert_eq(conn_io_read(ours, ends[0], got, 1, &len), CONN_IO_EOF);
        shutdown(ends[1], SHUT_RDWR);
}
