/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/admission.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static struct sockaddr_storage ipv4(const char *text, uint16_t port)
{
        struct sockaddr_storage s = {0};
        struct sockaddr_in *a = (struct sockaddr_in *)&s;

        a->sin_family = AF_INET;
        a->sin_port = htons(port);
        cr_assert_eq(inet_pton(AF_INET, text, &a->sin_addr), 1);
        return s;
}

static struct sockaddr_storage ipv6(const char *text, uint16_t port)
{
        struct sockaddr_storage s = {0};
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)&s;

        a->sin6_family = AF_INET6;
        a->sin6_port = htons(port);
        cr_assert_eq(inet_pton(AF_INET6, text, &a->sin6_addr), 1);
        return s;
}

static struct admission *admission(uint32_t connections_max, uint32_t per_address)
{
        struct admission *a = NULL;

        cr_assert_eq(admission_new(connections_max, per_address, &a), ERR_OK);
        return a;
}

static void enters(struct admission *a, struct sockaddr_storage address, enum refusal expected)
{
        cr_assert_eq(admission_enter(a, &address), expected);
}

Test(admission, refuses_what_is_over_the_total_and_lets_in_again_when_somebody_left)
{
        struct admission *a = admission(3, 0);
        struct sockaddr_storage one = ipv4("192.0.2.1", 1);

        for (int n = 0; n < 3; n++)
                enters(a, one, REFUSAL_NONE);
        enters(a, one, REFUSAL_CONNECTIONS_FULL);
        enters(a, ipv6("2001:db8::1", 1), REFUSAL_CONNECTIONS_FULL);
        cr_assert_eq(admission_count(a), 3, "the refused do not count");
        admission_leave(a, &one);
        enters(a, one, REFUSAL_NONE);
        enters(a, one, REFUSAL_CONNECTIONS_FULL);
        cr_assert_null(admission_free(a));
}

Test(admission, refuses_what_is_over_the_limit_of_an_address_whatever_the_port)
{
        struct admission *a = admission(100, 2);
        struct sockaddr_storage first = ipv4("192.0.2.1", 1);

        enters(a, first, REFUSAL_NONE);
        enters(a, ipv4("192.0.2.1", 2), REFUSAL_NONE);
        enters(a, ipv4("192.0.2.1", 3), REFUSAL_ADDRESS_FULL);
        enters(a, ipv4("192.0.2.2", 1), REFUSAL_NONE);
        cr_assert_eq(admission_count(a), 3);
        admission_leave(a, &first);
        enters(a, ipv4("192.0.2.1", 4), REFUSAL_NONE);
        enters(a, ipv4("192.0.2.1", 5), REFUSAL_ADDRESS_FULL);
        (void)admission_free(a);
}

Test(admission, counts_an_ipv6_client_with_its_64)
{
        struct admission *a = admission(100, 1);

        enters(a, ipv6("2001:db8:0:1::1", 1), REFUSAL_NONE);
        enters(a, ipv6("2001:db8:0:1:ffff:ffff:ffff:ffff", 1), REFUSAL_ADDRESS_FULL);
        enters(a, ipv6("2001:db8:0:2::1", 1), REFUSAL_NONE);
        (void)admission_free(a);
}

Test(admission, counts_a_mapped_address_as_the_ipv4_one_and_not_with_its_64)
{
        struct admission *a = admission(100, 1);

        enters(a, ipv6("::ffff:192.0.2.1", 1), REFUSAL_NONE);
        enters(a, ipv4("192.0.2.1", 1), REFUSAL_ADDRESS_FULL);
        enters(a, ipv6("::ffff:192.0.2.2", 1), REFUSAL_NONE);
        enters(a, ipv6("::1", 1), REFUSAL_NONE);
        (void)admission_free(a);
}

Test(admission, one_whose_address_is_not_known_yet_counts_in_the_total_and_with_its_address_when_it_is)
{
        struct admission *a = admission(4, 1);
        struct sockaddr_storage one = ipv4("192.0.2.1", 1), two = ipv4("192.0.2.2", 1);

        for (int n = 0; n < 4; n++)
                cr_assert_eq(admission_enter(a, NULL), REFUSAL_NONE, "they are nobody's");
        cr_assert_eq(admission_enter(a, NULL), REFUSAL_CONNECTIONS_FULL);
        cr_assert_eq(admission_name(a, &one), REFUSAL_NONE);
        cr_assert_eq(admission_name(a, &one), REFUSAL_ADDRESS_FULL);
        cr_assert_eq(admission_name(a, &two), REFUSAL_NONE);
        cr_assert_eq(admission_count(a), 4, "naming counts nobody twice");
        admission_leave(a, NULL); /* the one that was refused */
        admission_leave(a, NULL); /* one that never said */
        enters(a, one, REFUSAL_ADDRESS_FULL);
        admission_leave(a, &one);
        enters(a, one, REFUSAL_NONE);
        admission_leave(a, &two);
        admission_leave(a, &one);
        cr_assert_eq(admission_count(a), 0);
        cr_assert_eq(admission_name(NULL, &one), REFUSAL_NONE);
        (void)admission_free(a);
}

Test(admission, without_a_limit_for_addresses_knows_none)
{
        struct admission *a = admission(1000, 0);
        struct sockaddr_storage one = ipv4("192.0.2.1", 1);

        for (int n = 0; n < 1000; n++)
                enters(a, one, REFUSAL_NONE);
        for (int n = 0; n < 1000; n++)
                admission_leave(a, &one);
        cr_assert_eq(admission_count(a), 0);
        (void)admission_free(a);
}

Test(admission, that_is_not_there_lets_everybody_in)
{
        struct sockaddr_storage one = ipv4("192.0.2.1", 1);

        enters(NULL, one, REFUSAL_NONE);
        admission_leave(NULL, &one);
        cr_assert_eq(admission_count(NULL), 0);
}

/* Every address has exactly its limit, and nothing is left when all have gone. */
Test(admission, keeps_very_many_addresses_apart)
{
        struct admission *a = admission(200000, 2);
        char text[32];

        for (int round = 0; round < 2; round++) {
                for (int n = 0; n < 3 * 20000; n++) {
                        snprintf(text, sizeof text, "10.%d.%d.1", n % 20000 / 200, n % 200);
                        enters(a, ipv4(text, 1), n < 2 * 20000 ? REFUSAL_NONE : REFUSAL_ADDRESS_FULL);
                }
                cr_assert_eq(admission_count(a), 2 * 20000);
                for (int n = 0; n < 2 * 20000; n++) {
                        snprintf(text, sizeof text, "10.%d.%d.1", n % 20000 / 200, n % 200);
                        struct sockaddr_storage address = ipv4(text, 9);
                        admission_leave(a, &address);
                }
                cr_assert_eq(admission_count(a), 0);
        }
        (void)admission_free(a);
}

enum { THREADS = 4, ROUNDS = 20000, LIMIT = 3 };
static struct admission *crowded;
static atomic_int inside, most;

static void *come_and_go(void *arg)
{
        struct sockaddr_storage address = *(const struct sockaddr_storage *)arg;

        for (int n = 0; n < ROUNDS; n++) {
                if (admission_enter(crowded, &address) != REFUSAL_NONE)
                        continue;
                int now = atomic_fetch_add(&inside, 1) + 1;
                if (now > atomic_load(&most))
                        atomic_store(&most, now);
                atomic_fetch_sub(&inside, 1);
                admission_leave(crowded, &address);
        }
        return NULL;
}

Test(admission, holds_its_limits_when_many_threads_ask)
{
        struct sockaddr_storage address = ipv4("192.0.2.1", 1);
        pthread_t threads[THREADS];

        crowded = admission(1000, LIMIT);
        for (int n = 0; n < THREADS; n++)
                cr_assert_eq(pthread_create(&threads[n], NULL, come_and_go, &address), 0);
        for (int n = 0; n < THREADS; n++)
                cr_assert_eq(pthread_join(threads[n], NULL), 0);
        cr_assert_leq(atomic_load(&most), LIMIT);
        cr_assert_geq(atomic_load(&most), 1);
        cr_assert_eq(admission_count(crowded), 0);
        for (int n = 0; n < LIMIT; n++) /* nobody was forgotten inside */
                enters(crowded, address, REFUSAL_NONE);
        enters(crowded, address, REFUSAL_ADDRESS_FULL);
        (void)admission_free(crowded);
}
