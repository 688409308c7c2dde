/* SPDX-License-Identifier: Apache-2.0 */
/* A value that is too large is cut, so that the trail never stands in the way of a change: lists become how
 * many there are, then only the members are counted. Pruning is left to every AUDIT_PRUNE_EVERY-th event of a
 * process, and to so many rows at a time, so that nobody's change waits for it. */
#include "api/audit.h"

#include "api/answer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        AUDIT_PRUNE_EVERY = 256,
        AUDIT_PRUNE_MOST = 4 * AUDIT_PRUNE_EVERY,
        AUDIT_OPEN_PART = 10, /* a tenth */
        TEXT_KEPT_MAX = 1024
};

static inline void cleanup_jsonp(json_t **value)
{
        json_decref(*value);
}

/* Its own JSON text, NULL for NULL. ERR_NOMEM also for what cannot be written. */
static enum err text_of(const json_t *value, char **ret)
{
        *ret = NULL;
        if (value == NULL)
                return ERR_OK;
        *ret = json_dumps(value, JSON_COMPACT);
        return *ret != NULL ? ERR_OK : ERR_NOMEM;
}

/* The same member, short: how many a list or an object holds, how long a text is. */
static json_t *short_member(json_t *member)
{
        if (json_is_array(member))
                return json_integer((json_int_t)json_array_size(member));
        if (json_is_object(member))
                return json_integer((json_int_t)json_object_size(member));
        if (json_is_string(member) && json_string_length(member) > TEXT_KEPT_MAX)
                return json_integer((json_int_t)json_string_length(member));
        return json_incref(member);
}

static enum err shorten(json_t *object, json_t **ret)
{
        CLEANUP(jsonp) json_t *made = json_object();
        const char *name;
        json_t *member;

        json_object_foreach(object, name, member)
        {
                if (made == NULL || json_object_set_new(made, name, short_member(member)) != 0)
                        return ERR_NOMEM;
        }
        *ret = TAKE(made);
        return ERR_OK;
}

/* What fits: the value, or the value with its lists counted, or how many members it has. */
static enum err value_text(json_t *value, char **ret)
{
        CLEANUP(freep) char *text = NULL;
        CLEANUP(jsonp) json_t *shorter = NULL;

        TRY(text_of(value, &text));
        if (text == NULL || strlen(text) <= AUDIT_VALUE_MAX) {
                *ret = TAKE(text);
                return ERR_OK;
        }
        TRY(shorten(value, &shorter));
        free(text);
        TRY(text_of(shorter, &text));
        if (strlen(text) <= AUDIT_VALUE_MAX) {
                *ret = TAKE(text);
                return ERR_OK;
        }
        json_decref(shorter);
        shorter = json_pack("{s:I}", "Members", (json_int_t)json_object_size(value));
        if (shorter == NULL)
                return ERR_NOMEM;
        return text_of(shorter, ret);
}

/* The oldest events beyond `kept` ($2), of all actions or of one. IDs are of all accounts, so while they span
 * no more than that there is nothing to count. Rows that another change is pruning are left to it. */
static const char prune_sql[] =
        "WITH edge AS (SELECT id FROM audit_event WHERE account_id = $1"
        "  AND ($4::text IS NULL OR action = $4)"
        "  AND (SELECT max(id) - min(id) FROM audit_event WHERE account_id = $1"
        "   AND ($4::text IS NULL OR action = $4)) >= $2::bigint"
        "  ORDER BY id DESC OFFSET $2 LIMIT 1)"
        " DELETE FROM audit_event WHERE id IN (SELECT e.id FROM audit_event e, edge"
        "  WHERE e.account_id = $1 AND ($4::text IS NULL OR e.action = $4) AND e.id <= edge.id"
        "  ORDER BY e.id LIMIT $3 FOR UPDATE OF e SKIP LOCKED) RETURNING 1";

/* `action` NULL: of all of them. */
static enum err prune(struct db *db, int64_t account_id, const char *action, int64_t kept, bool *ret_more)
{
        CLEANUP(pgresultp) PGresult *gone = NULL;
        const struct db_param params[] = {DB_INT(account_id), DB_INT(kept), DB_INT(AUDIT_PRUNE_MOST),
                                          DB_TEXT(action)};

        TRY(db_query(db, DB_AS_TEXT, &gone, prune_sql, 4, params));
        *ret_more = PQntuples(gone) == AUDIT_PRUNE_MOST;
        return ERR_OK;
}

static enum err prune_now_and_then(struct db *db, const struct actor *actor)
{
        /* What nobody needs a grant for, or not even a key. It gets a part of the trail, and goes first:
         * nobody may push a change out of it by signing in, or by failing to. */
        static const char *const open_to_all[] = {"ConsoleSignIn", "ConsoleSignOut"};
        static atomic_uint written;
        int64_t kept = actor->settings->audit_max, part = kept / AUDIT_OPEN_PART;
        bool more = false;

        if (atomic_fetch_add(&written, 1) % AUDIT_PRUNE_EVERY != 0)
                return ERR_OK;
        for (size_t i = 0; i < sizeof open_to_all / sizeof open_to_all[0] && !more; i++)
                TRY(prune(db, actor->account_id, open_to_all[i], part > 0 ? part : 1, &more));
        return more ? ERR_OK : prune(db, actor->account_id, NULL, kept, &more);
}

static const char put_sql[] =
        "INSERT INTO audit_event (account_id, action, access_key_id, source_ip, request_id,"
        " mqtt_instance_id, resource, before, after)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb)";

static enum err put(struct db *db, const struct actor *actor, const char *instance, const char *resource,
                    json_t *before, json_t *after)
{
        CLEANUP(freep) char *before_text = NULL;
        CLEANUP(freep) char *after_text = NULL;
        CLEANUP(buf) struct buf name = BUF_UP_TO(AUDIT_RESOURCE_MAX);
        size_t len = strlen(resource);

        while (len > AUDIT_RESOURCE_MAX ||
               (len > 0 && len < strlen(resource) && (resource[len] & 0xC0) == 0x80))
                len--; /* never in the middle of a character */
        TRY(buf_add(&name, resource, len));
        TRY(value_text(before, &before_text));
        TRY(value_text(after, &after_text));
        const struct db_param params[] = {
                DB_INT(actor->account_id), DB_TEXT(actor->action),     DB_TEXT(actor->access_key_id),
                DB_TEXT(actor->source_ip), DB_TEXT(actor->request_id), DB_TEXT(instance),
                DB_TEXT(buf_text(&name)),  DB_TEXT(before_text),       DB_TEXT(after_text)};
        TRY(db_query(db, DB_AS_TEXT, NULL, put_sql, 9, params));
        return prune_now_and_then(db, actor);
}

enum err audit_put(struct db *db, const struct actor *actor, const char *instance, const char *resource,
                   json_t *before, json_t *after)
{
        enum err e = put(db, actor, instance, resource, before, after);

        json_decref(before);
        json_decref(after);
        return e;
}

/* The unnamed statement is planned with its values, so a filter that is not used costs nothing. */
static const char list_sql[] =
        "SELECT id, floor(extract(epoch FROM created_at) * 1000)::bigint, action, access_key_id, source_ip,"
        " request_id, mqtt_instance_id, resource, before, after FROM audit_event WHERE account_id = $1"
        " AND ($2::text IS NULL OR mqtt_instance_id = $2) AND ($3::text IS NULL OR action = $3)"
        " AND ($4::text IS NULL OR access_key_id = $4)"
        " AND ($5::bigint = 0 OR created_at >= to_timestamp($5::bigint / 1000.0))"
        " AND ($6::bigint = 0 OR created_at < to_timestamp($6::bigint / 1000.0))"
        " AND ($7::bigint = 0 OR id < $7) ORDER BY id DESC LIMIT $8";

static enum err add_value(json_t *event, const char *name, const PGresult *rows, int row, int column)
{
        json_t *value;

        if (PQgetisnull(rows, row, column))
                return ERR_OK;
        value = json_loads(db_text(rows, row, column), 0, NULL);
        return value != NULL && json_object_set_new(event, name, value) == 0 ? ERR_OK : ERR_NOMEM;
}

static enum err add_event(json_t *list, const PGresult *rows, int row)
{
        CLEANUP(jsonp)
        json_t *event = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "EventId",
                                  (json_int_t)db_int(rows, row, 0), "Time", (json_int_t)db_int(rows, row, 1),
                                  "Action", db_text(rows, row, 2), "AccessKeyId", db_text(rows, row, 3),
                                  "SourceIp", db_text(rows, row, 4), "RequestId", db_text(rows, row, 5),
                                  "MqttInstanceId", db_text(rows, row, 6), "Resource", db_text(rows, row, 7));

        if (event == NULL)
                return ERR_NOMEM;
        TRY(add_value(event, "Before", rows, row, 8));
        TRY(add_value(event, "After", rows, row, 9));
        return answer_append(list, TAKE(event));
}

enum err audit_list(struct db *db, int64_t account_id, const struct audit_filter *filter, json_t *list,
                    int64_t *ret_next)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(account_id),        DB_TEXT(filter->instance),
                                          DB_TEXT(filter->action),   DB_TEXT(filter->access_key_id),
                                          DB_INT(filter->from_ms),   DB_INT(filter->before_ms),
                                          DB_INT(filter->before_id), DB_INT(filter->limit + 1)};
        int count;

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 8, params));
        count = PQntuples(rows) > filter->limit ? (int)filter->limit : PQntuples(rows);
        for (int i = 0; i < count; i++)
                TRY(add_event(list, rows, i));
        *ret_next = PQntuples(rows) > count ? db_int(rows, count - 1, 0) : 0;
        return ERR_OK;
}
