/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/topic_alias.h"

#include <stdlib.h>
#include <string.h>

enum { WORTH_BYTES = 6 }; /* an alias takes three bytes and its first use sends both */

struct alias_topic {
        uint16_t len;
        char text[];
};

static struct alias_topic *copy(struct bytes topic)
{
        struct alias_topic *t = malloc(sizeof *t + topic.len);

        if (t == NULL)
                return NULL;
        t->len = (uint16_t)topic.len;
        memcpy(t->text, topic.data, topic.len);
        return t;
}

static enum err reserve(struct topic_aliases *a, uint16_t count)
{
        struct alias_topic **topics;

        if (count <= a->count)
                return ERR_OK;
        topics = realloc(a->topics, count * sizeof(struct alias_topic *));
        if (topics == NULL)
                return ERR_NOMEM;
        memset(topics + a->count, 0, (size_t)(count - a->count) * sizeof(struct alias_topic *));
        a->topics = topics;
        a->count = count;
        return ERR_OK;
}

enum err topic_alias_set(struct topic_aliases *a, uint16_t alias, uint16_t max, struct bytes topic)
{
        struct alias_topic *t;

        if (alias == 0 || alias > max)
                return ERR_LIMIT;
        TRY(reserve(a, alias));
        t = copy(topic);
        if (t == NULL)
                return ERR_NOMEM;
        free(a->topics[alias - 1]);
        a->topics[alias - 1] = t;
        return ERR_OK;
}

struct bytes topic_alias_get(const struct topic_aliases *a, uint16_t alias)
{
        const struct alias_topic *t = alias == 0 || alias > a->count ? NULL : a->topics[alias - 1];

        return t == NULL ? (struct bytes){NULL, 0} : (struct bytes){(const uint8_t *)t->text, t->len};
}

uint16_t topic_alias_of(struct topic_aliases *a, uint16_t max, struct bytes topic, bool *ret_new)
{
        uint16_t free_one = 0;

        *ret_new = false;
        if (topic.len < WORTH_BYTES)
                return 0;
        for (uint16_t n = 0; n < a->count; n++) {
                const struct alias_topic *t = a->topics[n];

                if (t == NULL)
                        free_one = n + 1;
                else if (t->len == topic.len && memcmp(t->text, topic.data, topic.len) == 0)
                        return n + 1;
        }
        if (max > TOPIC_ALIASES_OUT_MAX)
                max = TOPIC_ALIASES_OUT_MAX;
        if (free_one == 0)
                free_one = (uint16_t)(a->count + 1);
        if (free_one > max || topic_alias_set(a, free_one, max, topic) != ERR_OK)
                return 0;
        *ret_new = true;
        return free_one;
}

void topic_alias_undo(struct topic_aliases *a, uint16_t alias)
{
        free(a->topics[alias - 1]);
        a->topics[alias - 1] = NULL;
}

void topic_aliases_done(struct topic_aliases *a)
{
        for (uint16_t n = 0; n < a->count; n++)
                free(a->topics[n]);
        free(a->topics);
        *a = (struct topic_aliases){NULL, 0};
}
