/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <stdlib.h>
#include <string.h>

static const char documents[] = "/openapi/";

enum route route_of(const struct request *q)
{
        if (request_path_is(q, "/") || q->path_action[0] != '\0')
                return ROUTE_RPC;
        if (request_path_is(q, "/healthz"))
                return ROUTE_HEALTH;
        if (request_path_is(q, "/readyz"))
                return ROUTE_READY;
        return strncmp(q->target, documents, sizeof documents - 1) == 0 ? ROUTE_DOCUMENT : ROUTE_NONE;
}

static bool route_takes(enum route route, const char *method)
{
        return strcmp(method, "GET") == 0 || strcmp(method, route == ROUTE_RPC ? "POST" : "HEAD") == 0;
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
        if (route == ROUTE_NONE)
                return FAULT_ACTION_NOT_FOUND;
        if (!route_takes(route, q->method))
                return FAULT_METHOD;
        return announces(q, body_max) ? FAULT_TOO_LARGE : FAULT_NONE;
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
