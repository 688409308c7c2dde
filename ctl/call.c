/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/call.h"

#include "common/cleanup.h"
#include "ctl/client.h"
#include "ctl/lookup.h"
#include "ctl/print.h"
#include "ctl/rollout.h"

#include <string.h>

/* What --wait waits for is found out before anything is sent. NULL: it does not wait. */
static enum err instance_to_wait(const struct catalog_operation *op, const struct options *o,
                                 const char **ret, struct failure *f)
{
        *ret = NULL;
        if (o->wait_s == 0)
                return ERR_OK;
        if (!catalog_changes(op))
                return failure_set(f, EXIT_USAGE, "%s changes nothing that --wait could wait for", op->name);
        *ret = params_value(o->count - 2, o->arguments + 2, op->instance);
        if (*ret == NULL || (*ret)[0] == '@')
                return failure_set(f, EXIT_USAGE, "--wait needs --%s of the instance to wait for",
                                   op->instance);
        return ERR_OK;
}

static enum err prepare(const struct options *o, struct question *q, const char **ret_wait, struct failure *f)
{
        CLEANUP(catalogp) struct catalog *catalog = NULL;
        const struct catalog_operation *op;

        TRY(lookup_catalog(&catalog, f));
        q->product = product_find(o->arguments[0]);
        TRY(lookup_operation(catalog, q->product, o->count > 1 ? o->arguments[1] : NULL, &op, f));
        q->operation = o->arguments[1];
        TRY(params_body(op, o->count - 2, o->arguments + 2, &q->body, f));
        return instance_to_wait(op, o, ret_wait, f);
}

static enum exit_status send_and_show(struct client *c, const struct question *q, const struct options *o,
                                      const char *instance)
{
        CLEANUP(jsonp) json_t *answer = NULL;
        enum err e = client_call(c, q, &answer);
        enum exit_status status;

        if (e != ERR_OK)
                return failure_exit(c->failure, e);
        status = print_answer(answer, o->output);
        if (instance != NULL) {
                enum exit_status waited = failure_exit(c->failure, rollout_wait(c, instance, o->wait_s));

                return status != EXIT_DONE ? status : waited;
        }
        if (strcmp(c->rollout, "pending") == 0)
                exit_note("rollout: pending");
        return status;
}

enum exit_status call_run(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, NULL);
        CLEANUP(client) struct client c = {0};
        struct failure f = {0};
        const char *instance = NULL;
        enum err e = prepare(o, &q, &instance, &f);

        if (e == ERR_OK)
                e = client_open(settings, &f, &c);
        return e == ERR_OK ? send_and_show(&c, &q, o, instance) : failure_exit(&f, e);
}
