/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_server: a very small HTTP server for one page of text, on a thread of its own (libmicrohttpd, which
 * the API serves with too). GET /metrics gives the page, GET /healthz says that the process lives, everything
 * else is refused. Few connections at a time, each for one request and a few seconds: whoever asks slowly
 * keeps others waiting, never the broker. */
#ifndef SIGNET_BROKER_METRICS_SERVER_H
#define SIGNET_BROKER_METRICS_SERVER_H

#include "common/buf.h"
#include "common/err.h"

enum {
        METRICS_CONNECTIONS_MAX = 16,
        METRICS_IDLE_S = 2,            /* without a byte */
        METRICS_CONNECTION_MS = 5000,  /* from accept to the last byte */
        METRICS_REQUEST_BYTES = 16384, /* line and headers */
        METRICS_PAGE_BYTES = 512 * 1024
};

struct metrics_server;

/* A listening socket at `address` ("127.0.0.1:9883"; port 0: any). ERR_SYNTAX, ERR_IO with `why`. */
MUST_CHECK enum err metrics_listen(const char *address, int *ret_fd, int *ret_port, char why[256]);
/* Starts the thread; takes the socket (also when it fails). `page` fills ret (a limit of METRICS_PAGE_BYTES)
 * on that thread. */
MUST_CHECK enum err metrics_server_start(int fd, enum err (*page)(void *arg, struct buf *ret), void *arg,
                                         struct metrics_server **ret);
/* Ends the thread and every connection. NULL is fine; returns NULL. */
struct metrics_server *metrics_server_stop(struct metrics_server *s);

#endif
