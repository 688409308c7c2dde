/* SPDX-License-Identifier: Apache-2.0 */
/* fabric: how a message reaches receivers that are not on this worker, and which worker a client ID or the
 * group of a shared subscription is at home on. This implementation is `local`: the workers of one process.
 * Another (between brokers) would stand behind the same calls. */
#ifndef SIGNET_BROKER_FABRIC_H
#define SIGNET_BROKER_FABRIC_H

#include "broker/context.h"
#include "broker/message.h"
#include "broker/receipt.h"
#include "broker/store_txn.h"
#include "broker/subscription.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The home worker of a client ID: its session lives there, so that take-over and P2P need no table shared by
 * threads. */
int fabric_home(const struct context *ctx, const void *client_id, size_t len);

/* Other workers look at this before they send anything here: after every change of subscriptions or kept
 * sessions, before the client hears of it. */
void fabric_tell_peers(struct context *ctx);

/* What became of a message on the worker that routes it. */
struct published {
        /* In: what sessions keep of it is committed together (store_txn.h). The caller's part. NULL: need not
         * be. */
        struct store_txn *txn;
        uint32_t receivers; /* known here */
        bool elsewhere;     /* other workers look for theirs */
        uint64_t ticket;    /* of the store: what sessions here keep of it (store_port.h) */
        /* Other workers whose sessions may keep it have not said yet that they do. The caller's one count: it
         * sets `then` and calls receipt_done(). NULL: nobody to wait for. */
        struct receipt *receipt;
};
/* `ret` begins zeroed but for `txn`.
 *
 * To every matching subscription of the instance. Order: two messages of one connection reach a subscriber in
 * order. */
void fabric_publish(struct context *ctx, struct message *m, struct published *ret);
/* P2P: to one client ID, whether it has subscribed or not (a detached kept session keeps it, QoS > 0). */
void fabric_send(struct context *ctx, struct message *m, struct bytes client_id, struct published *ret);
/* For who does not wait: gives the receipt back. */
void fabric_forget(struct context *ctx, struct published *p);

/* Shared subscriptions: tells the group's home. `text` is the whole `$share/<group>/<filter>`, valid. */
enum share_change { SHARE_JOIN, SHARE_LEAVE, SHARE_CONNECTED, SHARE_DISCONNECTED };
struct share_news {
        enum share_change change;
        bool connected, kept;    /* JOIN */
        struct subscription sub; /* JOIN */
};
int fabric_share_home(const struct context *ctx, struct bytes text);
/* `receipt` (NULL: none) gets a count that is given back when the home has done it. */
void fabric_share(struct context *ctx, struct bytes text, struct bytes client_id,
                  const struct share_news *news, struct receipt *receipt);

/* Too much is on its way to some worker, or to the store: stop reading publishers until it is false again. */
bool fabric_congested(const struct context *ctx);

#endif
