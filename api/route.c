/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIGN_IN_BODY_MAX = 4096 };
#define ANY_BODY SIZE_MAX

static const char documents[] = "/openapi/", console[] = "/console/";

static enum route console_route(const struct request *q)
{
        if (q->console_call)
                return ROUTE_CONSOLE_CALL;
        return request_path_is(q, "/console/session") ? ROUTE_CONSOLE_SESSION : ROUTE_CONSOLE_FILE;
}

enum route route_of(const struct request *q)
{
        if (request_path_is(q, "/console") || strncmp(q->target, console, sizeof console - 1) == 0)
                return console_route(q);
        if (request_path_is(q, "/") || q->path_action[0] != '\0')
                return ROUTE_RPC;
        if (request_path_is(q, "/healthz"))
                return ROUTE_HEALTH;
        if (request_path_is(q, "/readyz"))
                return ROUTE_READY;
        return strncmp(q->target, documents, sizeof documents - 1) == 0 ? ROUTE_DOCUMENT : ROUTE_NONE;
}

static const struct {
        const char *methods;
        size_t body_max; /* ANY_BODY: as the settings have it */
        bool console;
} routes[] = {
        [ROUTE_NONE] = {"GET, HEAD", 0, false},
        [ROUTE_RPC] = {"GET, POST", ANY_BODY, false},
        [ROUTE_READY] = {"GET, HEAD", 0, false},
        [ROUTE_HEALTH] = {"GET, HEAD", 0, false},
        [ROUTE_DOCUMENT] = {"GET, HEAD", 0, false},
        [ROUTE_CONSOLE_FILE] = {"GET, HEAD", 0, true},
        [ROUTE_CONSOLE_SESSION] = {"GET, POST, DELETE", SIGN_IN_BODY_MAX, true},
        [ROUTE_CONSOLE_CALL] = {"POST", ANY_BODY, true},
};

bool route_is_console(enum route route)
{
        return routes[route].console;
}

const char *route_methods(enum route route)
{
        return routes[route].methods;
}

size_t route_body_max(enum route route, size_t body_max)
{
        return body_max < routes[route].body_max ? body_max : routes[route].body_max;
}

static bool route_takes(enum route route, const char *method)
{
        size_t len = strlen(method);

        for (const char *at = route_methods(route); *at != '\0'; at += strspn(at, ", ")) {
                size_t word = strcspn(at, ",");

                if (word == len && memcmp(at, method, len) == 0)
                        return true;
                at += word;
        }
        return false;
}

static bool announces(const struct request *q, size_t bytes)
{
        const char *announced = request_header(q, "content-length");

        return announced != NULL && strtoull(announced, NULL, 10) > (unsigned long long)bytes;
}

enum fault_id route_refuses(enum route route, const struct request *q, size_t body_max)
{
        if (request_is_ambiguous(q))
                return FAULT_PARAMETER;
        if (route == ROUTE_NONE || (route == ROUTE_CONSOLE_CALL && q->path_action[0] == '\0'))
                return FAULT_ACTION_NOT_FOUND;
        if (!route_takes(route, q->method))
                return FAULT_METHOD;
        size_t kept = route_body_max(route, body_max);

        return announces(q, kept > 0 ? kept : body_max) ? FAULT_TOO_LARGE : FAULT_NONE;
}

bool route_answers_at_once(const struct request *q, size_t drain_max)
{
        return request_header(q, "expect") != NULL || request_is_ambiguous(q) || announces(q, drain_max);
}

const struct embedded *route_document(const struct request *q)
{
        const char *name = q->target + strlen(documents);
        size_t len = q->path_len - strlen(documents);

        for (const struct embedded *d = embedded_openapi; d->name != NULL; d++)
                if (strlen(d->name) == len && memcmp(d->name, name, len) == 0)
                        return d;
        return NULL;
}
