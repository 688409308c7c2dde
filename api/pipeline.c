/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pipeline.h"
#include "api/console_session.h"
#include "api/console_sign_in.h"
#include "api/migrate.h"
#include "api/operation.h"
#include "api/rollout.h"
#include "api/signature.h"
#include "api/store_access_key.h"
#include "api/store_instance.h"
#include "api/validate.h"
#include "common/clock.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

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

static enum err check_rate(struct pipeline *p, const struct operation_spec *op, int64_t account_id,
                           struct fault *f)
{
        int64_t retry_ms = 0;

        if (throttle_take(p->throttle, op, account_id, clock_ms(), &retry_ms))
                return ERR_OK;
        enum err e = fault_set(f, FAULT_THROTTLED, NULL);

        f->retry_ms = retry_ms;
        return e;
}

static struct console console_of(const struct pipeline *p)
{
        return (struct console){.db = p->db,
                                .master = p->master,
                                .settings = p->settings,
                                .operations = p->operations,
                                .sign_ins = p->sign_ins};
}

/* In front of everything else about the call: who has no session learns nothing, not even which operations
 * there are. */
static enum err enter_session(struct pipeline *p, const struct request *q, struct claim *c, struct reply *r,
                              struct fault *f, struct access_key *ret_key)
{
        CLEANUP(console_session) struct console_session session = {.csrf = ""};

        TRY(console_check(q, f));
        TRY(database(p));
        const struct console console = console_of(p);

        TRY(console_session_of(&console, q, true, f, &session, ret_key));
        memcpy(c->access_key_id, session.access_key_id, sizeof c->access_key_id);
        memcpy(r->caller, session.access_key_id, sizeof r->caller);
        return ERR_OK;
}

static enum err check_signature(struct pipeline *p, const struct request *q, struct claim *c, struct reply *r,
                                struct fault *f, struct access_key *ret_key)
{
        enum err e;

        TRY(signature_key(q, c, f));
        TRY(database(p));
        e = store_access_key_get(p->db, p->master, c->access_key_id, ret_key);
        if (e == ERR_NOT_FOUND)
                return fault_set(f, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        TRY(e);
        /* Only now: before, it is whatever a stranger typed. */
        (void)snprintf(r->caller, sizeof r->caller, "%s", c->access_key_id);
        if (!ret_key->enabled)
                return fault_set(f, FAULT_ACCESS_KEY_INACTIVE, NULL);
        return signature_check(q, c, buf_text(&ret_key->secret), ret_key->secret.len, clock_now(),
                               carries_secret(p->operations, &q->params), f);
}

/* *ret_key is set already when the caller has a session. */
static enum err authenticate(struct pipeline *p, const struct request *q, struct claim *c,
                             const struct operation_spec *op, struct reply *r, struct fault *f,
                             struct access_key *ret_key)
{
        if (op->answers_secret && !q->private_line)
                return fault_set(f, FAULT_NEED_SSL, NULL);
        if (c->scheme != SCHEME_CONSOLE)
                TRY(check_signature(p, q, c, r, f, ret_key));
        TRY(check_rate(p, op, ret_key->account_id, f)); /* before it costs a row */
        TRY(nonce_use(p, c, f));
        return ret_key->used_lately ? ERR_OK : store_access_key_used(p->db, c->access_key_id);
}

static enum err check_edition(const struct operation_spec *op, const struct instance *instance,
                              struct fault *f)
{
        const json_t *edition;
        size_t i;

        if (op->editions == NULL)
                return ERR_OK;
        json_array_foreach(op->editions, i, edition)
        {
                if (strcmp(json_string_value(edition), instance->edition) == 0)
                        return ERR_OK;
        }
        return fault_set(f, FAULT_PARAMETER,
                         "%s needs an instance of the platinum or the professional edition; %s names one of "
                         "the %s edition.",
                         op->name, op->instance, instance->edition);
}

/* What the operation is about: NULL is the account. */
static const char *subject(const struct operation_spec *op, const struct param_set *params)
{
        const char *given = param_set_text(params, op->instance);

        if (op->scope == SCOPE_INSTANCE || (op->scope == SCOPE_GIVEN && given != NULL && given[0] != '\0'))
                return given;
        return NULL;
}

/* The grant is asked first: who has none cannot learn which instances there are. */
static enum err authorise(struct pipeline *p, const struct operation_spec *op, const struct param_set *params,
                          const struct access_key *key, struct fault *f, struct instance *ret,
                          bool *ret_given)
{
        const char *id = subject(op, params);
        bool allowed = op->scope == SCOPE_ANY ? grants_allow_somewhere(&key->grants, op->action, op->level)
                                              : grants_allow(&key->grants, op->action, op->level, id);

        if (!allowed)
                return fault_deny(f, op->denied, key->account_id, op->action, NULL);
        if (id == NULL)
                return ERR_OK;
        enum err e = store_instance_get(p->db, id, ret);

        *ret_given = e == ERR_OK;
        if (e == ERR_NOT_FOUND && op->may_be_gone)
                return ERR_OK;
        if (e == ERR_NOT_FOUND)
                return fault_set(f, op->absent, NULL);
        TRY(e);
        if (ret->account_id != key->account_id)
                return fault_set(f, op->foreign, NULL);
        return check_edition(op, ret, f);
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

static enum err serve(struct pipeline *p, struct request *q, struct reply *r, struct fault *f,
                      const struct operation_spec **ret_op)
{
        CLEANUP(claim) struct claim claim = {0};
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};
        const struct operation_spec *op = NULL;
        struct instance instance = {0};
        bool given = false;

        enum err parsed = request_parse(q, f);

        r->xml = request_asks_xml(q, parsed == ERR_OK);
        TRY(parsed);
        TRY(signature_claim(q, &claim));
        if (claim.scheme == SCHEME_CONSOLE)
                TRY(enter_session(p, q, &claim, r, f, &key));
        TRY(operation_of(p, q, &claim, f, &op));
        *ret_op = op;
        r->op = op->name;
        r->document = op->document;
        TRY(authenticate(p, q, &claim, op, r, f, &key));
        TRY(validate_params(op, &q->params, f));
        TRY(authorise(p, op, &q->params, &key, f, &instance, &given));
        struct op_call call = {.db = p->db,
                               .master = p->master,
                               .settings = p->settings,
                               .params = &q->params,
                               .actor = {.account_id = key.account_id,
                                         .access_key_id = claim.access_key_id,
                                         .source_ip = q->source_ip,
                                         .request_id = r->request_id,
                                         .action = op->name,
                                         .settings = p->settings},
                               .grants = &key.grants,
                               .instance = given ? &instance : NULL,
                               .spec = op};

        return run(p, op, &call, r, f);
}

/* The documents are the contract: an answer that they do not have is a defect, and tests look for this line.
 */
static void check_documented(const struct operation_spec *op, const struct reply *r)
{
        if (op != NULL && strcmp(r->code, "OK") != 0 && !operation_documents(op, r->code))
                log_error("undocumented answer op=%s code=%s", op->name, r->code);
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

static void finish(enum err e, const struct request *q, struct reply *r, const struct fault *fault)
{
        if (e == ERR_REFUSED && fault->id != FAULT_NONE) {
                refuse(q, r, fault);
        } else if (e == ERR_DB || e == ERR_TIMEOUT) {
                log_error("request=%s err=%s", r->request_id, err_name(e));
                pipeline_refuse(q, r, FAULT_BUSY);
        } else if (e != ERR_OK) {
                log_error("request=%s err=%s", r->request_id, err_name(e));
                pipeline_refuse(q, r, FAULT_INTERNAL);
        }
}

void pipeline_run(struct pipeline *p, struct request *q, struct reply *r)
{
        struct fault fault = {0};
        const struct operation_spec *op = NULL;
        enum err e = serve(p, q, r, &fault, &op);

        finish(e, q, r, &fault);
        check_documented(op, r);
        pipeline_log(q, r);
}

static enum err serve_session(struct pipeline *p, struct request *q, struct reply *r, struct fault *f)
{
        TRY(console_check(q, f));
        TRY(database(p));
        const struct console console = console_of(p);

        return console_sign_in_serve(&console, q, r, f);
}

void pipeline_console_session(struct pipeline *p, struct request *q, struct reply *r)
{
        struct fault fault = {0};
        enum err e = serve_session(p, q, r, &fault);

        finish(e, q, r, &fault);
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
