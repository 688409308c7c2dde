/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/metrics_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 512 * 1024, NOW = 1000 };

static struct metrics_reading reading;
static struct buf page;

static void begin(void)
{
        reading = (struct metrics_reading){
                .version = "1.2.3", .instance = "mqtt-test", .node_id = "host:8883", .now_ms = 50000};
        page = BUF_UP_TO(PAGE_MAX);
}

static void end(void)
{
        buf_done(&page);
}

TestSuite(metrics_text, .init = begin, .fini = end);

static void write_page(void)
{
        page.len = 0;
        cr_assert_eq(metrics_write(&reading, &page), ERR_OK);
}

/* Whether this very line is on the page. */
static bool has_line(const char *line)
{
        size_t len = strlen(line);

        for (const char *at = buf_text(&page); (at = strstr(at, line)) != NULL; at += len)
                if ((at == buf_text(&page) || at[-1] == '\n') && at[len] == '\n')
                        return true;
        return false;
}

static void says(const char *line)
{
        cr_assert(has_line(line), "no line %s in\n%s", line, buf_text(&page));
}

static size_t count_of(const char *text)
{
        size_t count = 0;

        for (const char *at = buf_text(&page); (at = strstr(at, text)) != NULL; at++)
                count++;
        return count;
}

Test(metrics_text, a_store_that_fails_is_not_up_and_neither_is_one_that_is_not_there)
{
        write_page();
        says("signet_broker_store_up 0");
        reading.keeps = true;
        reading.store.commit_us_total = 1500000;
        write_page();
        says("signet_broker_store_up 1");
        says("signet_broker_store_commit_seconds_total 1.500000");
        reading.store_failing = true;
        write_page();
        says("signet_broker_store_up 0");
}

Test(metrics_text, tells_every_reason_of_the_table_also_those_that_never_were)
{
        reading.refused[REFUSAL_CA_INACTIVE] = 7;
        write_page();
        says("signet_broker_refusals_total{stage=\"accept\",reason=\"connections_full\"} 0");
        says("signet_broker_refusals_total{stage=\"handshake\",reason=\"ca_inactive\"} 7");
        says("signet_broker_refusals_total{stage=\"connect\",reason=\"sessions_full\"} 0");
        cr_assert_eq(count_of("\nsignet_broker_refusals_total{"), REFUSALS - 1);
}

/* Each family has its HELP and TYPE once, before its samples, and no sample comes twice. */
Test(metrics_text, is_well_formed)
{
        char *lines[1000], *line, *rest, type[128];
        size_t count = 0;

        expiries_add(&reading.servers, "7", 2000, NOW);
        expiries_add(&reading.cas, "00ff", 3000, NOW);
        reading.served.reloads = 1;
        write_page();
        cr_assert_eq(page.data[page.len - 1], '\n');
        for (line = strtok_r((char *)page.data, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
                cr_assert_lt(count, 1000);
                lines[count++] = line;
        }
        for (size_t n = 0; n < count; n++) {
                if (strncmp(lines[n], "# HELP ", 7) == 0) {
                        size_t len = strcspn(lines[n] + 7, " ");

                        cr_assert_lt(n + 1, count);
                        (void)snprintf(type, sizeof type, "# TYPE %.*s ", (int)len, lines[n] + 7);
                        cr_assert_eq(strncmp(lines[n + 1], type, strlen(type)), 0, "%s", lines[n + 1]);
                } else if (lines[n][0] != '#') {
                        size_t name = strcspn(type + 7, " ");

                        cr_assert_eq(strncmp(lines[n], type + 7, name), 0, "%s is not of %s", lines[n], type);
                        cr_assert(lines[n][name] == '{' || lines[n][name] == ' ', "%s", lines[n]);
                }
                for (size_t other = 0; other < n; other++) {
                        size_t key = strcspn(lines[n], "}");

                        cr_assert(strncmp(lines[other], lines[n], key + 1) != 0 || lines[n][0] == '#',
                                  "%s and %s", lines[other], lines[n]);
                }
        }
}

Test(metrics_text, escapes_the_values_of_labels)
{
        reading.node_id = "a\\b\"c\nd";
        write_page();
        says("signet_broker_instance_info{mqtt_instance=\"mqtt-test\",node=\"a\\\\b\\\"c\\nd\"} 1");
}

Test(metrics_text, tells_numbers_as_they_are)
{
        reading.counters[COUNTER_connections] = 12;
        reading.counters[COUNTER_handshakes] = 100;
        reading.counters[COUNTER_handshakes_resumed] = 30;
        reading.counters[COUNTER_handshakes_failed] = 5;
        reading.handshakes_full = 70;
        reading.registry = (struct registry_counts){.registered = 4, .waiting = 3, .complete = true};
        reading.known_devices = 9;
        reading.served.mode = AUTH_MUTUAL;
        write_page();
        says("signet_broker_build_info{version=\"1.2.3\"} 1");
        says("signet_broker_connections 12");
        says("signet_broker_handshakes_total{result=\"full\"} 70");
        says("signet_broker_handshakes_total{result=\"resumed\"} 30");
        says("signet_broker_handshakes_total{result=\"failed\"} 5");
        says("signet_broker_registrations_total{result=\"registered\"} 4");
        says("signet_broker_registrations_waiting 3");
        says("signet_broker_registry_complete 1");
        says("signet_broker_registry_database_up 0");
        says("signet_broker_devices_known 9");
        says("signet_broker_authentication_mode{mode=\"one-way\"} 0");
        says("signet_broker_authentication_mode{mode=\"mutual\"} 1");
}

Test(metrics_text, knows_no_ages_without_a_snapshot)
{
        write_page();
        cr_assert_eq(count_of("\nsignet_broker_snapshot_age_seconds"), 0);
        cr_assert_eq(count_of("\nsignet_broker_snapshot_checked_age_seconds"), 0);
        says("signet_broker_snapshot_loaded_timestamp_seconds 0");
        reading.served.reloads = 1;
        reading.served.loaded_ms = 38995;
        reading.served.checked_ms = 49999;
        write_page();
        says("signet_broker_snapshot_age_seconds 11.005");
        says("signet_broker_snapshot_checked_age_seconds 0.001");
}

Test(metrics_text, leaves_out_what_it_does_not_know_of_the_process)
{
        reading.process = (struct process_reading){-1, 1024, 4096, 1500000, 77};
        write_page();
        cr_assert_eq(count_of("process_open_fds"), 0);
        says("process_max_fds 1024");
        says("process_resident_memory_bytes 4096");
        says("process_cpu_seconds_total 1.500000");
        says("process_start_time_seconds 77");
}

Test(metrics_text, fails_as_a_whole_when_the_page_has_no_room)
{
        struct buf small = BUF_UP_TO(200);

        cr_assert_eq(metrics_write(&reading, &small), ERR_LIMIT);
        buf_done(&small);
}

/* ---- expiries ---- */

Test(metrics_text, names_the_hundred_that_end_soonest_and_counts_all_that_have_ended)
{
        static struct expiries e;
        char name[16];

        memset(&e, 0, sizeof e);
        for (int n = 0; n < 1000; n++) {
                int mixed = n * 7919 % 1000; /* each of 0 … 999 once */

                (void)snprintf(name, sizeof name, "c%d", mixed);
                expiries_add(&e, name, 500 + mixed, 1000);
        }
        cr_assert_eq(e.count, EXPIRIES_MAX);
        cr_assert_eq(e.expired, 501);
        for (int n = 0; n < EXPIRIES_MAX; n++) {
                (void)snprintf(name, sizeof name, "c%d", n);
                cr_assert_str_eq(e.soonest[n].name, name);
                cr_assert_eq(e.soonest[n].not_after, 500 + n);
        }
}

Test(metrics_text, names_nobody_twice)
{
        static struct expiries e;

        memset(&e, 0, sizeof e);
        expiries_add(&e, "a", 300, NOW);
        expiries_add(&e, "b", 200, NOW);
        expiries_add(&e, "a", 400, NOW);
        expiries_add(&e, "c", 0, NOW); /* not known */
        expiries_add(&e, "a", 100, NOW);
        cr_assert_eq(e.count, 2);
        cr_assert_str_eq(e.soonest[0].name, "a");
        cr_assert_eq(e.soonest[0].not_after, 100);
        cr_assert_str_eq(e.soonest[1].name, "b");
        reading.servers = e;
        write_page();
        says("signet_broker_server_certificate_expiry_timestamp_seconds{certificate=\"a\"} 100");
        says("signet_broker_server_certificate_expiry_timestamp_seconds{certificate=\"b\"} 200");
        says("signet_broker_server_certificate_first_expiry_timestamp_seconds 100");
        cr_assert_eq(count_of("\nsignet_broker_ca_certificate_first_expiry_timestamp_seconds"), 0);
}
