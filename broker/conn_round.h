/* SPDX-License-Identifier: Apache-2.0 */
/* conn_round: a look at every connection of a worker, in slices of a millisecond or so: 100,000 of them delay
 * no message by more than a slice. Connections may come and go in between: those that come are not looked at.
 * Worker's thread. */
#ifndef SIGNET_BROKER_CONN_ROUND_H
#define SIGNET_BROKER_CONN_ROUND_H

#include "broker/conn.h"

#include <stdbool.h>

struct conn_round { /* begins as {0} on each worker; stays where it is until the end */
        bool begun;
        struct conn_walk walk;
};

/* One slice. `each` may close the connection. True: all have been looked at, and it can be used again. */
bool conn_round_slice(struct context *ctx, struct conn_round *r, void (*each)(void *arg, struct conn *c),
                      void *arg);
/* Before its end, on the worker that it is on. Fine when it has not begun. */
void conn_round_stop(struct context *ctx, struct conn_round *r);

#endif
