/* SPDX-License-Identifier: Apache-2.0 */
/* http: the server. libmicrohttpd's polling threads read requests and write replies; in between the
 * connection is suspended and a worker thread runs the pipeline. Never logs a request line, a header or a
 * body. */
#ifndef SIGNET_API_HTTP_H
#define SIGNET_API_HTTP_H

#include "api/console_files.h"
#include "api/listener.h"
#include "api/openapi.h"
#include "api/settings.h"
#include "common/cleanup.h"
#include "common/crypt.h"
#include "common/err.h"

struct http;

/* Serves from now on, on threads of its own. Takes the listener's socket; borrows everything else until
 * http_close. `console` NULL: there is none. */
MUST_CHECK enum err http_open(const struct api_settings *s, struct listener *l,
                              const struct master_key *master, const struct openapi *operations,
                              const struct console_files *console, struct http **ret);
/* Accepts no more, lets running requests end (HTTP_STOP_MS at most), closes. NULL is fine; returns NULL. */
struct http *http_close(struct http *h);
CLEANUP_DEFINE(httpp, struct http *, http_close)

enum { HTTP_STOP_MS = 20000 };

#endif
