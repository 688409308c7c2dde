/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/fabric.h"

#include "tests/unit/broker/session_stage.h"
#include "tests/unit/broker/store_stage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 4000 };

static struct context worker; /* static: it holds two large scratch buffers */

static int home_of(int workers, const char *client_id)
{
        worker.count = workers;
        return fabric_home(&worker, client_id, strlen(client_id));
}

/* As fleets are numbered: at the end. */
Test(fabric, numbered_clients_are_spread_over_all_workers)
{
        static const int counts[] = {2, 3, 4, 8, 16, 64};

        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
                int at[WORKERS_MAX] = {0}, fair = CLIENTS / counts[c];

                for (int n = 0; n < CLIENTS; n++) {
                        char id[64];

                        snprintf(id, sizeof id, "GID_fleet@@@%06d", n);
                        at[home_of(counts[c], id)]++;
                }
                for (int w = 0; w < counts[c]; w++)
                        cr_assert(at[w] > fair / 2 && at[w] < fair * 2, "worker %d of %d has %d of %d", w,
                                  counts[c], at[w], CLIENTS);
        }
}

Test(fabric, a_client_has_one_home)
{
        for (int workers = 1; workers <= WORKERS_MAX; workers++) {
                int home = home_of(workers, "GID_a@@@1");

                cr_assert(home >= 0 && home < workers);
                cr_assert_eq(home, home_of(workers, "GID_a@@@1"));
        }
        cr_assert_eq(home_of(1, ""), 0);
}

/* ---- who is waited for ---- */

enum { WORKERS = 3 };
static struct context *workers[WORKERS];

static void end_of_turn(int from)
{
        for (int to = 0; to < WORKERS; to++)
                mailbox_post(&workers[to]->mailbox, &workers[from]->outgoing[to]);
}

static void start_workers(void)
{
        for (int n = 0; n < WORKERS; n++) {
                struct context *ctx = workers[n] = store_stage_context(NULL);
                struct session_table_settings settings = {.limits = &limits_in_test,
                                                          .port = &ctx->port,
                                                          .wheel = &ctx->session_wheel,
                                                          .ctx = ctx};

                ctx->index = n;
                ctx->count = WORKERS;
                ctx->peers = workers;
                cr_assert_eq(router_new(session_id, &ctx->router), ERR_OK);
                settings.router = ctx->router;
                wheel_init(&ctx->session_wheel, 0);
                cr_assert_eq(session_table_new(&settings, &ctx->sessions), ERR_OK);
        }
}

static void stop_workers(void)
{
        for (int n = 0; n < WORKERS; n++) {
                workers[n]->sessions = session_table_free(workers[n]->sessions);
                workers[n]->router = router_free(workers[n]->router);
                store_stage_context_end(workers[n]);
        }
}

static struct message *message_to(const char *topic)
{
        return message_new(&(struct message_content){.topic = text(topic), .payload = text("x"), .qos = 1});
}

static const char *client_at(int home)
{
        static char id[32];

        for (int n = 0; n < 1000; n++) {
                snprintf(id, sizeof id, "GID_a@@@%d", n);
                if (fabric_home(workers[0], id, strlen(id)) == home)
                        return id;
        }
        return NULL;
}

static int told; /* receipts that came home */

static void tell(struct receipt *r)
{
        told++;
        free(r);
}

Test(fabric, a_kept_member_of_a_share_is_waited_for_on_a_third_worker, .init = start_workers,
     .fini = stop_workers)
{
        const char *filter = "$share/g/a";
        int share = fabric_share_home(workers[0], text(filter));
        int publisher = (share + 1) % WORKERS, member = (share + 2) % WORKERS;
        const struct share_news joins = {SHARE_JOIN, .kept = true, .sub = {.qos = 1}};
        struct message *m = message_to("a");
        struct published p = {0};

        fabric_publish(workers[publisher], m, &p);
        cr_assert_null(p.receipt, "there is nobody");
        fabric_share(workers[share], text(filter), text(client_at(member)), &joins, NULL);
        fabric_publish(workers[publisher], m, &p);
        cr_assert_not_null(p.receipt);
        p.receipt->then = tell;
        told = 0;
        receipt_done(workers[publisher], p.receipt);
        end_of_turn(publisher);
        mailbox_drain(&workers[share]->mailbox);
        end_of_turn(share);
        mailbox_drain(&workers[publisher]->mailbox);
        cr_assert_eq(told, 0, "the member's home has not seen it yet");
        mailbox_drain(&workers[member]->mailbox);
        end_of_turn(member);
        mailbox_drain(&workers[publisher]->mailbox);
        cr_assert_eq(told, 1);
        (void)message_unref(m);
}

Test(fabric, too_much_that_is_not_committed_stops_publishers, .init = start_workers, .fini = stop_workers)
{
        struct broker_limits limits = {.mailbox_bytes_max = 1000};

        workers[0]->limits = &limits;
        workers[0]->port.bytes = 1000;
        cr_assert_not(fabric_congested(workers[0]));
        workers[0]->port.bytes = 1001;
        cr_assert(fabric_congested(workers[0]));
        workers[0]->port.bytes = 0;
}
