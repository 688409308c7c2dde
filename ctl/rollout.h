/* SPDX-License-Identifier: Apache-2.0 */
/* rollout: waits until brokers serve what was changed. */
#ifndef SIGNET_CTL_ROLLOUT_H
#define SIGNET_CTL_ROLLOUT_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/client.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct rollout {               /* what one answer of GetRolloutStatus says */
        size_t alive, current; /* brokers that are alive, and those of them that serve the revision */
        size_t rejected;       /* entries that brokers that are alive have refused */
        struct buf reasons;    /* the first of them, as text */
};

/* A broker counts as current when it serves `revision` or a later one. Pure. */
MUST_CHECK enum err rollout_read(const json_t *answer, json_int_t revision, struct rollout *ret);
void rollout_done(struct rollout *r);
static inline void cleanup_rollout(struct rollout *r)
{
        rollout_done(r);
}

/* Waits until every broker of the instance that is alive serves its present revision; says on standard error
 * how far it is. ERR_REFUSED with EXIT_ROLLOUT when they do not within `seconds`, or have refused an entry.
 * An instance that is gone has nothing to wait for. */
MUST_CHECK enum err rollout_wait(struct client *c, const char *instance, int64_t seconds);

#endif
