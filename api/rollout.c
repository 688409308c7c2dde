/* SPDX-License-Identifier: Apache-2.0 */
/* A broker on this machine is told over its socket and answers when it serves the revision; others hear
 * NOTIFY, and what they have applied is seen in broker_node. Both count against the same two seconds. */
#include "api/rollout.h"

#include "common/clock.h"
#include "common/control.h"
#include "common/model.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { POLL_FIRST_MS = 5, POLL_MOST_MS = 100, SLOW_MAX = 64 };

static const char *const state_texts[] = {"none", "applied", "pending"};

const char *rollout_text(enum rollout_state s)
{
        return state_texts[s];
}

static void sleep_ms(int64_t ms)
{
        struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

        (void)nanosleep(&pause, NULL);
}

/* NONE when nobody listens on this machine. */
static enum rollout_state tell_local(const char *run_dir, const char *instance, int64_t revision,
                                     int timeout_ms)
{
        char path[CONTROL_PATH_MAX + 1];
        json_t *request, *answer = NULL;
        enum rollout_state state = ROLLOUT_PENDING;
        enum err e;

        if (control_path(run_dir, instance, path) != ERR_OK)
                return ROLLOUT_NONE;
        request = json_pack("{s:s, s:I}", "op", "reload", "revision", (json_int_t)revision);
        if (request == NULL)
                return ROLLOUT_PENDING;
        e = control_call(path, request, timeout_ms, &answer);
        json_decref(request);
        if (e == ERR_NOT_FOUND)
                return ROLLOUT_NONE;
        if (e == ERR_OK && json_is_true(json_object_get(answer, "ok")) &&
            json_integer_value(json_object_get(answer, "applied")) >= revision)
                state = ROLLOUT_APPLIED;
        json_decref(answer);
        return state;
}

static const char nodes_sql[] =
        "SELECT count(*), count(*) FILTER (WHERE applied_revision < $2) FROM broker_node"
        " WHERE mqtt_instance_id = $1 AND seen_at > now() - make_interval(secs => $3::integer)";

static enum rollout_state look_at_nodes(struct db *db, const char *instance, int64_t revision)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(revision), DB_INT(BROKER_ALIVE_S)};

        if (db_query(db, DB_AS_TEXT, &rows, nodes_sql, 3, params) != ERR_OK)
                return ROLLOUT_PENDING;
        if (db_int(rows, 0, 0) == 0)
                return ROLLOUT_NONE;
        return db_int(rows, 0, 1) == 0 ? ROLLOUT_APPLIED : ROLLOUT_PENDING;
}

/* Instances whose brokers were waited for in vain, for all threads. A few are enough: with more of them than
 * this, some calls wait as long as they would without. */
static struct {
        pthread_mutex_t lock;
        struct slow {
                char instance[INSTANCE_ID_MAX + 1];
                int64_t until_ms;
        } rows[SLOW_MAX];
} slow = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The row of the instance, or else the one that ends first. With the lock. */
static struct slow *slow_find(const char *instance)
{
        struct slow *oldest = &slow.rows[0];

        for (int i = 0; i < SLOW_MAX; i++) {
                if (strcmp(slow.rows[i].instance, instance) == 0)
                        return &slow.rows[i];
                if (slow.rows[i].until_ms < oldest->until_ms)
                        oldest = &slow.rows[i];
        }
        return oldest;
}

int rollout_patience_ms(const char *instance)
{
        (void)pthread_mutex_lock(&slow.lock);
        const struct slow *row = slow_find(instance);
        bool is_slow = strcmp(row->instance, instance) == 0 && clock_ms() < row->until_ms;

        (void)pthread_mutex_unlock(&slow.lock);
        return is_slow ? ROLLOUT_SLOW_WAIT_MS : ROLLOUT_WAIT_MS;
}

static void slow_note(const char *instance, bool pending)
{
        (void)pthread_mutex_lock(&slow.lock);
        struct slow *row = slow_find(instance);

        if (pending || strcmp(row->instance, instance) == 0) {
                (void)snprintf(row->instance, sizeof row->instance, "%s", instance);
                row->until_ms = pending ? clock_ms() + ROLLOUT_SLOW_MS : 0;
        }
        (void)pthread_mutex_unlock(&slow.lock);
}

void rollout_note_slow(const char *instance)
{
        slow_note(instance, true);
}

static enum rollout_state wait_for(struct db *db, const char *run_dir, const char *instance, int64_t revision,
                                   int wait_ms)
{
        int64_t deadline = clock_ms() + wait_ms, left, pause = POLL_FIRST_MS;
        enum rollout_state local = tell_local(run_dir, instance, revision, wait_ms);
        enum rollout_state nodes = look_at_nodes(db, instance, revision);

        while (nodes == ROLLOUT_PENDING && (left = deadline - clock_ms()) > 0) {
                sleep_ms(pause < left ? pause : left);
                pause = pause * 2 < POLL_MOST_MS ? pause * 2 : POLL_MOST_MS;
                nodes = look_at_nodes(db, instance, revision);
        }
        if (local == ROLLOUT_PENDING || nodes == ROLLOUT_PENDING)
                return ROLLOUT_PENDING;
        return local == ROLLOUT_APPLIED || nodes == ROLLOUT_APPLIED ? ROLLOUT_APPLIED : ROLLOUT_NONE;
}

enum rollout_state rollout_wait(struct db *db, const char *run_dir, const char *instance, int64_t revision)
{
        enum rollout_state state = wait_for(db, run_dir, instance, revision, rollout_patience_ms(instance));

        slow_note(instance, state == ROLLOUT_PENDING);
        return state;
}
