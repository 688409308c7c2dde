/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/topic_cover.h"

#include <string.h>

struct levels { /* a walk through the levels of a filter */
        struct bytes level;
        const uint8_t *rest, *end; /* behind `level`; rest NULL: it was the last */
        bool ended;                /* there was no more level */
};

static void next(struct levels *l)
{
        const uint8_t *slash;

        l->ended = l->rest == NULL;
        if (l->ended)
                return;
        slash = memchr(l->rest, '/', (size_t)(l->end - l->rest));
        l->level = (struct bytes){l->rest, (size_t)((slash == NULL ? l->end : slash) - l->rest)};
        l->rest = slash == NULL ? NULL : slash + 1;
}

static struct levels levels_of(struct bytes filter)
{
        struct levels l = {.rest = filter.data, .end = filter.data + filter.len};

        next(&l);
        return l;
}

static bool is(const struct levels *l, char wildcard)
{
        return !l->ended && l->level.len == 1 && l->level.data[0] == wildcard;
}

static bool same(const struct levels *a, const struct levels *b)
{
        return a->level.len == b->level.len && memcmp(a->level.data, b->level.data, a->level.len) == 0;
}

/* Wildcards in front match no topic that begins with '$' (§4.7.2). */
static bool hides(struct bytes wild, struct bytes other)
{
        return (wild.data[0] == '+' || wild.data[0] == '#') && other.data[0] == '$';
}

bool topic_covers(struct bytes wide, struct bytes filter)
{
        struct levels w, f;

        if (wide.len == 0 || filter.len == 0 || hides(wide, filter))
                return false;
        for (w = levels_of(wide), f = levels_of(filter);; next(&w), next(&f)) {
                if (is(&w, '#')) /* also of no more levels: "a/#" matches "a" */
                        return true;
                if (w.ended || f.ended)
                        return w.ended && f.ended;
                if (is(&f, '#') || (!is(&w, '+') && !same(&w, &f)))
                        return false;
        }
}

bool topics_meet(struct bytes a, struct bytes b)
{
        struct levels x, y;

        if (a.len == 0 || b.len == 0 || hides(a, b) || hides(b, a))
                return false;
        for (x = levels_of(a), y = levels_of(b);; next(&x), next(&y)) {
                if (is(&x, '#') || is(&y, '#'))
                        return true;
                if (x.ended || y.ended)
                        return x.ended && y.ended;
                if (!is(&x, '+') && !is(&y, '+') && !same(&x, &y))
                        return false;
        }
}
