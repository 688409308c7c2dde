/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_session.h"
#include "api/answer.h"
#include "api/console_token.h"
#include "api/store_console_session.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "http://console.example:8080" (RFC 6454 6.2) and "console.example:8080". Not the scheme: a proxy may end
 * TLS in front of us. */
static bool same_host(const char *origin, const char *host)
{
        static const char *const schemes[] = {"http://", "https://"};

        for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
                if (strncmp(origin, schemes[i], strlen(schemes[i])) == 0)
                        return text_same(origin + strlen(schemes[i]), host);
        return false;
}

enum err console_check(const struct request *q, struct fault *f)
{
        const char *origin = request_header(q, "origin"), *host = request_header(q, "host");

        if (!q->private_line)
                return fault_set(f, FAULT_NEED_SSL, NULL);
        if (origin != NULL && (host == NULL || host[0] == '\0' || request_header_times(q, "origin") > 1 ||
                               !same_host(origin, host)))
                return fault_set(f, FAULT_CONSOLE_DENIED,
                                 "The request comes from a page of another host than it goes to.");
        return ERR_OK;
}

static enum err live_session(const struct console *c, const struct request *q,
                             uint8_t ret_sha256[SHA256_BYTES], struct console_token *ret_token,
                             struct session_row *ret)
{
        const struct session_limits limits = {c->settings->console_idle_s, c->settings->console_lasts_s};

        TRY(console_token_of(q, ret_token));
        crypt_sha256(ret_token->text, CONSOLE_TOKEN_CHARS, ret_sha256);
        return store_console_session_get(c->db, ret_sha256, &limits, ret);
}

/* Whether it is the key that has signed in: there, enabled, and with the same secret. */
static enum err key_of(const struct console *c, const struct session_row *row,
                       const struct console_token *token, struct access_key *ret)
{
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};
        uint8_t mac[SHA256_BYTES];

        TRY(store_access_key_get(c->db, c->master, row->access_key_id, &key));
        crypt_hmac_sha256(buf_text(&key.secret), key.secret.len, token->text, CONSOLE_TOKEN_CHARS, mac);
        if (!key.enabled || !crypt_equal(mac, sizeof mac, row->token_hmac, sizeof row->token_hmac))
                return ERR_NOT_FOUND;
        *ret = key;
        key = (struct access_key){.secret = BUF_UP_TO(0)};
        return ERR_OK;
}

static bool csrf_shown(const struct request *q, const char *csrf)
{
        const char *shown = request_header(q, "x-signet-csrf");

        return shown != NULL && request_header_times(q, "x-signet-csrf") == 1 &&
               crypt_equal(shown, strlen(shown), csrf, strlen(csrf));
}

enum err console_session_of(const struct console *c, const struct request *q, bool csrf, struct fault *f,
                            struct console_session *ret, struct access_key *ret_key)
{
        CLEANUP(console_token) struct console_token token = {""};
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(0)};
        struct session_row row;
        uint8_t sha256[SHA256_BYTES];
        enum err e = live_session(c, q, sha256, &token, &row);

        if (e == ERR_OK)
                e = key_of(c, &row, &token, &key);
        if (e == ERR_NOT_FOUND || e == ERR_SYNTAX)
                return fault_set(f, FAULT_CONSOLE_SESSION, NULL);
        TRY(e);
        console_token_csrf(&token, ret->csrf);
        if (csrf && !csrf_shown(q, ret->csrf))
                return fault_set(f, FAULT_CONSOLE_CSRF, NULL);
        if (row.used_long_ago)
                TRY(store_console_session_used(c->db, sha256));
        memcpy(ret->access_key_id, row.access_key_id, sizeof ret->access_key_id);
        memcpy(ret->expires, row.expires, sizeof ret->expires);
        *ret_key = key;
        key = (struct access_key){.secret = BUF_UP_TO(0)};
        return ERR_OK;
}

static json_t *grants_json(const struct grants *grants)
{
        json_t *list = json_array();

        for (size_t i = 0; i < grants->count; i++)
                if (answer_append(list, json_pack("{s:s, s:s}", "Action", grants->rows[i].action, "Instance",
                                                  grants->rows[i].instance)) != ERR_OK) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

/* The instances that grants name and that the operation may be done on. `grants` are tidy: those of one
 * instance stand together. */
static json_t *instances_json(const struct operation_spec *op, const struct grants *grants)
{
        json_t *list = json_array();
        const char *last = "*";

        for (size_t i = 0; i < grants->count; i++) {
                const char *instance = grants->rows[i].instance;

                if (strcmp(instance, last) == 0 || strcmp(instance, "*") == 0)
                        continue;
                last = instance;
                if (grants_allow(grants, op->action, op->level, instance) &&
                    answer_append(list, json_string(instance)) != ERR_OK) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static enum err add_operation(json_t *operations, const struct operation_spec *op,
                              const struct grants *grants)
{
        bool everywhere = grants_allow(grants, op->action, op->level, NULL);
        json_t *instances;

        if (!everywhere &&
            (op->scope == SCOPE_ACCOUNT || !grants_allow_somewhere(grants, op->action, op->level)))
                return ERR_OK;
        instances = everywhere ? json_array() : instances_json(op, grants);
        return json_object_set_new(
                       operations, op->name,
                       json_pack("{s:b, s:o}", "Everywhere", everywhere, "Instances", instances)) == 0
                       ? ERR_OK
                       : ERR_NOMEM;
}

static json_t *operations_json(const struct openapi *o, const struct grants *grants)
{
        json_t *operations = json_object();

        for (size_t i = 0; operations != NULL && i < o->count; i++)
                if (add_operation(operations, &o->rows[i], grants) != ERR_OK) {
                        json_decref(operations);
                        return NULL;
                }
        return operations;
}

enum err console_session_json(const struct console *c, const struct console_session *s,
                              const struct access_key *key, json_t **ret)
{
        CLEANUP(grants) struct grants grants = {NULL, 0};
        char account[24];

        TRY(grants_copy(&key->grants, &grants));
        grants_tidy(&grants);
        (void)snprintf(account, sizeof account, "%" PRId64,
                       key->account_id); /* a page's numbers end at 2^53 */
        *ret = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:o}", "AccessKeyId", s->access_key_id,
                         "AccountId", account, "CsrfToken", s->csrf, "IdleSeconds",
                         (json_int_t)c->settings->console_idle_s, "ExpireTime", s->expires, "Version",
                         SIGNET_VERSION, "Grants", grants_json(&grants), "Operations",
                         operations_json(c->operations, &grants));
        return *ret == NULL ? ERR_NOMEM : ERR_OK;
}
