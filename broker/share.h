/* SPDX-License-Identifier: Apache-2.0 */
/* share: the members of one shared subscription, on the worker that is its group's home. Messages go round:
 * to the next member that is connected, else to the next one whose session is kept, else to nobody. One
 * thread. */
#ifndef SIGNET_BROKER_SHARE_H
#define SIGNET_BROKER_SHARE_H

#include "broker/subscription.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share;
struct share_member { /* borrowed, until the share's next change */
        struct subscription sub;
        const char *client_id; /* NUL-terminated */
        size_t client_id_len;
        bool connected, kept;
};

enum { SHARE_NAME_MAX = 256 };

/* Without members. `total` (borrowed, outlives it) counts those of several shares. */
MUST_CHECK enum err share_new(struct bytes name, size_t *total, struct share **ret);
struct share *share_free(struct share *s); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(sharep, struct share *, share_free)
struct bytes share_name(const struct share *s); /* borrowed */

/* Where it stands; the router's business (router_tree.h). */
struct node;
struct share_link {
        struct share *next;
        struct node *node;
};
struct share_link *share_link(struct share *s);

/* Cuts `$share/<name>/<filter>`. False: it does not begin with "$share/". *ret_valid: name without '/', '+',
 * '#', of 1 to SHARE_NAME_MAX bytes, and a filter behind it ([MQTT-4.8.2-1], [-2]; the filter's own validity
 * is topic.h's). */
bool share_filter(struct bytes text, struct bytes *ret_name, struct bytes *ret_filter, bool *ret_valid);

/* Adds or replaces a member. */
MUST_CHECK enum err share_join(struct share *s, struct bytes client_id, const struct subscription *sub,
                               bool connected, bool kept);
void share_leave(struct share *s, struct bytes client_id); /* fine when it is no member */
void share_set_connected(struct share *s, struct bytes client_id, bool connected);
size_t share_count(const struct share *s);
/* Who gets the next message; NULL: nobody. */
const struct share_member *share_next(struct share *s);

#endif
