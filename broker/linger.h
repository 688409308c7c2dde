/* SPDX-License-Identifier: Apache-2.0 */
/* linger: a socket whose last words are still on their way. Closed at once, it would answer what its client
 * goes on to send with a reset, and the client's kernel would throw away what it has not read yet: the
 * DISCONNECT or CONNACK that says why. Its worker reads and forgets instead, until the client has closed too
 * or LINGER_MS are over. One thread, the worker's. */
#ifndef SIGNET_BROKER_LINGER_H
#define SIGNET_BROKER_LINGER_H

#include "broker/context.h"

enum { LINGER_MS = 2000, LINGER_MAX = 1024 };

/* Takes the socket, of which the writing half is shut down. Beyond LINGER_MAX, or out of memory, it is
 * closed.
 */
void linger_take(struct context *ctx, int fd);
void linger_tick(struct context *ctx); /* now and then, by uv_now() */
void linger_end(struct context *ctx);  /* closes all */

#endif
