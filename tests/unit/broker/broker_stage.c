/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_stage.h"

#include "broker/admission.h"
#include "broker/mqtt_read.h"
#include "broker/retained.h"
#include "common/clock.h"
#include "common/crypt.h"
#include "common/text.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

static const char instance[] = "mqtt-cn-test", key_id[] = "LTAIx", secret[] = "secret";
static struct listener listener;
struct listener_kind stage_kind = {.name = "mqtt"};

struct workers *workers;
uint32_t connections_max = 1000;
static struct admission *admission;
static struct retained *retained;
struct broker_limits limits = {.packet_max = 1024 * 1024,
                               .unfinished_max = 1000,
                               .handshakes_per_turn = 8,
                               .accepts_per_turn = 64,
                               .outbox_bytes_max = 64 * 1024,
                               .mailbox_bytes_max = 1024 * 1024,
                               .handshake_ms = 10000,
                               .connect_ms = 10000,
                               .receive_max = 1024,
                               .topic_alias_max = 16,
                               .sessions = {.inflight_max = 256,
                                            .queue_max = 1000,
                                            .queue_bytes_max = 1024 * 1024,
                                            .total_bytes_max = 64 * 1024 * 1024,
                                            .expiry_max_s = SESSION_NEVER_EXPIRES,
                                            .subscriptions_max = 100,
                                            .sessions_max = 1000}};

void stage_publish(bool with_key)
{
        struct snapshot *s = calloc(1, sizeof *s);

        cr_assert_not_null(s);
        atomic_init(&s->refs, 1);
        cr_assert_eq(access_keys_new(1, &s->access_keys), ERR_OK);
        if (with_key)
                cr_assert_eq(access_keys_add(s->access_keys, key_id, secret, strlen(secret)), ERR_OK);
        workers_publish(workers, s);
        (void)snapshot_unref(s);
}

void stage_start(void)
{
        cr_assert_eq(admission_new(connections_max, 0, &admission), ERR_OK);
        cr_assert_eq(retained_new(&(struct retained_limits){1000, 1024 * 1024}, &retained), ERR_OK);

        const struct worker_settings settings = {.count = STAGE_WORKERS,
                                                 .limits = &limits,
                                                 .instance = instance,
                                                 .listeners = &listener,
                                                 .listener_count = 1,
                                                 .credentials_max = 16,
                                                 .admission = admission,
                                                 .retained = retained};
        char why[256];

        signal(SIGPIPE, SIG_IGN);
        cr_assert_eq(listener_open(&stage_kind, "127.0.0.1:0", STAGE_WORKERS, &listener, why), ERR_OK);
        cr_assert_eq(workers_make(&settings, &workers), ERR_OK);
        cr_assert_eq(workers_run(workers), ERR_OK);
        stage_publish(true);
}

void stage_stop(void)
{
        workers_stop(workers);
        workers = workers_free(workers);
        retained = retained_free(retained);
        listener_close(&listener);
        admission = admission_free(admission);
}

uint64_t stage_counter(int index)
{
        uint64_t sums[COUNTERS];

        workers_counters(workers, sums);
        return sums[index];
}

bool stage_counts(int index, uint64_t value)
{
        int64_t end_ms = clock_ms() + PATIENCE_MS;

        while (stage_counter(index) != value && clock_ms() < end_ms)
                usleep(1000);
        return stage_counter(index) == value;
}

/* --- packets --- */

static void put_u8(struct packet *p, unsigned value)
{
        cr_assert_lt(p->len, sizeof p->bytes);
        p->bytes[p->len++] = (uint8_t)value;
}

static void put_u16(struct packet *p, unsigned value)
{
        put_u8(p, value >> 8);
        put_u8(p, value);
}

static void put_text(struct packet *p, const char *text)
{
        put_u16(p, (unsigned)strlen(text));
        for (; *text != '\0'; text++)
                put_u8(p, (uint8_t)*text);
}

/* Room for the two bytes of a remaining length; returns where it stands. */
static size_t begin(struct packet *p, unsigned first)
{
        put_u8(p, first);
        put_u16(p, 0);
        return p->len;
}

static void end(struct packet *p, size_t at)
{
        size_t len = p->len - at;

        p->bytes[at - 2] = (uint8_t)(0x80 | len % 128); /* two bytes also where one would do */
        p->bytes[at - 1] = (uint8_t)(len / 128);
}

void put_connect(struct packet *p, const char *client_id, bool clean, uint16_t keep_alive_s)
{
        struct buf password = BUF_UP_TO(63);
        uint8_t mac[SHA1_BYTES];
        char user[128];
        size_t at = begin(p, MQTT_CONNECT << 4);

        crypt_hmac_sha1(secret, strlen(secret), client_id, strlen(client_id), mac);
        cr_assert_eq(text_base64(mac, sizeof mac, &password), ERR_OK);
        snprintf(user, sizeof user, "Signature|%s|%s", key_id, instance);
        put_text(p, "MQTT");
        put_u8(p, MQTT_3_1_1);
        put_u8(p, clean ? 0xC2 : 0xC0);
        put_u16(p, keep_alive_s);
        put_text(p, client_id);
        put_text(p, user);
        put_text(p, buf_text(&password));
        buf_done(&password);
        end(p, at);
}

void put_subscribe(struct packet *p, const char *filter, uint8_t qos)
{
        size_t at = begin(p, MQTT_SUBSCRIBE << 4 | 2);

        put_u16(p, 1);
        put_text(p, filter);
        put_u8(p, qos);
        end(p, at);
}

void put_publish(struct packet *p, const char *topic, const char *payload, uint8_t qos, uint16_t packet_id)
{
        size_t at = begin(p, MQTT_PUBLISH << 4 | (unsigned)qos << 1);

        put_text(p, topic);
        if (qos > 0)
                put_u16(p, packet_id);
        for (; *payload != '\0'; payload++)
                put_u8(p, (uint8_t)*payload);
        end(p, at);
}

void put_empty(struct packet *p, uint8_t type)
{
        put_u8(p, (unsigned)type << 4);
        put_u8(p, 0);
}

/* --- clients --- */

int client_open(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)listener.port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        cr_assert_geq(fd, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
        return fd;
}

void client_send(int fd, const struct packet *p)
{
        cr_assert_eq(send(fd, p->bytes, p->len, MSG_NOSIGNAL), (ssize_t)p->len);
}

/* Bytes that came within the time; 0: the end, -1: nothing. */
static ssize_t receive(int fd, void *room, size_t len)
{
        struct pollfd polled = {.fd = fd, .events = POLLIN};

        if (poll(&polled, 1, PATIENCE_MS) != 1)
                return -1;
        ssize_t n = recv(fd, room, len, 0);
        return n < 0 ? 0 : n; /* a reset is an end, too */
}

bool client_hears(int fd, const void *bytes, size_t len)
{
        uint8_t heard[PACKET_ROOM];
        size_t done = 0;

        cr_assert_leq(len, sizeof heard);
        while (done < len) {
                ssize_t n = receive(fd, heard + done, len - done);

                if (n <= 0)
                        return false;
                done += (size_t)n;
        }
        return memcmp(heard, bytes, len) == 0;
}

int client_login(const char *client_id, bool clean)
{
        struct packet p = {.len = 0};
        int fd = client_open();

        put_connect(&p, client_id, clean, 60);
        client_send(fd, &p);
        cr_assert(client_hears(fd, "\x20\x02\x00\x00", 4));
        return fd;
}

bool client_hears_publish(int fd, const char *topic, const char *payload)
{
        struct packet p = {.len = 0};
        size_t body = 2 + strlen(topic) + strlen(payload);

        cr_assert_lt(body, 128);
        put_u8(&p, MQTT_PUBLISH << 4);
        put_u8(&p, (unsigned)body);
        put_text(&p, topic);
        for (; *payload != '\0'; payload++)
                put_u8(&p, (uint8_t)*payload);
        return client_hears(fd, p.bytes, p.len);
}

bool client_is_closed(int fd)
{
        uint8_t byte;

        return receive(fd, &byte, 1) == 0;
}
