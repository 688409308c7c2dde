/* SPDX-License-Identifier: Apache-2.0 */
/* hello_spray: a ClientHello for each of very many server names that nobody has ever configured. The server
 * looks every name up; once its answer begins to arrive the connection is reset and the next name is sent.
 * --refuse offers a cipher suite that an ECDSA server cannot serve: it still looks the name up and chooses
 * its certificate, then answers with an alert instead of a signature, so a million names take a minute or two
 * and not a quarter of an hour. */
#include "bench/meter.h"
#include "bench/options.h"
#include "bench/peer.h"

#include <signal.h>
#include <sys/epoll.h>

enum {
        HELLO_MAX = 512,
        SLOTS_MAX = 256,
        SUITE_ECDHE_ECDSA_AES128_GCM = 0xc02b,
        SUITE_RSA_AES128_CBC = 0x003c
};
enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22 };

struct slot {
        int fd; /* -1: free */
        bool sent;
};

struct spray {
        struct peer_address address;
        const char *suffix;
        uint16_t suite;
        uint64_t state; /* of the random names */
        int epoll;
        struct slot slots[SLOTS_MAX];
        int64_t begun, wanted, hellos, alerts, closed, failed;
};

static uint8_t *put16(uint8_t *p, size_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
        return p + 2;
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t len)
{
        memcpy(p, bytes, len);
        return p + len;
}

/* supported_groups, ec_point_formats, signature_algorithms: what a TLS 1.2 client with ECDHE sends. */
static const uint8_t extensions[] = {0, 10, 0, 6,  0, 4, 0, 29, 0, 23, 0, 11, 0, 2,
                                     1, 0,  0, 13, 0, 8, 0, 6,  4, 3,  8, 4,  4, 1};

/* A TLS 1.2 ClientHello record for `name`; returns its length. */
static size_t hello_write(uint8_t hello[HELLO_MAX], const char *name, uint16_t suite, uint64_t *state)
{
        size_t name_len = strlen(name), all = 2 + 2 + 2 + 1 + 2 + name_len + sizeof extensions;
        uint8_t *p = hello;

        *p++ = RECORD_HANDSHAKE;
        p = put16(p, 0x0301);
        p = put16(p, 4 + 2 + 32 + 1 + 4 + 2 + 2 + all);
        *p++ = 1; /* ClientHello */
        *p++ = 0;
        p = put16(p, 2 + 32 + 1 + 4 + 2 + 2 + all);
        p = put16(p, 0x0303);
        for (int i = 0; i < 4; i++) {
                uint64_t random = meter_random(state);
                p = put_bytes(p, &random, sizeof random);
        }
        *p++ = 0; /* no session */
        p = put16(put16(p, 2), suite);
        *p++ = 1;
        *p++ = 0; /* no compression */
        p = put16(p, all);
        p = put16(put16(put16(p, 0), 5 + name_len), 3 + name_len); /* server_name */
        *p++ = 0;
        p = put_bytes(put16(p, name_len), name, name_len);
        return (size_t)(put_bytes(p, extensions, sizeof extensions) - hello);
}

static void slot_end(struct slot *s)
{
        peer_reset_on_close(s->fd);
        close(s->fd);
        s->fd = -1;
}

static void slot_begin(struct spray *y, uint32_t number)
{
        struct slot *s = &y->slots[number];
        struct epoll_event e = {.events = EPOLLOUT, .data.u32 = number};

        y->begun++;
        s->sent = false;
        s->fd = peer_connect(&y->address, SOCK_NONBLOCK);
        if (s->fd < 0) {
                y->failed++;
                return;
        }
        if (epoll_ctl(y->epoll, EPOLL_CTL_ADD, s->fd, &e) != 0)
                err(EXIT_USAGE, "epoll_ctl");
}

static bool slot_send(struct spray *y, uint32_t number)
{
        struct slot *s = &y->slots[number];
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = number};
        char name[PEER_NAME_MAX + 1];
        uint8_t hello[HELLO_MAX];

        snprintf(name, sizeof name, "%016llx.%s", (unsigned long long)meter_random(&y->state), y->suffix);
        size_t len = hello_write(hello, name, y->suite, &y->state);
        s->sent = send(s->fd, hello, len, MSG_NOSIGNAL) == (ssize_t)len;
        return s->sent && epoll_ctl(y->epoll, EPOLL_CTL_MOD, s->fd, &e) == 0;
}

static void slot_event(struct spray *y, uint32_t number)
{
        struct slot *s = &y->slots[number];
        uint8_t bytes[4096];

        if (!s->sent && slot_send(y, number))
                return;
        ssize_t n = s->sent ? recv(s->fd, bytes, sizeof bytes, 0) : -1;
        if (n > 0 && bytes[0] == RECORD_HANDSHAKE)
                y->hellos++;
        else if (n > 0 && bytes[0] == RECORD_ALERT)
                y->alerts++;
        else if (n == 0)
                y->closed++;
        else
                y->failed++;
        slot_end(s);
}

static void spray_run(struct spray *y, int64_t slots, int64_t end_ns)
{
        struct epoll_event events[SLOTS_MAX];
        int64_t busy = 0;

        for (uint32_t i = 0; i < slots; i++)
                y->slots[i].fd = -1;
        do {
                busy = 0;
                bool stop = meter_now_ns() > end_ns || (y->failed > 1000 && y->failed > y->begun / 2);
                for (uint32_t i = 0; i < slots; i++) {
                        if (y->slots[i].fd < 0 && y->begun < y->wanted && !stop)
                                slot_begin(y, i);
                        busy += y->slots[i].fd >= 0;
                }
                int count = busy > 0 ? epoll_wait(y->epoll, events, SLOTS_MAX, 5000) : 0;
                if (count == 0 && busy > 0)
                        errx(EXIT_CANNOT_CONNECT, "no answer for 5 s after %lld names", (long long)y->begun);
                for (int i = 0; i < count; i++)
                        slot_event(y, events[i].data.u32);
        } while (busy > 0);
}

int main(int argc, char **argv)
{
        const char *to = "127.0.0.1:8883";
        int64_t slots = 64, seconds = 600, server_pid = 0, seed = 1;
        bool refuse = false;
        static struct spray y = {.suffix = "spray.invalid", .wanted = 1000000};
        const struct option_row rows[] = {
                {"address", OPTION_TEXT, &to, 0, 0, "host:port (default 127.0.0.1:8883)"},
                {"count", OPTION_INT, &y.wanted, 1, INT64_C(1) << 40, "names (default 1000000)"},
                {"suffix", OPTION_TEXT, &y.suffix, 0, 0, "of the random names (default spray.invalid)"},
                {"refuse", OPTION_ON, &refuse, 0, 0,
                 "offer a suite that is refused after the name was looked up"},
                {"at-a-time", OPTION_INT, &slots, 1, SLOTS_MAX, "connections (default 64)"},
                {"seconds", OPTION_INT, &seconds, 1, 86400, "ends after so long at the latest (default 600)"},
                {"server-pid", OPTION_INT, &server_pid, 1, INT32_MAX, "process that is measured"},
                {"seed", OPTION_INT, &seed, 1, INT64_MAX, "of the random names (default 1)"},
        };

        options_read(rows, sizeof rows / sizeof *rows,
                     "hello_spray: ClientHellos for names never configured.", argc, argv);
        if (strlen(y.suffix) > 200)
                errx(EXIT_USAGE, "--suffix is too long");
        y.address = peer_address(to);
        y.suite = refuse ? SUITE_RSA_AES128_CBC : SUITE_ECDHE_ECDSA_AES128_GCM;
        y.state = (uint64_t)seed;
        y.epoll = epoll_create1(EPOLL_CLOEXEC);
        if (y.epoll < 0)
                err(EXIT_USAGE, "epoll_create1");
        int64_t begin_ns = meter_now_ns(), server_ns = server_pid > 0 ? meter_cpu_ns(server_pid) : 0;
        int64_t before_kb = server_pid > 0 ? meter_rss_kb(server_pid) : 0;
        spray_run(&y, slots, begin_ns + seconds * NS_PER_S);
        double elapsed_s = (double)(meter_now_ns() - begin_ns) / NS_PER_S;
        printf("{\"names\":%lld,\"hellos\":%lld,\"alerts\":%lld,\"closed\":%lld,\"failed\":%lld,\"seconds\":%"
               ".2f",
               (long long)y.begun, (long long)y.hellos, (long long)y.alerts, (long long)y.closed,
               (long long)y.failed, elapsed_s);
        if (server_pid > 0)
                printf(",\"server_cpu_us\":%.2f,\"rss_before_kb\":%lld,\"rss_after_kb\":%lld",
                       (double)(meter_cpu_ns(server_pid) - server_ns) / (double)y.begun / 1000,
                       (long long)before_kb, (long long)meter_rss_kb(server_pid));
        printf("}\n");
        close(y.epoll);
        return y.hellos + y.alerts > 0 ? EXIT_SUCCESS : EXIT_CANNOT_CONNECT;
}
