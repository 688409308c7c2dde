/* SPDX-License-Identifier: Apache-2.0 */
/* load_report: the one line of JSON at the end of mqtt_load. README.md says what the numbers mean. */
#ifndef SIGNET_BENCH_LOAD_REPORT_H
#define SIGNET_BENCH_LOAD_REPORT_H

#include "bench/load.h"
#include "bench/meter.h"
#include "bench/mqtt_packet.h"

typedef unsigned long long ull;

struct losses {
        uint64_t lost, lost_acked, duplicated, out_of_order, links_harmed;
};

/* `lost`: sent, not refused, never received. `lost_acked`: of these, those that the server answers for:
 * PUBACK or PUBREC came. */
static inline struct losses report_losses(const struct load *l)
{
        struct losses sum = {0, 0, 0, 0, 0};

        for (uint32_t i = 0; i < l->links_count; i++) {
                const struct link *link = &l->links[i];
                const struct client *publisher = &l->clients[l->pattern == PATTERN_FAN_OUT ? 0 : i];
                uint64_t lost = publisher->sent - publisher->refused - link->received;
                sum.lost += lost;
                sum.lost_acked += bitmap_count_without(&publisher->acked_set, &link->seen);
                sum.duplicated += link->duplicated;
                sum.out_of_order += link->out_of_order;
                sum.links_harmed += lost > 0 || link->duplicated > 0 || link->out_of_order > 0;
        }
        return sum;
}

/* A JSON string without the quotes: what the peer or the system said may hold anything. */
static inline void report_text(const char *text)
{
        for (; *text != '\0'; text++)
                putchar(*text == '"' || *text == '\\' || (unsigned char)*text < 0x20 ? '?' : *text);
}

static inline void report_drops(const struct load *l)
{
        const char *comma = "";

        printf(",\"drops\":%llu,\"drop_reasons\":{", (ull)l->drops_total);
        for (int i = 0; i < DROP_REASONS; i++) {
                if (l->drops[i] == 0)
                        continue;
                printf("%s\"%s\":%llu", comma, drop_names[i], (ull)l->drops[i]);
                comma = ",";
        }
        printf("}");
        if (l->drops_total > 0)
                printf(",\"first_drop_s\":%.3f", (double)(l->first_drop_ns - l->begin_ns) / NS_PER_S);
}

static inline void report_server(const struct load *l)
{
        double delivered = l->delivered > 0 ? (double)l->delivered : 1, ready = l->ready > 0 ? l->ready : 1;

        if (l->o.server_pid == 0)
                return;
        printf(",\"server_connect_cpu_us\":%.1f,\"server_kb_per_connection\":%.2f,"
               "\"server_kb_per_connection_end\":%.2f",
               (double)l->server_connect_ns / ready / 1000,
               (double)(l->server_rss_ready_kb - l->server_rss_before_kb) / ready,
               (double)(l->server_rss_end_kb - l->server_rss_before_kb) / ready);
        printf(",\"server_cpu_us_per_message\":%.3f,\"server_cpu_share\":%.3f,\"server_rss_kb\":%lld",
               (double)l->server_ns / delivered / 1000,
               (double)l->server_ns / (double)(l->end_ns - l->begin_ns), (long long)l->server_rss_end_kb);
}

/* What the generator itself did: whether it was the one that could not go faster, and how it wrote. */
static inline void report_generator(const struct load *l, double seconds)
{
        printf(",\"messages_per_s\":%.1f,\"client_cpu_s\":%.3f",
               seconds > 0 ? (double)l->delivered / seconds : 0.0, (double)l->cpu_ns / NS_PER_S);
        printf(",\"client_cpu_share\":%.3f,\"messages_per_write\":%.2f",
               seconds > 0 ? (double)l->cpu_ns / NS_PER_S / seconds : 0.0,
               l->publish_writes > 0 ? (double)l->sent / (double)l->publish_writes : 0.0);
        if (l->connections > l->members)
                printf(",\"slow\":%u,\"slow_cut\":%llu,\"slow_read_bytes\":%llu", l->connections - l->members,
                       (ull)l->slow_cut, (ull)l->slow_bytes);
}

static inline const char *report_transport(const struct load *l)
{
        if (l->ctx == NULL)
                return "tcp";
        return l->devices != NULL || l->o.cert[0] != '\0' ? "mutual TLS" : "tls";
}

static inline void report_print(const struct load *l)
{
        struct losses sum = report_losses(l);
        bool begun = l->begin_ns != 0;
        double seconds = begun ? (double)(l->end_ns - l->begin_ns) / NS_PER_S : 0;
        double connect_s = (double)((begun ? l->begin_ns : l->end_ns) - l->connect_begin_ns) / NS_PER_S;

        printf("{\"connections\":%u,\"connected\":%u,\"connect_s\":%.3f,\"pattern\":\"%s\",\"qos\":%lld",
               l->connections, l->ready, connect_s, pattern_names[l->pattern], (long long)l->o.qos);
        printf(",\"protocol\":\"%s\",\"transport\":\"%s\",\"payload\":%lld,\"loop\":\"%s\",\"seconds\":%.3f",
               l->level == LEVEL_5_0 ? "5.0" : "3.1.1", report_transport(l), (long long)l->o.payload_len,
               l->as_fast_as_possible ? "closed" : "open", seconds);
        if (l->as_fast_as_possible)
                printf(",\"window\":%lld,\"batch\":%lld", (long long)l->o.window, (long long)l->o.batch);
        printf(",\"sent\":%llu,\"acked\":%llu,\"completed\":%llu,\"refused\":%llu,\"unsent\":%llu,"
               "\"received\":%llu,\"delivered\":%llu,\"expected\":%llu",
               (ull)l->sent, (ull)l->acked, (ull)l->completed, (ull)l->refused, (ull)l->unsent,
               (ull)l->received, (ull)l->delivered, (ull)((l->sent - l->refused) * l->fan));
        printf(",\"lost\":%llu,\"lost_acked\":%llu,\"duplicated\":%llu,\"out_of_order\":%llu,\"links_"
               "harmed\":%llu",
               (ull)sum.lost, (ull)sum.lost_acked, (ull)sum.duplicated, (ull)sum.out_of_order,
               (ull)sum.links_harmed);
        printf(",\"misrouted\":%llu,\"foreign\":%llu,\"corrupt\":%llu,\"acks_unexpected\":%llu,\"stalls\":%"
               "llu",
               (ull)l->misrouted, (ull)l->foreign, (ull)l->corrupt, (ull)l->acks_unexpected, (ull)l->stalls);
        report_drops(l);
        report_generator(l, seconds);
        report_server(l);
        if (l->failure[0] != '\0') {
                printf(",\"error\":\"");
                report_text(l->failure);
                printf("\"");
        }
        printf(",");
        histogram_print(&l->latency, stdout);
        printf("}\n");
        fflush(stdout);
}

#endif
