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

bool grants_administer(const struct grants *g)
{
        return grants_allow(g, "ram:SetAccessKeyGrants", GRANT_ADMIN, NULL);
}
