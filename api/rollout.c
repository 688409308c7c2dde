/* SPDX-License-Identifier: Apache-2.0 */
/* A broker on this machine is told over its socket and answers when it serves the revision; others hear
 * NOTIFY, and what they have applied is seen in broker_node. Both count against the same two seconds. */
#include "api/rollout.h"

#include "common/clock.h"
#include "common/control.h"

#include <jansson.h>
#include <time.h>

enum { POLL_FIRST_MS = 5, POLL_MOST_MS = 100 };

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
        " WHERE mqtt_instance_id = $1 AND seen_at > now() - interval '20 seconds'";

static enum rollout_state look_at_nodes(struct db *db, const char *instance, int64_t revision)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(revision)};

        if (db_query(db, DB_AS_TEXT, &rows, nodes_sql, 2, params) != ERR_OK)
                return ROLLOUT_PENDING;
        if (db_int(rows, 0, 0) == 0)
                return ROLLOUT_NONE;
        return db_int(rows, 0, 1) == 0 ? ROLLOUT_APPLIED : ROLLOUT_PENDING;
}

enum rollout_state rollout_wait(struct db *db, const char *run_dir, const char *instance, int64_t revision)
{
        int64_t deadline = clock_ms() + ROLLOUT_WAIT_MS, left, pause = POLL_FIRST_MS;
        enum rollout_state local = tell_local(run_dir, instance, revision, ROLLOUT_WAIT_MS);
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
