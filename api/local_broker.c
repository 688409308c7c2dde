/* SPDX-License-Identifier: Apache-2.0 */
#include "api/local_broker.h"

#include "api/rollout.h"
#include "common/cleanup.h"
#include "common/clock.h"

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

enum err local_broker_open(const char *run_dir, const char *instance, struct local_broker *ret)
{
        *ret = (struct local_broker){.instance = instance,
                                     .deadline_ms = clock_ms() + rollout_patience_ms(instance)};
        return control_path(run_dir, instance, ret->path) == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
}

enum err local_broker_call(const struct local_broker *b, json_t *request, json_t **ret)
{
        int64_t left = b->deadline_ms - clock_ms();
        enum err e = left > 0 ? control_call(b->path, request, (int)left, ret) : ERR_TIMEOUT;

        if (e == ERR_TIMEOUT)
                rollout_note_slow(b->instance);
        return e;
}

enum err local_broker_ask(const struct local_broker *b, json_t *request, json_t **ret)
{
        CLEANUP(jsonp) json_t *answer = NULL;

        TRY(local_broker_call(b, request, &answer));
        if (!json_is_true(json_object_get(answer, "ok")))
                return ERR_REFUSED;
        *ret = TAKE(answer);
        return ERR_OK;
}

const char *local_broker_why(enum err e)
{
        if (e == ERR_NOT_FOUND)
                return "no broker listens here";
        return e == ERR_TIMEOUT ? "the broker here has not answered in time" : "the broker here has refused";
}
