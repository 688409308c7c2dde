/* SPDX-License-Identifier: Apache-2.0 */
/* Connections on real workers. Client IDs "a" … land on both of them, so most of these connections move. */
#include "broker/fabric.h"
#include "broker_stage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGES = 500, UNREAD_MAX = 100000, MANY = 25, BULK = 1500, STARTS = 100 };

static const uint8_t suback_0[] = {0x90, 3, 0, 1, 0};

static void goodbye(int fd)
{
        close(fd);
        cr_assert(stage_counts(COUNTER_connections, 0));
}

static int subscriber(const char *client_id, const char *filter)
{
        struct packet p = {.len = 0};
        int fd = client_login(client_id, true);

        put_subscribe(&p, filter, 0);
        client_send(fd, &p);
        cr_assert(client_hears(fd, suback_0, sizeof suback_0));
        return fd;
}

Test(worker, carries_messages_between_workers_in_their_order, .init = stage_start, .fini = stage_stop)
{
        static const char *const names[] = {"a", "b", "c", "d"};
        int fds[4], publisher = client_login("e", true);

        for (int n = 0; n < 4; n++)
                fds[n] = subscriber(names[n], "t/#");
        for (int n = 0; n < MESSAGES; n++) {
                struct packet p = {.len = 0};
                char text[16];

                snprintf(text, sizeof text, "%d", n);
                put_publish(&p, "t/x", text, 0, 0);
                client_send(publisher, &p);
        }
        for (int to = 0; to < 4; to++)
                for (int n = 0; n < MESSAGES; n++) {
                        char text[16];

                        snprintf(text, sizeof text, "%d", n);
                        cr_assert(client_hears_publish(fds[to], "t/x", text));
                }
        cr_assert_eq(stage_counter(COUNTER_messages_in), MESSAGES);
        cr_assert_eq(stage_counter(COUNTER_messages_out), 4 * MESSAGES);
        close(publisher);
        for (int n = 0; n < 4; n++)
                close(fds[n]);
        cr_assert(stage_counts(COUNTER_connections, 0));
}

/* More deliveries than a turn makes: what was left of the bytes comes later, in its order. */
Test(worker, goes_on_in_the_next_turn_where_it_stopped, .init = stage_start, .fini = stage_stop)
{
        static uint8_t bulk[BULK * PACKET_ROOM];
        int fds[MANY], publisher = client_login("publisher", true);
        size_t len = 0;
        char text[16];

        for (int n = 0; n < MANY; n++) {
                snprintf(text, sizeof text, "s%d", n);
                fds[n] = subscriber(text, "t");
        }
        for (int n = 0; n < BULK; n++) {
                struct packet p = {.len = 0};

                snprintf(text, sizeof text, "%d", n);
                put_publish(&p, "t", text, 0, 0);
                memcpy(bulk + len, p.bytes, p.len);
                len += p.len;
        }
        cr_assert_eq(send(publisher, bulk, len, MSG_NOSIGNAL), (ssize_t)len);
        for (int to = 0; to < MANY; to++) {
                for (int n = 0; n < BULK; n++) {
                        snprintf(text, sizeof text, "%d", n);
                        cr_assert(client_hears_publish(fds[to], "t", text), "%d of %d", n, to);
                }
                close(fds[to]);
        }
        goodbye(publisher);
}

/* The newer one's SUBSCRIBE follows its CONNECT in the same segment, while the older one's bytes wait unread.
 */
Test(worker, never_mixes_the_bytes_of_an_older_and_a_newer_connection, .init = stage_start,
     .fini = stage_stop)
{
        static uint8_t filth[200000]; /* more than a turn reads */

        for (size_t n = 0; n + 2 <= sizeof filth; n += 2)
                filth[n] = 0xC0; /* PINGREQ */
        for (int n = 0; n < 100; n++) {
                int older = client_login("same", true), newer = client_open();
                struct packet p = {.len = 0};

                put_connect(&p, "same", true, 60);
                put_subscribe(&p, "t", 0);
                put_publish(&p, "t", "mine", 0, 0);
                cr_assert_eq(send(older, filth, sizeof filth, MSG_NOSIGNAL), (ssize_t)sizeof filth);
                client_send(newer, &p);
                cr_assert(client_hears(newer, "\x20\x02\x00\x00", 4));
                cr_assert(client_hears(newer, suback_0, sizeof suback_0));
                cr_assert(client_hears_publish(newer, "t", "mine"));
                close(older);
                goodbye(newer);
        }
}

Test(worker, hears_a_publisher_that_leaves_without_reading, .init = stage_start, .fini = stage_stop)
{
        int fd = subscriber("a", "t");

        for (int n = 0; n < 100; n++) {
                struct packet p = {.len = 0};
                int publisher = client_open();

                put_connect(&p, n % 2 == 0 ? "b" : "c", true, 60);
                client_send(publisher, &p);
                cr_assert(stage_counts(COUNTER_connections, 2));
                p.len = 0;
                put_publish(&p, "t", "last words", 0, 0);
                put_empty(&p, 14);
                client_send(publisher, &p);
                close(publisher); /* with the CONNACK unread: a reset */
                cr_assert(client_hears_publish(fd, "t", "last words"));
                cr_assert(stage_counts(COUNTER_connections, 1));
        }
        goodbye(fd);
}

Test(worker, closes_a_client_that_asks_and_never_reads, .init = stage_start, .fini = stage_stop)
{
        struct packet p = {.len = 0};
        int fd = client_login("a", true), n = 0, small = 4096;

        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        while (p.len + 2 <= sizeof p.bytes)
                put_empty(&p, 12);
        while (n < UNREAD_MAX && send(fd, p.bytes, p.len, MSG_NOSIGNAL) > 0)
                n++;
        cr_assert_lt(n, UNREAD_MAX);
        goodbye(fd);
}

Test(worker, takes_no_long_connect_from_somebody_unknown, .init = stage_start, .fini = stage_stop)
{
        int fd = client_open();

        cr_assert_eq(send(fd, "\x10\x80\x80\x20", 4, MSG_NOSIGNAL), 4); /* 512 KiB are announced */
        cr_assert(client_is_closed(fd));
        goodbye(fd);
}

static void start_with_few(void)
{
        connections_max = 3;
        stage_start();
}

Test(worker, counts_connections_where_they_live, .init = start_with_few, .fini = stage_stop)
{
        int fds[3];

        for (int n = 0; n < 3; n++) {
                char name[2] = {(char)('a' + n), '\0'};

                fds[n] = client_login(name, true);
        }
        for (int n = 0; n < 10; n++) {
                int late = client_open();

                cr_assert(client_is_closed(late));
                close(late);
        }
        cr_assert_eq(stage_counter(COUNTER_refused_over_limit), 10);
        for (int n = 0; n < 3; n++)
                close(fds[n]);
        cr_assert(stage_counts(COUNTER_connections, 0));
}

Test(worker, cuts_off_whose_access_key_is_gone, .init = stage_start, .fini = stage_stop)
{
        int a = client_login("a", true), b = client_login("b", true), unknown = client_open();

        cr_assert(stage_counts(COUNTER_connections, 3));
        stage_publish(false);
        cr_assert(client_is_closed(a));
        cr_assert(client_is_closed(b));
        cr_assert(stage_counts(COUNTER_connections, 1)); /* who has not said who he is is not judged yet */
        close(a);
        close(b);
        goodbye(unknown);
}

Test(worker, keeps_a_session_for_its_client_over_connections, .init = stage_start, .fini = stage_stop)
{
        struct packet p = {.len = 0};
        int fd = client_login("a", false), publisher = client_login("b", true);

        put_subscribe(&p, "t", 1);
        client_send(fd, &p);
        cr_assert(client_hears(fd, "\x90\x03\x00\x01\x01", 5));
        close(fd);
        cr_assert(stage_counts(COUNTER_connections, 1));
        p.len = 0;
        put_publish(&p, "t", "kept", 1, 7);
        client_send(publisher, &p);
        cr_assert(client_hears(publisher, "\x40\x02\x00\x07", 4));
        fd = client_open();
        p.len = 0;
        put_connect(&p, "a", false, 60);
        client_send(fd, &p);
        cr_assert(client_hears(fd, "\x20\x02\x01\x00", 4)); /* present */
        cr_assert(client_hears(fd,
                               "\x32\x09\x00\x01t\x00\x01"
                               "kept",
                               11));
        close(fd);
        goodbye(publisher);
}

Test(worker, stops_with_everything_half_done, .init = stage_start)
{
        int fds[60];

        for (int n = 0; n < 60; n++) {
                struct packet p = {.len = 0};
                char name[8];

                snprintf(name, sizeof name, "c%d", n % 20); /* take-overs, too */
                fds[n] = client_open();
                put_connect(&p, name, n % 3 == 0, 60);
                put_subscribe(&p, "#", 1);
                put_publish(&p, "t", "x", (uint8_t)(n % 3), 1);
                p.len -= (size_t)(n % 7);
                client_send(fds[n], &p);
        }
        stage_stop();
        for (int n = 0; n < 60; n++)
                close(fds[n]);
}

static int descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        int count = 0;

        cr_assert_not_null(d);
        while (readdir(d) != NULL)
                count++;
        closedir(d);
        return count;
}

/* The news that the doors may open can still be on its way to a worker that stops. */
Test(worker, leaves_nothing_open_when_it_stops_right_after_its_start)
{
        stage_start();
        stage_stop(); /* what libraries open once is open now */
        int before = descriptors();

        for (int n = 0; n < STARTS; n++) {
                stage_start();
                stage_stop();
                cr_assert_eq(descriptors(), before, "start %d left descriptors open", n);
        }
}
