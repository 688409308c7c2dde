/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/control_devices.h"

#include "broker/conn_round.h"
#include "broker/device_auth.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

static const char wrong[] = "deviceSha256 must be a list of 1 to 100 texts of 64 hex digits";

struct wanted {
        uint8_t sha256[32];
        size_t place; /* in the request */
};

struct roll {
        struct errand errand; /* first */
        int worker;           /* where it is */
        struct conn_round round;
        size_t count;
        struct wanted wanted[CONTROL_DEVICES_MAX]; /* by digest; there may be twins */
        bool online[CONTROL_DEVICES_MAX];          /* in the order of the request */
};

static void roll_free(struct errand *e)
{
        free(e);
}

json_t *control_devices_answer(const bool *online, size_t count)
{
        json_t *list = json_array();

        for (size_t i = 0; list != NULL && i < count; i++)
                if (json_array_append_new(list, json_boolean(online[i])) != 0) {
                        json_decref(list);
                        return NULL;
                }
        return json_pack("{s:b, s:o}", "ok", 1, "online", list);
}

static json_t *roll_answer(const struct errand *e)
{
        const struct roll *r = (const struct roll *)e;

        return control_devices_answer(r->online, r->count);
}

/* ---- on the workers ---- */

/* The first that is not below. */
static size_t place_of(const struct roll *r, const uint8_t sha256[32])
{
        size_t from = 0, to = r->count;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (memcmp(r->wanted[middle].sha256, sha256, 32) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static void look_at(void *arg, struct conn *c)
{
        struct roll *r = arg;

        if (c->state != CONN_ACTIVE || c->device == NULL)
                return;
        for (size_t i = place_of(r, c->device->sha256);
             i < r->count && memcmp(r->wanted[i].sha256, c->device->sha256, 32) == 0; i++)
                r->online[r->wanted[i].place] = true;
}

/* Whoever a stopping worker had is not connected any more. */
static void roll_run(struct context *ctx, struct errand *e)
{
        struct roll *r = (struct roll *)e;

        if (ctx->stopping) {
                conn_round_stop(ctx, &r->round);
                errand_finish(e);
                return;
        }
        if (conn_round_slice(ctx, &r->round, look_at, r))
                r->worker++;
        if (r->worker < ctx->count)
                errand_send(e, r->worker);
        else
                errand_finish(e);
}

/* ---- requests ---- */

static int compare(const void *a, const void *b)
{
        return memcmp(((const struct wanted *)a)->sha256, ((const struct wanted *)b)->sha256, 32);
}

static const char *read_digests(const json_t *request, struct roll *r)
{
        const json_t *list = json_object_get(request, "deviceSha256"), *one;
        size_t i;

        if (json_array_size(list) == 0 || json_array_size(list) > CONTROL_DEVICES_MAX)
                return wrong;
        json_array_foreach(list, i, one)
        {
                struct wanted *w = &r->wanted[i];

                if (!json_is_string(one) ||
                    text_unhex(json_string_value(one), json_string_length(one), w->sha256, 32) != ERR_OK)
                        return wrong;
                w->place = i;
                r->count++;
        }
        qsort(r->wanted, r->count, sizeof r->wanted[0], compare);
        return NULL;
}

const char *control_devices_ask(struct errands *all, const json_t *request, uint64_t ticket)
{
        struct roll *r = calloc(1, sizeof *r);
        const char *error;

        if (r == NULL)
                return err_text(ERR_NOMEM);
        error = read_digests(request, r);
        if (error != NULL) {
                free(r);
                return error;
        }
        r->errand = (struct errand){.run = roll_run, .answer = roll_answer, .free = roll_free};
        errand_begin(all, &r->errand, ticket, 0);
        return NULL;
}
