/* SPDX-License-Identifier: Apache-2.0 */
/* control: the server side of docs/control-protocol.md, on the main thread's loop. */
#ifndef SIGNET_BROKER_CONTROL_H
#define SIGNET_BROKER_CONTROL_H

#include "common/err.h"

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

struct control;

struct control_settings {
        const char *path; /* of the socket; a stale file of a dead broker is replaced, a living one is
                             ERR_CONFLICT */
        int clients_max;  /* connections at a time */
        /* At least `revision` is committed. Called on the loop's thread. */
        void (*reload)(void *arg, int64_t revision);
        json_t *(*status)(void *arg); /* new reference; NULL when out of memory */
        /* sessions, disconnect, online, publish: answered later, by control_answer() with this ticket. Else
         * static text: why not. */
        const char *(*ask)(void *arg, const json_t *request, uint64_t ticket);
        void *arg;
};

/* Binds with mode 0600 and listens. */
MUST_CHECK enum err control_open(uv_loop_t *loop, const struct control_settings *settings,
                                 struct control **ret);
/* Loop's thread: answers every waiting {"op":"reload"} whose revision is now served. */
void control_applied(struct control *c, int64_t revision);
/* Loop's thread: the answer to what `ask` was told. Takes over `answer`; NULL: out of memory. Nothing when
 * its client has left meanwhile. */
void control_answer(struct control *c, uint64_t ticket, json_t *answer);
void control_close(struct control *c); /* removes the socket file; frees itself when the loop has run its
                                          close callbacks */

#endif
