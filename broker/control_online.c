/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/control_online.h"

#include "broker/control_devices.h"
#include "broker/fabric.h"
#include "broker/session.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

static const char wrong[] = "clientIds must be a list of 1 to 100 texts of 1 to 1024 bytes";

struct roll {
        struct errand errand;          /* first */
        size_t count, at;              /* those before `at` are known */
        char *ids[CONTROL_ONLINE_MAX]; /* owned */
        bool online[CONTROL_ONLINE_MAX];
};

static void roll_free(struct errand *e)
{
        struct roll *r = (struct roll *)e;

        for (size_t i = 0; i < r->count; i++)
                free(r->ids[i]);
        free(r);
}

static json_t *roll_answer(const struct errand *e)
{
        const struct roll *r = (const struct roll *)e;

        return control_devices_answer(r->online, r->count);
}

static bool is_online(struct context *ctx, const char *id)
{
        const struct session *s = session_find(ctx->sessions, id, strlen(id));

        return s != NULL && session_connected(s);
}

/* Whoever a stopping worker had is not connected any more. */
static void roll_run(struct context *ctx, struct errand *e)
{
        struct roll *r = (struct roll *)e;

        while (r->at < r->count && !ctx->stopping) {
                int home = fabric_home(ctx, r->ids[r->at], strlen(r->ids[r->at]));

                if (home != ctx->index) {
                        errand_send(e, home);
                        return;
                }
                r->online[r->at] = is_online(ctx, r->ids[r->at]);
                r->at++;
        }
        errand_finish(e);
}

static const char *read_ids(const json_t *request, struct roll *r)
{
        const json_t *list = json_object_get(request, "clientIds"), *id;
        size_t i;

        if (json_array_size(list) == 0 || json_array_size(list) > CONTROL_ONLINE_MAX)
                return wrong;
        json_array_foreach(list, i, id)
        {
                if (!json_is_string(id) || json_string_length(id) == 0 || json_string_length(id) > TEXT_MAX)
                        return wrong;
                r->ids[i] = strdup(json_string_value(id));
                if (r->ids[i] == NULL)
                        return err_text(ERR_NOMEM);
                r->count++;
        }
        return NULL;
}

const char *control_online_ask(struct errands *all, const json_t *request, uint64_t ticket)
{
        struct roll *r;
        const char *error;

        if (json_object_get(request, "clientIds") == NULL && json_object_get(request, "deviceSha256") != NULL)
                return control_devices_ask(all, request, ticket);
        r = calloc(1, sizeof *r);
        if (r == NULL)
                return err_text(ERR_NOMEM);
        r->errand = (struct errand){.run = roll_run, .answer = roll_answer, .free = roll_free};
        error = read_ids(request, r);
        if (error != NULL) {
                roll_free(&r->errand);
                return error;
        }
        errand_begin(all, &r->errand, ticket, errands_home(all, r->ids[0]));
        return NULL;
}
