/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends in one thread, over a socket pair with small buffers. */
#include "broker/conn_io.h"

#include "broker/context.h"
#include "broker/mqtt_write.h"
#include "certificate_maker.h"
#include "common/crypt.h"
#include "common/pem.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEVEL = 4, TOTAL_MAX = 4 * 1024 * 1024, ROUNDS = 3000, SMALL = 4096 };

static int ends[2]; /* ours, the client's */
static SSL *ours, *client;
static SSL_CTX *our_ctx, *client_ctx;
static uint8_t expected[TOTAL_MAX], heard[TOTAL_MAX], scratch[RECORD_BYTES];
static size_t expected_len, heard_len;

/* The same in every run. */
static int dice(void)
{
        static uint32_t state = 1;

        state = state * 1664525 + 1013904223;
        return (int)(state >> 8);
}

static void open_pair(void)
{
        int small = SMALL;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        for (int n = 0; n < 2; n++)
                cr_assert_eq(setsockopt(ends[n], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
}

static void close_pair(void)
{
        SSL_free(ours);
        SSL_free(client);
        SSL_CTX_free(our_ctx);
        SSL_CTX_free(client_ctx);
        close(ends[0]);
        close(ends[1]);
}

static SSL *end_of(SSL_CTX *ctx, int fd)
{
        SSL *ssl = SSL_new(ctx);

        cr_assert_eq(SSL_set_fd(ssl, fd), 1);
        return ssl;
}

/* As tls.c sets it. */
static void open_tls(void)
{
        struct made made;

        open_pair();
        made_new(&made, EVP_PKEY_EC, "one.example.com");
        our_ctx = SSL_CTX_new(TLS_server_method());
        client_ctx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(our_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(our_ctx, 1);
        SSL_CTX_set_num_tickets(our_ctx, 0);
        cr_assert_eq(SSL_CTX_use_certificate_ASN1(our_ctx, (int)made.leaf.len, made.leaf.data), 1);
        cr_assert_eq(SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, our_ctx, made.key.data, (long)made.key.len), 1);
        made_done(&made);
        ours = end_of(our_ctx, ends[0]);
        client = end_of(client_ctx, ends[1]);
        SSL_set_accept_state(ours);
        SSL_set_connect_state(client);
        for (int n = 0; n < 100 && !(SSL_is_init_finished(ours) && SSL_is_init_finished(client)); n++) {
                (void)conn_io_handshake(client);
                cr_assert_neq(conn_io_handshake(ours), CONN_IO_ERROR);
        }
        cr_assert(SSL_is_init_finished(ours));
}

static void client_reads(size_t most)
{
        size_t len = 0;

        while (most > 0 && conn_io_read(client, ends[1], heard + heard_len,
                                        most < TOTAL_MAX - heard_len ? most : TOTAL_MAX - heard_len,
                                        &len) == CONN_IO_OK) {
                heard_len += len;
                most -= len < most ? len : most;
        }
}

static void add_publish(struct outbox *o, size_t payload_len)
{
        static const struct mqtt_publish_form form = {.level = LEVEL};
        static uint8_t payload[60000];
        const struct message_content content = {.topic = {(const uint8_t *)"t/x", 3},
                                                .payload = {payload, payload_len}};
        struct message *m;

        crypt_random(payload, payload_len);
        m = message_new(&content);
        cr_assert_not_null(m);
        cr_assert_eq(outbox_publish(o, m, &form), ERR_OK);
        expected_len += mqtt_write_publish(expected + expected_len, m, &form);
        message_unref(m);
}

/* The outbox grows between two tries of the same write, and the client reads now and then. */
static void write_at_random(struct ws *ws)
{
        struct outbox o = {0};
        int full = 0;

        for (int n = 0; n < ROUNDS || o.count > 0; n++) {
                enum conn_io r;

                if (n < ROUNDS && dice() % 3 == 0)
                        add_publish(&o, (size_t)(dice() % 20 == 0 ? dice() % 60000 : dice() % 200));
                r = conn_io_flush(ours, ends[0], ws, &o, scratch);
                cr_assert(r == CONN_IO_OK || r == CONN_IO_AGAIN || r == CONN_IO_MORE);
                full += r == CONN_IO_AGAIN;
                if (dice() % 4 == 0)
                        client_reads((size_t)(dice() % 30000));
        }
        cr_assert_gt(full, ROUNDS / 20);
        outbox_done(&o);
}

static void write_and_read_at_random(void)
{
        write_at_random(NULL);
        while (heard_len < expected_len)
                client_reads(TOTAL_MAX);
        cr_assert_eq(heard_len, expected_len);
        cr_assert_arr_eq(heard, expected, expected_len);
}

/* Binary frames without their heads, in place. */
static void unframe(void)
{
        size_t at = 0, len = 0;

        while (at < heard_len) {
                size_t head = heard[at + 1] == 126 ? 4 : 2;
                size_t size = head == 4 ? (size_t)heard[at + 2] << 8 | heard[at + 3] : heard[at + 1];

                cr_assert_eq(heard[at], 0x82);
                cr_assert(head + size <= RECORD_BYTES, "a frame is one record at most");
                memmove(heard + len, heard + at + head, size);
                at += head + size;
                len += size;
        }
        cr_assert_eq(at, heard_len);
        heard_len = len;
}

/* The answer to its request comes first, then frames, and nothing is left half said. */
static void write_and_read_frames_at_random(void)
{
        static const struct ws_rules rules = {.path = "/"};
        static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                      "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
        uint8_t bytes[sizeof request];
        const uint8_t *end;
        struct ws *ws = NULL;

        cr_assert_eq(ws_new(&rules, 1000, &ws), ERR_OK);
        memcpy(bytes, request, sizeof request);
        cr_assert_eq(ws_take(ws, bytes, sizeof request - 1), 0);
        write_at_random(ws);
        cr_assert_not(ws_owes(ws));
        for (int n = 0; n < ROUNDS; n++)
                client_reads(TOTAL_MAX);
        end = memmem(heard, heard_len, "\r\n\r\n", 4);
        cr_assert(memcmp(heard, "HTTP/1.1 101 ", 13) == 0 && end != NULL);
        heard_len -= (size_t)(end + 4 - heard);
        memmove(heard, end + 4, heard_len);
        unframe();
        cr_assert_eq(heard_len, expected_len);
        cr_assert_arr_eq(heard, expected, expected_len);
        (void)ws_free(ws);
}

Test(conn_io, a_full_plain_socket_loses_and_repeats_nothing, .init = open_pair, .fini = close_pair)
{
        write_and_read_at_random();
}

Test(conn_io, a_full_tls_socket_loses_and_repeats_nothing, .init = open_tls, .fini = close_pair)
{
        write_and_read_at_random();
}

Test(conn_io, a_full_plain_socket_loses_and_repeats_no_frame, .init = open_pair, .fini = close_pair)
{
        write_and_read_frames_at_random();
}

Test(conn_io, a_full_tls_socket_loses_and_repeats_no_frame, .init = open_tls, .fini = close_pair)
{
        write_and_read_frames_at_random();
}

Test(conn_io, tells_what_tls_has_read_ahead, .init = open_tls, .fini = close_pair)
{
        uint8_t byte;
        size_t len;

        cr_assert_not(conn_io_pending(ours));
        for (int n = 0; n < 3; n++)
                cr_assert_eq(SSL_write_ex(client, "abc", 3, &len), 1);
        for (int n = 0; n < 9; n++) {
                cr_assert_eq(conn_io_read(ours, ends[0], &byte, 1, &len), CONN_IO_OK);
                cr_assert_eq(byte, "abc"[n % 3]);
                cr_assert_eq(conn_io_pending(ours), n < 8);
        }
        cr_assert_eq(conn_io_read(ours, ends[0], &byte, 1, &len), CONN_IO_AGAIN);
}

/* A client that asks for key updates and does not read the answers: polling for bytes would spin. */
Test(conn_io, a_read_that_must_write_first_says_so, .init = open_tls, .fini = close_pair)
{
        enum conn_io r = CONN_IO_AGAIN;
        uint8_t byte;
        size_t len;

        for (int n = 0; n < 10000 && r == CONN_IO_AGAIN; n++) {
                cr_assert_eq(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
                cr_assert_eq(SSL_do_handshake(client), 1);
                r = conn_io_read(ours, ends[0], &byte, 1, &len);
        }
        cr_assert_eq(r, CONN_IO_CROSSED);
        cr_assert_eq(conn_io_read(client, ends[1], heard, 1, &len), CONN_IO_AGAIN); /* takes the answers in */
        cr_assert_eq(conn_io_read(ours, ends[0], &byte, 1, &len), CONN_IO_AGAIN);
}

Test(conn_io, knows_the_end_of_a_stream, .init = open_tls, .fini = close_pair)
{
        uint8_t byte;
        size_t len;

        (void)SSL_shutdown(client);
        cr_assert_eq(conn_io_read(ours, ends[0], &byte, 1, &len), CONN_IO_EOF);
        shutdown(ends[1], SHUT_RDWR);
        cr_assert_eq(conn_io_read(NULL, ends[0], &byte, 1, &len), CONN_IO_EOF);
}

/* On a real TCP connection: unread bytes of the client would make close(2) a reset, which takes our words
 * along. */
Test(conn_io, last_words_arrive_though_the_client_was_still_talking)
{
        struct sockaddr_storage a;
        socklen_t len = sizeof a;
        int listening = socket(AF_INET, SOCK_STREAM, 0), from = socket(AF_INET, SOCK_STREAM, 0), to;
        char words[8];

        cr_assert_eq(listen(listening, 1), 0);
        cr_assert_eq(getsockname(listening, (struct sockaddr *)&a, &len), 0);
        cr_assert_eq(connect(from, (struct sockaddr *)&a, len), 0);
        to = accept(listening, NULL, NULL);
        cr_assert_eq(send(from, expected, 100000, 0), 100000);
        cr_assert_eq(send(to, "refused", 8, 0), 8);
        conn_io_goodbye(NULL, to);
        close(to);
        cr_assert_eq(recv(from, words, sizeof words, MSG_WAITALL), 8);
        cr_assert_eq(recv(from, words, sizeof words, 0), 0);
        close(from);
        close(listening);
}
