/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pipeline.h"
#include "api/migrate.h"
#include "api/operation.h"
#include "api/rollout.h"
#include "api/signature.h"
#include "api/store_access_key.h"
#include "api/validate.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

static void cleanup_access_key(struct access_key *key)
{
        buf_done(&key->secret);
}

static enum err schema_check(struct pipeline *p)
{
        char why[512] = "";

        if (p->schema_right)
                return ERR_OK;
        enum err e = migrate_check(p->db, why);

        if (e == ERR_REFUSED) {
                log_error("the database's schema is not the one this program needs: %s", why);
                return ERR_DB;
        }
        p->schema_right = e == ERR_OK;
        return e;
}

static enum err database(struct pipeline *p)
{
        const struct api_settings *s = p->settings;

        if (p->db == NULL)
                TRY(db_open(s->database_url, s->database_password_file, "signet-api", &p->db));
        else
                TRY(db_ready(p->db));
        return schema_check(p);
}

/* At /<version>/<Action> a signature may name both too, and must then mean the same. */
static enum err operation_of(const struct pipeline *p, const struct request *q, const struct claim *c,
                             struct fault *f, const struct operation_spec **ret)
{
        if (c->action == NULL || c->action[0] == '\0')
                return fault_set_field(f, FAULT_MISSING, "Action", NULL);
        if (c->version == NULL || c->version[0] == '\0')
                return fault_set_field(f, FAULT_MISSING, "Version", NULL);
        if (!openapi_has_version(p->operations, c->version) ||
            (q->path_version[0] != '\0' && strcmp(q->path_version, c->version) != 0))
                return fault_set(f, FAULT_VERSION, NULL);
        *ret = openapi_find(p->operations, c->version, c->action);
        if (*ret == NULL || (q->path_action[0] != '\0' && strcmp(q->path_action, c->action) != 0))
                return fault_set(f, FAULT_ACTION_NOT_FOUND, NULL);
        if (((*ret)->methods & (strcmp(q->method, "GET") == 0 ? METHOD_GET : METHOD_POST)) == 0)
                return fault_set(f, FAULT_METHOD, NULL);
        return ERR_OK;
}

/* A misspelt name or a PEM in the wrong place must not put a key into an error either. */
static bool carries_secret(const struct openapi *o, const struct param_set *params)
{
        static const char mark[] = "PRIVATE KEY";

        for (size_t i = 0; i < params->count; i++) {
                const struct param *p = &params->rows[i];

                if (openapi_is_secret(o, param_name(p)) ||
                    memmem(param_value(p), param_value_len(p), mark, sizeof mark - 1) != NULL)
                        return true;
        }
        return false;
}

static enum err nonce_use(struct pipeline *p, const struct claim *c, struct fault *f)
{
        if (c->nonce == NULL)
                return ERR_OK;
        enum err e = store_nonce_use(p->db, c->access_key_id, c->nonce,
                                     c->timestamp + SIGNATURE_WINDOW_S + NONCE_SLACK_S);

        return e == ERR_CONFLICT ? fault_set(f, FAULT_NONCE_USED, NULL) : e;
}

static enum err authenticate(struct pipeline *p, const struct request *q, struct claim *c, struct reply *r,
                             struct fault *f, int64_t *ret_account)
{
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};
        enum err e;

        TRY(signature_key(q, c, f));
        TRY(database(p));
        e = store_access_key_get(p->db, p->master, c->access_key_id, &key);
        if (e == ERR_NOT_FOUND)
                return fault_set(f, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        TRY(e);
        /* Only now: before, it is whatever a stranger typed. */
        (void)snprintf(r->caller, sizeof r->caller, "%s", c->access_key_id);
        if (!key.enabled)
                return fault_set(f, FAULT_ACCESS_KEY_INACTIVE, NULL);
        TRY(signature_check(q, c, buf_text(&key.secret), key.secret.len, clock_now(),
                            carries_secret(p->operations, &q->params), f));
        *ret_account = key.account_id;
        return nonce_use(p, c, f);
}

static enum err run(struct pipeline *p, const struct operation_spec *op, struct op_call *call,
                    struct reply *r, struct fault *f)
{
        call->answer = json_pack("{s:s}", "RequestId", r->request_id);
        if (call->answer == NULL)
                return ERR_NOMEM;
        enum err e = op->run(call);

        if (e == ERR_REFUSED)
                *f = call->fault;
        if (e == ERR_OK && call->changed_instance[0] != '\0')
                r->rollout = rollout_text(rollout_wait(p->db, p->settings->run_dir, call->changed_instance,
                                                       call->changed_revision));
        if (e == ERR_OK)
                e = reply_answer(r, op->name, call->answer);
        json_decref(call->answer);
        return e;
}

static enum err serve(struct pipeline *p, struct request *q, struct reply *r, struct fault *f)
{
        CLEANUP(claim) struct claim claim = {0};
        const struct operation_spec *op = NULL;
        int64_t account_id = 0;

        TRY(request_parse(q, f));
        const char *format = param_set_text(&q->params, "Format");

        r->xml = format != NULL && text_same(format, "XML");
        TRY(signature_claim(q, &claim));
        TRY(operation_of(p, q, &claim, f, &op));
        r->op = op->name;
        r->document = op->document;
        TRY(authenticate(p, q, &claim, r, f, &account_id));
        TRY(validate_params(op, &q->params, f));
        struct op_call call = {.db = p->db,
                               .master = p->master,
                               .settings = p->settings,
                               .params = &q->params,
                               .access_key_id = claim.access_key_id,
                               .account_id = account_id,
                               .source_ip = q->source_ip,
                               .request_id = r->request_id};

        return run(p, op, &call, r, f);
}

void pipeline_log(const struct request *q, const struct reply *r)
{
        log_info("op=%s caller=%s status=%d code=%s ms=%d request=%s", r->op, r->caller, r->status, r->code,
                 (int)(clock_ms() - q->began_ms), r->request_id);
}

static void refuse(const struct request *q, struct reply *r, const struct fault *f)
{
        enum err e = reply_fault(r, q, f);

        if (e != ERR_OK) { /* no memory for a body: the status must do */
                buf_done(&r->body);
                r->status = fault_http(f);
        }
}

void pipeline_refuse(const struct request *q, struct reply *r, enum fault_id id)
{
        struct fault f = {0};
        enum err e = fault_set(&f, id, NULL);

        (void)e;
        refuse(q, r, &f);
}

void pipeline_run(struct pipeline *p, struct request *q, struct reply *r)
{
        struct fault fault = {0};
        enum err e = serve(p, q, r, &fault);

        if (e == ERR_REFUSED && fault.id != FAULT_NONE) {
                refuse(q, r, &fault);
        } else if (e == ERR_DB) {
                log_error("request=%s err=%s", r->request_id, err_name(e));
                pipeline_refuse(q, r, FAULT_BUSY);
        } else if (e != ERR_OK) {
                log_error("request=%s err=%s", r->request_id, err_name(e));
                pipeline_refuse(q, r, FAULT_INTERNAL);
        }
        pipeline_log(q, r);
}

void pipeline_ready(struct pipeline *p, struct reply *r)
{
        p->schema_right = false; /* asked anew: that is what this is for */
        bool ready = database(p) == ERR_OK;
        const char *text = ready ? "ready\n" : "not ready\n";
        enum err e = reply_text(r, ready ? 200 : 503, "text/plain", text, strlen(text));

        (void)e;
}

void pipeline_done(struct pipeline *p)
{
        p->db = db_close(p->db);
}
