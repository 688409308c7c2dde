/* SPDX-License-Identifier: Apache-2.0 */
/* The access keys of an account and what they may do. The pipeline has asked whether the caller may do this
 * at all; what is asked here is asked of the caller's key as it is within the transaction, so that a key that
 * was just disabled or narrowed leaves nothing behind. Who may not do everything has no way up: he gives and
 * enables nothing, and gets no second key, beyond what he holds himself. */
#include "api/answer.h"
#include "api/operation.h"
#include "api/store_access_key_change.h"
#include "common/crypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_PREFIX "LTAI5t"
enum { ID_RANDOM_CHARS = 18, SECRET_CHARS = 30, PAGE_SIZE_DEFAULT = 100 };

struct fresh_key {
        char id[sizeof ID_PREFIX + ID_RANDOM_CHARS];
        char secret[SECRET_CHARS + 1];
};
static inline void cleanup_fresh_key(struct fresh_key *key)
{
        crypt_wipe(key, sizeof *key);
}

/* Base 62 without bias: a byte of 248 or more is drawn again. */
static void random_text(char *ret, int len)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        uint8_t byte;

        for (int i = 0; i < len; i++) {
                do {
                        crypt_random(&byte, 1);
                } while (byte >= 248);
                ret[i] = digits[byte % 62];
        }
        ret[len] = '\0';
}

static void fresh_key_draw(struct fresh_key *ret)
{
        memcpy(ret->id, ID_PREFIX, sizeof ID_PREFIX);
        random_text(ret->id + strlen(ID_PREFIX), ID_RANDOM_CHARS);
        random_text(ret->secret, SECRET_CHARS);
}

/* ---- what the caller may ---- */

static enum err begin(struct op_call *call, struct key_change *ret)
{
        enum err e = key_change_begin(call->db, &call->actor, ret);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        TRY(e);
        if (!ret->caller.enabled)
                return fault_set(&call->fault, FAULT_ACCESS_KEY_INACTIVE, NULL);
        if (grants_allow(&ret->caller.grants, call->spec->action, call->spec->level, NULL))
                return ERR_OK;
        return fault_deny(&call->fault, call->spec->denied, call->actor.account_id, call->spec->action, NULL);
}

static enum err begin_with_target(struct op_call *call, struct key_change *ret)
{
        TRY(begin(call, ret));
        enum err e = key_change_target(ret, call_text(call, "UserAccessKeyId"));

        return e == ERR_NOT_FOUND ? fault_set(&call->fault, FAULT_ACCESS_KEY_UNKNOWN, NULL) : e;
}

static enum err check_holds(struct op_call *call, const struct key_change *c, const struct grants *wanted)
{
        const struct grant *lacking = grants_lacking(&c->caller.grants, wanted);

        if (lacking == NULL)
                return ERR_OK;
        return fault_deny(&call->fault, FAULT_FORBIDDEN, call->actor.account_id, lacking->action,
                          "The access key cannot give %s on %s: it does not hold that itself.",
                          lacking->action, lacking->instance);
}

/* May the caller give these? Who may not is not told whose an instance is. */
static enum err check_given(struct op_call *call, struct key_change *c, const struct grants *given)
{
        const struct grant *foreign = NULL;

        TRY(check_holds(call, c, given));
        TRY(key_change_foreign(c, given, &foreign));
        if (foreign == NULL)
                return ERR_OK;
        return fault_set_field(&call->fault, FAULT_INVALID, "Grants",
                               "Specified parameter Grants is not valid: nothing can be granted on %s.",
                               foreign->instance);
}

/* ---- parameters and answers ---- */

static const char *member(const struct op_call *call, size_t number, const char *name)
{
        char full[64];

        (void)snprintf(full, sizeof full, "Grants.%zu.%s", number, name);
        return call_text(call, full);
}

/* Items are numbered from 1 without a gap, and whole: they were validated. */
static enum err read_grants(const struct op_call *call, struct grants *ret)
{
        struct grants g = {calloc(GRANTS_MAX, sizeof *g.rows), 0};
        const char *action, *instance;

        if (g.rows == NULL)
                return ERR_NOMEM;
        while (g.count < GRANTS_MAX && (action = member(call, g.count + 1, "Action")) != NULL &&
               (instance = member(call, g.count + 1, "MqttInstanceId")) != NULL) {
                struct grant *row = &g.rows[g.count++];

                (void)snprintf(row->action, sizeof row->action, "%s", action);
                (void)snprintf(row->instance, sizeof row->instance, "%s", instance);
        }
        grants_tidy(&g);
        grants_done(ret);
        *ret = g;
        return ERR_OK;
}

static void set_description(struct access_key_row *row, const char *text)
{
        if (text != NULL)
                (void)snprintf(row->description, sizeof row->description, "%s", text);
}

/* `secret` NULL: it is not shown. */
static enum err answer_key(struct op_call *call, const struct access_key_row *row, const char *secret)
{
        json_t *key = access_key_row_json(row);

        if (key != NULL && secret != NULL &&
            json_object_set_new(key, "AccessKeySecret", json_string(secret)) != 0) {
                json_decref(key);
                return ERR_NOMEM;
        }
        return answer_add(call->answer, json_pack("{s:o}", "AccessKey", key));
}

/* The answer is made first: it must not be that which fails once a secret is in use. */
static enum err finish(struct op_call *call, struct key_change *c, const char *secret)
{
        if (c->after.id[0] != '\0')
                TRY(answer_key(call, &c->after, secret));
        return key_change_commit(c, call->changed_instance, &call->changed_revision);
}

static enum err write_and_finish(struct op_call *call, struct key_change *c)
{
        bool stranded;

        TRY(key_change_write(c));
        TRY(key_change_strands(c, &stranded));
        if (stranded)
                return fault_set(&call->fault, FAULT_LAST_ADMINISTRATOR, NULL);
        return finish(call, c, NULL);
}

static enum err add_and_finish(struct op_call *call, struct key_change *c)
{
        CLEANUP(fresh_key) struct fresh_key key;

        fresh_key_draw(&key);
        enum err e = key_change_add(c, call->master, key.id, key.secret);

        if (e == ERR_LIMIT)
                return fault_set(&call->fault, FAULT_ACCESS_KEY_LIMIT, NULL);
        TRY(e);
        return finish(call, c, key.secret);
}

/* ---- operations ---- */

enum err op_create_access_key(struct op_call *call)
{
        CLEANUP(key_change) struct key_change c = {.db = NULL};

        TRY(begin(call, &c));
        TRY(read_grants(call, &c.after.grants));
        TRY(check_given(call, &c, &c.after.grants));
        set_description(&c.after, call_text(call, "Description"));
        return add_and_finish(call, &c);
}

enum err op_list_access_keys(struct op_call *call)
{
        int64_t page = call_int(call, "CurrentPage", 1), size = call_int(call, "PageSize", PAGE_SIZE_DEFAULT);
        int64_t total = 0;
        json_t *list = json_array();
        enum err e = store_access_key_row_list(call->db, call->actor.account_id, page_offset(page, size),
                                               size, list, &total);

        if (e == ERR_OK)
                return answer_add(call->answer, json_pack("{s:o, s:I, s:I, s:I}", "AccessKeys", list,
                                                          "TotalCount", (json_int_t)total, "CurrentPage",
                                                          (json_int_t)page, "PageSize", (json_int_t)size));
        json_decref(list);
        return e;
}

/* Disabling is open to all who may update: a leaked key must be stopped. Enabling gives what the key may. */
enum err op_update_access_key(struct op_call *call)
{
        CLEANUP(key_change) struct key_change c = {.db = NULL};
        const char *status = call_text(call, "Status");

        TRY(begin_with_target(call, &c));
        if (status != NULL)
                c.after.enabled = strcmp(status, "Active") == 0;
        if (c.after.enabled && !c.before.enabled)
                TRY(check_holds(call, &c, &c.before.grants));
        set_description(&c.after, call_text(call, "Description"));
        return write_and_finish(call, &c);
}

enum err op_set_access_key_grants(struct op_call *call)
{
        CLEANUP(key_change) struct key_change c = {.db = NULL};

        TRY(begin_with_target(call, &c));
        TRY(read_grants(call, &c.after.grants));
        TRY(check_given(call, &c, &c.after.grants));
        return write_and_finish(call, &c);
}

enum err op_rotate_access_key(struct op_call *call)
{
        CLEANUP(key_change) struct key_change c = {.db = NULL};
        CLEANUP(access_key_row) struct access_key_row old = {.enabled = false};

        TRY(begin(call, &c));
        enum err e = store_access_key_row_get(call->db, call->actor.account_id,
                                              call_text(call, "UserAccessKeyId"), &old);

        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_ACCESS_KEY_UNKNOWN, NULL);
        TRY(e);
        TRY(check_holds(call, &c, &old.grants));
        TRY(grants_copy(&old.grants, &c.after.grants));
        set_description(&c.after, old.description);
        return add_and_finish(call, &c);
}

enum err op_delete_access_key(struct op_call *call)
{
        CLEANUP(key_change) struct key_change c = {.db = NULL};

        TRY(begin_with_target(call, &c));
        c.after.id[0] = '\0';
        return write_and_finish(call, &c);
}
