/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_send.h"
#include "common/cleanup.h"

#include <inttypes.h>
#include <stdio.h>

CLEANUP_DEFINE(mhd_responsep, struct MHD_Response *, MHD_destroy_response)

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
        if (value != NULL)
                (void)MHD_add_response_header(response, name, value);
}

static void add_number(struct MHD_Response *response, const char *name, int64_t number)
{
        char text[24];

        (void)snprintf(text, sizeof text, "%" PRId64, number);
        add_header(response, name, text);
}

/* Milliseconds, as the vendor's SDKs read it; where the status is HTTP's own, as HTTP says it too. */
static void add_retry(struct MHD_Response *response, const struct reply *r)
{
        if (r->retry_ms <= 0)
                return;
        add_number(response, "x-acs-retry-after", r->retry_ms);
        if (r->status == 429)
                add_number(response, "Retry-After", (r->retry_ms + 999) / 1000);
}

static struct MHD_Response *response_new(const struct reply *r)
{
        const void *body = r->borrowed != NULL ? r->borrowed : r->body.data;

        return MHD_create_response_from_buffer(r->borrowed != NULL ? r->borrowed_len : r->body.len,
                                               body == NULL ? (void *)"" : (void *)body,
                                               MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result http_send(struct MHD_Connection *connection, const struct reply *r, enum route route,
                          bool closes)
{
        CLEANUP(mhd_responsep) struct MHD_Response *response = response_new(r);

        if (response == NULL)
                return MHD_NO;
        add_header(response, "Content-Type", r->content_type);
        add_header(response, "x-acs-request-id", r->request_id);
        add_header(response, "x-signet-rollout", r->rollout);
        add_retry(response, r);
        add_header(response, "Cache-Control", r->cache);
        add_header(response, "X-Content-Type-Options", "nosniff");
        for (const struct reply_fixed *h = r->fixed; h != NULL && h->name != NULL; h++)
                add_header(response, h->name, h->value);
        for (size_t i = 0; i < r->header_count; i++)
                add_header(response, r->headers[i].name, r->headers[i].value);
        if (r->status == 405)
                add_header(response, "Allow", route_methods(route));
        if (closes)
                add_header(response, "Connection", "close");
        return MHD_queue_response(connection, (unsigned)r->status, response);
}
