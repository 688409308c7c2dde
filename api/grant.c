/* SPDX-License-Identifier: Apache-2.0 */
#include "api/grant.h"

#include <stdlib.h>
#include <string.h>

static const char *const levels[] = {[GRANT_READ] = "read", [GRANT_WRITE] = "write", [GRANT_ADMIN] = "admin"};
enum { LEVEL_COUNT = sizeof levels / sizeof levels[0] };

void grants_done(struct grants *g)
{
        free(g->rows);
        *g = (struct grants){NULL, 0};
}

bool grant_level_read(const char *text, enum grant_level *ret)
{
        for (size_t i = 0; i < LEVEL_COUNT; i++)
                if (strcmp(text, levels[i]) == 0) {
                        *ret = (enum grant_level)i;
                        return true;
                }
        return false;
}

static bool covers_action(const struct grant *g, const char *action, enum grant_level level)
{
        size_t len = strlen(g->action);
        enum grant_level given;

        if (grant_level_read(g->action, &given))
                return given >= level;
        if (len > 0 && g->action[len - 1] == '*')
                return strncmp(g->action, action, len - 1) == 0;
        return strcmp(g->action, action) == 0;
}

static bool covers_instance(const struct grant *g, const char *instance)
{
        return strcmp(g->instance, "*") == 0 || (instance != NULL && strcmp(g->instance, instance) == 0);
}

bool grants_allow(const struct grants *g, const char *action, enum grant_level level, const char *instance)
{
        for (size_t i = 0; i < g->count; i++)
                if (covers_instance(&g->rows[i], instance) && covers_action(&g->rows[i], action, level))
                        return true;
        return false;
}

bool grants_allow_somewhere(const struct grants *g, const char *action, enum grant_level level)
{
        for (size_t i = 0; i < g->count; i++)
                if (covers_action(&g->rows[i], action, level))
                        return true;
        return false;
}

static bool covers(const struct grant *held, const struct grant *wanted)
{
        enum grant_level level, given;

        if (!covers_instance(held, wanted->instance))
                return false;
        if (grant_level_read(wanted->action, &level))
                return grant_level_read(held->action, &given) && given >= level;
        return covers_action(held, wanted->action, GRANT_ADMIN);
}

static bool any_covers(const struct grants *held, const struct grant *wanted)
{
        for (size_t i = 0; i < held->count; i++)
                if (covers(&held->rows[i], wanted))
                        return true;
        return false;
}

const struct grant *grants_lacking(const struct grants *held, const struct grants *wanted)
{
        for (size_t i = 0; i < wanted->count; i++)
                if (!any_covers(held, &wanted->rows[i]))
                        return &wanted->rows[i];
        return NULL;
}

bool grants_administer(const struct grants *g)
{
        static const struct grant everything = {.action = "admin", .instance = "*"};

        return any_covers(g, &everything);
}

static int order(const void *a, const void *b)
{
        const struct grant *x = a, *y = b;
        int instance = strcmp(x->instance, y->instance);

        return instance != 0 ? instance : strcmp(x->action, y->action);
}

void grants_tidy(struct grants *g)
{
        size_t kept = 0;

        if (g->count > 1)
                qsort(g->rows, g->count, sizeof *g->rows, order);
        for (size_t i = 0; i < g->count; i++)
                if (kept == 0 || order(&g->rows[kept - 1], &g->rows[i]) != 0)
                        g->rows[kept++] = g->rows[i];
        g->count = kept;
}

bool grants_equal(const struct grants *a, const struct grants *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (order(&a->rows[i], &b->rows[i]) != 0)
                        return false;
        return true;
}

enum err grants_copy(const struct grants *from, struct grants *ret)
{
        struct grant *rows = calloc(from->count + 1, sizeof *rows);

        if (rows == NULL)
                return ERR_NOMEM;
        if (from->count > 0)
                memcpy(rows, from->rows, from->count * sizeof *rows);
        *ret = (struct grants){rows, from->count};
        return ERR_OK;
}
