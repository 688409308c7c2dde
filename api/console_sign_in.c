/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_sign_in.h"
#include "api/audit.h"
#include "api/console_token.h"
#include "api/store_console_session.h"
#include "common/clock.h"

#include <stdio.h>
#include <string.h>

static const char resource[] = "console-session";

static enum err text_of(const struct request *q, const char *name, struct fault *f, const char **ret)
{
        const struct param *p = param_set_find(&q->params, name);

        if (p == NULL || param_value_len(p) == 0)
                return fault_set_field(f, FAULT_MISSING, name, NULL);
        if (p->origin != PARAM_BODY) /* URLs are kept in many places */
                return fault_set_field(f, FAULT_INVALID, name, "Specified parameter %s must be in the body.",
                                       name);
        *ret = param_value(p);
        return ERR_OK;
}

static bool is_json(const struct request *q)
{
        return request_header_times(q, "content-type") == 1 &&
               request_media_type_is(request_header(q, "content-type"), "application/json");
}

enum err console_sign_in_read(struct request *q, struct fault *f, const char **ret_id,
                              const char **ret_secret)
{
        const char *id, *secret;

        /* What a form of another page can send is not JSON. */
        if (!is_json(q))
                return fault_set(f, FAULT_CONSOLE_DENIED,
                                 "The Content-Type of the body is not application/json.");
        TRY(request_parse(q, f));
        TRY(text_of(q, "AccessKeyId", f, &id));
        TRY(text_of(q, "AccessKeySecret", f, &secret));
        *ret_id = id;
        *ret_secret = secret;
        return ERR_OK;
}

/* A key that is not there costs what one that is there costs: the same query, and a secret to open. */
static enum err key_or_decoy(const struct console *c, const char *id, struct access_key *ret, bool *ret_known)
{
        static const char secret[] = "a secret of nobody, as long as most";
        static const char context[] = "console_session.decoy:";
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(sizeof secret + SEAL_OVERHEAD);
        enum err e = store_access_key_get(c->db, c->master, id, ret);

        *ret_known = e == ERR_OK;
        if (e != ERR_NOT_FOUND)
                return e;
        *ret = (struct access_key){.secret = BUF_UP_TO(sizeof secret)};
        TRY(crypt_seal(c->master, context, secret, sizeof secret, &sealed));
        return crypt_open(c->master, context, sealed.data, sealed.len, &ret->secret);
}

/* As digests, so that not even the secret's length shows in the time. */
static bool secret_is(const struct access_key *key, const char *given)
{
        uint8_t right[SHA256_BYTES], shown[SHA256_BYTES];

        crypt_sha256(buf_text(&key->secret), key->secret.len, right);
        crypt_sha256(given, strlen(given), shown);
        return crypt_equal(right, sizeof right, shown, sizeof shown);
}

static enum err note(const struct console *c, const struct request *q, const struct reply *r,
                     int64_t account_id, const char *id, json_t *before, json_t *after)
{
        const struct actor actor = {.account_id = account_id,
                                    .access_key_id = id,
                                    .source_ip = q->source_ip,
                                    .request_id = r->request_id,
                                    .action = r->op,
                                    .settings = c->settings};

        return audit_put(c->db, &actor, "", resource, before, after);
}

/* An ID that nobody has may be a secret in the wrong field: it is not kept. */
static enum err fail(const struct console *c, const struct request *q, const struct reply *r,
                     const struct access_key *key, const char *id, bool known, bool right, struct fault *f)
{
        json_t *after = json_pack("{s:s, s:s}", "Result", "Refused", "Reason",
                                  !known  ? "UnknownAccessKey"
                                  : right ? "InactiveAccessKey"
                                          : "WrongSecret");

        if (after == NULL)
                return ERR_NOMEM;
        TRY(note(c, q, r, known ? key->account_id : 0, known ? id : "-", NULL, after));
        return fault_set(f, known && right ? FAULT_ACCESS_KEY_INACTIVE : FAULT_CONSOLE_SECRET, NULL);
}

static enum err answer(const struct console *c, const struct console_session *s, const struct access_key *key,
                       struct reply *r)
{
        json_t *json;

        TRY(console_session_json(c, s, key, &json));
        enum err e = reply_answer(r, "ConsoleSession", json);

        json_decref(json);
        return e;
}

/* The browser's session so far, whoever's it is, ends with the new one. */
static enum err end_former(const struct console *c, const struct request *q)
{
        CLEANUP(console_token) struct console_token token = {""};
        uint8_t sha256[SHA256_BYTES];

        if (console_token_of(q, &token) != ERR_OK)
                return ERR_OK;
        crypt_sha256(token.text, CONSOLE_TOKEN_CHARS, sha256);
        return store_console_session_end(c->db, sha256);
}

static enum err store(const struct console *c, const struct request *q, const struct reply *r,
                      const struct console_token *token, const struct access_key *key, const char *id,
                      char ret_expires[21])
{
        const struct session_limits limits = {c->settings->console_idle_s, c->settings->console_lasts_s};
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct session_row row = {.used_long_ago = false};
        uint8_t sha256[SHA256_BYTES];

        (void)snprintf(row.access_key_id, sizeof row.access_key_id, "%s", id);
        crypt_sha256(token->text, CONSOLE_TOKEN_CHARS, sha256);
        crypt_hmac_sha256(buf_text(&key->secret), key->secret.len, token->text, CONSOLE_TOKEN_CHARS,
                          row.token_hmac);
        TRY(db_begin(c->db, &tx));
        TRY(store_console_session_lock(c->db, id));
        TRY(end_former(c, q));
        TRY(store_console_session_add(c->db, &row, sha256, q->source_ip, &limits, ret_expires));
        TRY(note(c, q, r, key->account_id, id, NULL, json_pack("{s:s}", "Result", "SignedIn")));
        return db_commit(&tx);
}

static enum err open_session(const struct console *c, const struct request *q, struct reply *r,
                             const struct access_key *key, const char *id)
{
        CLEANUP(console_token) struct console_token token;
        CLEANUP(console_session) struct console_session session = {.csrf = ""};

        TRY(console_token_draw(&token));
        TRY(store(c, q, r, &token, key, id, session.expires));
        (void)snprintf(session.access_key_id, sizeof session.access_key_id, "%s", id);
        console_token_csrf(&token, session.csrf);
        TRY(answer(c, &session, key, r));
        return console_token_set(r, &token, c->settings->console_lasts_s, q->tls);
}

/* *ret_wrong: ID or secret are, whatever else went wrong. */
static enum err prove(const struct console *c, const struct request *q, struct reply *r, struct fault *f,
                      const char *id, const char *secret, bool *ret_wrong)
{
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};
        bool known, right;

        TRY(key_or_decoy(c, id, &key, &known));
        right = secret_is(&key, secret) && known;
        *ret_wrong = !right;
        if (known)
                (void)snprintf(r->caller, sizeof r->caller, "%s", id);
        if (!right || !key.enabled)
                return fail(c, q, r, &key, id, known, right, f);
        enum err e = open_session(c, q, r, &key, id);

        /* Disabled or deleted between two looks. */
        return e == ERR_NOT_FOUND ? fault_set(f, FAULT_CONSOLE_SECRET, NULL) : e;
}

static enum err sign_in(const struct console *c, struct request *q, struct reply *r, struct fault *f)
{
        const char *id, *secret;
        int64_t retry_ms;

        TRY(console_sign_in_read(q, f, &id, &secret));
        if (!sign_in_limit_take(c->sign_ins, q->source_ip, id, clock_ms(), &retry_ms)) {
                enum err e = fault_set(f, FAULT_CONSOLE_FAILURES, NULL);

                f->retry_ms = retry_ms;
                return e;
        }
        bool wrong = false;
        enum err e = prove(c, q, r, f, id, secret, &wrong);

        if (e != ERR_REFUSED && !wrong)
                sign_in_limit_return(c->sign_ins, q->source_ip, id, e == ERR_OK);
        return e;
}

static enum err show(const struct console *c, struct request *q, struct reply *r, struct fault *f)
{
        CLEANUP(console_session) struct console_session session = {.csrf = ""};
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};

        TRY(console_session_of(c, q, false, f, &session, &key));
        memcpy(r->caller, session.access_key_id, sizeof r->caller);
        return answer(c, &session, &key, r);
}

static enum err sign_out(const struct console *c, struct request *q, struct reply *r, struct fault *f)
{
        CLEANUP(console_session) struct console_session session = {.csrf = ""};
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};
        CLEANUP(db_tx) struct db_tx tx = {NULL};

        TRY(console_session_of(c, q, true, f, &session, &key));
        memcpy(r->caller, session.access_key_id, sizeof r->caller);
        TRY(db_begin(c->db, &tx));
        TRY(end_former(c, q));
        TRY(note(c, q, r, key.account_id, session.access_key_id, json_pack("{s:s}", "Result", "SignedIn"),
                 NULL));
        TRY(db_commit(&tx));
        memcpy(r->code, "OK", 3);
        TRY(reply_text(r, 204, NULL, "", 0));
        return console_token_set(r, NULL, 0, q->tls);
}

enum err console_sign_in_serve(const struct console *c, struct request *q, struct reply *r, struct fault *f)
{
        static const struct {
                const char *method, *op;
                enum err (*run)(const struct console *, struct request *, struct reply *, struct fault *);
        } methods[] = {
                {"POST", "ConsoleSignIn", sign_in},
                {"GET", "ConsoleSession", show},
                {"DELETE", "ConsoleSignOut", sign_out},
        };

        for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
                if (strcmp(q->method, methods[i].method) == 0) {
                        r->op = methods[i].op;
                        return methods[i].run(c, q, r, f);
                }
        return fault_set(f, FAULT_METHOD, NULL);
}
