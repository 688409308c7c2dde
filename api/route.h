/* SPDX-License-Identifier: Apache-2.0 */
/* route: which of the few things this server has a request is for, and what its head alone says against it.
 * Pure. */
#ifndef SIGNET_API_ROUTE_H
#define SIGNET_API_ROUTE_H

#include "api/fault.h"
#include "api/request.h"
#include "common/embed.h"

#include <stdbool.h>
#include <stddef.h>

enum route {
        ROUTE_NONE,
        ROUTE_RPC,
        ROUTE_READY,
        ROUTE_HEALTH,
        ROUTE_DOCUMENT,
        ROUTE_CONSOLE_FILE,    /* /console and below it what the next two are not */
        ROUTE_CONSOLE_SESSION, /* /console/session */
        ROUTE_CONSOLE_CALL     /* /console/api/… */
};

enum route route_of(const struct request *q);
/* FAULT_NONE, or why a request with this head is refused whatever its body says. */
enum fault_id route_refuses(enum route route, const struct request *q, size_t body_max);
/* Bytes of a body that are kept, when the settings allow `body_max`; 0: a body is read and thrown away. */
size_t route_body_max(enum route route, size_t body_max);
const char *route_methods(enum route route); /* "GET, POST" */
bool route_is_console(enum route route);
/* Whether the refusal is not to wait for the body. An answer before it is read ends the connection, and a
 * sender who does not wait may see it reset instead of reading the answer. So only who asked first, has more
 * than `drain_max` bytes to say, or cannot be trusted to say where it ends gets it at once. */
bool route_answers_at_once(const struct request *q, size_t drain_max);
/* For ROUTE_DOCUMENT: the document; NULL when there is none of this name. */
const struct embedded *route_document(const struct request *q);

#endif
