/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/rollout.h"

#include "common/clock.h"
#include "ctl/field.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 1000, REASONS_MAX = 2048, REASON_TEXT_MAX = 300 };

void rollout_done(struct rollout *r)
{
        buf_done(&r->reasons);
}

/* What does not fit is left out: the count is right, and GetRolloutStatus has them all. */
static enum err add_reason(const char *node, const json_t *entry, struct buf *ret)
{
        CLEANUP(freep) char *text = json_dumps(entry, JSON_COMPACT | JSON_ENCODE_ANY);
        enum err e;

        if (text == NULL)
                return ERR_NOMEM;
        e = buf_addf(ret, "%sbroker %.32s: %.*s", ret->len > 0 ? "; " : "", node, (int)REASON_TEXT_MAX, text);
        return e == ERR_LIMIT ? ERR_OK : e;
}

static enum err add_broker(const json_t *broker, json_int_t revision, struct rollout *r)
{
        const json_t *rejected = json_object_get(broker, "Rejected"), *entry;
        size_t i;

        if (!json_is_true(json_object_get(broker, "Alive")))
                return ERR_OK;
        r->alive++;
        r->current += field_number(broker, "AppliedRevision") >= revision;
        r->rejected += json_array_size(rejected);
        json_array_foreach(rejected, i, entry)
        {
                TRY(add_reason(field_text(broker, "NodeId"), entry, &r->reasons));
        }
        return ERR_OK;
}

enum err rollout_read(const json_t *answer, json_int_t revision, struct rollout *ret)
{
        CLEANUP(rollout) struct rollout found = {.reasons = BUF_UP_TO(REASONS_MAX)};
        const json_t *broker;
        size_t i;

        json_array_foreach(json_object_get(answer, "Brokers"), i, broker)
        {
                TRY(add_broker(broker, revision, &found));
        }
        *ret = found;
        found.reasons = BUF_UP_TO(REASONS_MAX);
        return ERR_OK;
}

/* *revision is set by the first answer: later changes are not ours to wait for. */
static enum err look(struct client *c, const char *instance, json_int_t *revision, struct rollout *ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, "GetRolloutStatus");
        CLEANUP(jsonp) json_t *answer = NULL;

        TRY(question_add(&q, "MqttInstanceId", instance));
        TRY(client_ask(c, &q, &answer));
        if (*revision < 0)
                *revision = field_number(answer, "Revision");
        return rollout_read(answer, *revision, ret);
}

static enum err say_end(struct client *c, const struct rollout *r, json_int_t revision)
{
        if (r->rejected > 0)
                return failure_set(c->failure, EXIT_ROLLOUT,
                                   "rollout: revision %" JSON_INTEGER_FORMAT
                                   " is served but for %zu refused: %s",
                                   revision, r->rejected, buf_text(&r->reasons));
        if (r->alive == 0)
                exit_note("rollout: no broker of the instance is alive");
        else
                exit_note("rollout: revision %" JSON_INTEGER_FORMAT " is served by all %zu", revision,
                          r->alive);
        return ERR_OK;
}

enum err rollout_wait(struct client *c, const char *instance, int64_t seconds)
{
        int64_t end = clock_ms() + seconds * 1000, pause_ms = PAUSE_FIRST_MS;
        json_int_t revision = -1;
        size_t told = SIZE_MAX;

        for (;;) {
                CLEANUP(rollout) struct rollout r = {0};
                enum err e = look(c, instance, &revision, &r);

                if (e == ERR_REFUSED && strcmp(c->code, "MqttInstanceNotFound") == 0) {
                        exit_note("rollout: the instance is gone");
                        return ERR_OK;
                }
                TRY(e);
                if (r.current == r.alive)
                        return say_end(c, &r, revision);
                if (r.current != told)
                        exit_note("rollout: revision %" JSON_INTEGER_FORMAT
                                  " is served by %zu of %zu brokers, waiting",
                                  revision, r.current, r.alive);
                told = r.current;
                if (clock_ms() >= end)
                        return failure_set(c->failure, EXIT_ROLLOUT,
                                           "rollout: after %" PRId64 " s revision %" JSON_INTEGER_FORMAT
                                           " is served by %zu of %zu brokers",
                                           seconds, revision, r.current, r.alive);
                const struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};

                (void)nanosleep(&pause, NULL);
                pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
        }
}
