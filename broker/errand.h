/* SPDX-License-Identifier: Apache-2.0 */
/* errand: what a request on the control socket makes workers do. It goes to one of them by mail, on to others
 * if it must, and comes back to the main loop, where its answer is made. */
#ifndef SIGNET_BROKER_ERRAND_H
#define SIGNET_BROKER_ERRAND_H

#include "broker/context.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

struct errands; /* all that are under way */

struct errand { /* embedded as the first member of what it does */
        struct mail mail;
        struct errands *all;
        struct errand *next; /* of those that came back */
        uint64_t ticket;
        /* Worker's thread: sends it on with errand_send() or ends it with errand_finish(), now or later on
         * the same thread. A worker that is stopping must end it. */
        void (*run)(struct context *ctx, struct errand *e);
        json_t *(*answer)(const struct errand *e); /* main loop; new reference, NULL: out of memory */
        void (*free)(struct errand *e);            /* main loop */
};

/* `answer` is called on the loop's thread; the answer is the callee's, NULL: out of memory. */
MUST_CHECK enum err errands_open(uv_loop_t *loop, void (*answer)(void *arg, uint64_t ticket, json_t *answer),
                                 void *arg, struct errands **ret);
/* Before the first errand: all workers, which outlive the last one. */
void errands_attach(struct errands *all, struct context *const *workers, int count);
/* Loop's thread, after the workers have stopped: those without an answer are freed; frees itself when the
 * loop has run its close callback. NULL is fine. */
void errands_close(struct errands *all);

int errands_workers(const struct errands *all);
/* The home worker of a client ID, or of anything else that is to be spread over them. */
int errands_home(const struct errands *all, const char *text);

/* Loop's thread: begins it at a worker. `e` is zeroed but for run, answer and free; errands has it from here.
 */
void errand_begin(struct errands *all, struct errand *e, uint64_t ticket, int worker);
/* Worker's thread. Nobody looks at `e` afterwards. */
void errand_send(struct errand *e, int worker);
void errand_finish(struct errand *e);

#endif
