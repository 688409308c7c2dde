/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/fabric.h"

#include <criterion/criterion.h>
#include <stdio.h>
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
