/* SPDX-License-Identifier: Apache-2.0 */
#include "api/throttle.h"

#include <stdlib.h>

struct throttle {
        int64_t percent;
};

enum err throttle_open(int64_t percent, struct throttle **ret)
{
        struct throttle *t = calloc(1, sizeof *t);

        if (t == NULL)
                return ERR_NOMEM;
        t->percent = percent;
        *ret = t;
        return ERR_OK;
}

struct throttle *throttle_close(struct throttle *t)
{
        free(t);
        return NULL;
}

bool throttle_take(struct throttle *t, const struct operation_spec *op, int64_t account_id, int64_t now_ms,
                   int64_t *ret_retry_ms)
{
        (void)t, (void)op, (void)account_id, (void)now_ms;
        *ret_retry_ms = 0;
        return true;
}
