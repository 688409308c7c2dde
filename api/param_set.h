/* SPDX-License-Identifier: Apache-2.0 */
/* param_set: the decoded parameters of one request, by name. Names are unique (a signature over duplicates
 * would be ambiguous), names and values are NUL-free UTF-8 and NUL-terminated. Owned by one thread. Values
 * are wiped at the end. */
#ifndef SIGNET_API_PARAM_SET_H
#define SIGNET_API_PARAM_SET_H

#include "api/fault.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { PARAM_COUNT_MAX = 1000, PARAM_NAME_MAX = 256, PARAM_DEPTH_MAX = 8 };

enum param_origin { PARAM_QUERY, PARAM_BODY, PARAM_DEFAULT };

struct param {
        struct buf block; /* name NUL value */
        size_t name_len;
        enum param_origin origin;
};

static inline const char *param_name(const struct param *p)
{
        return (const char *)p->block.data;
}

static inline const char *param_value(const struct param *p)
{
        return (const char *)p->block.data + p->name_len + 1;
}

static inline size_t param_value_len(const struct param *p)
{
        return p->block.len - p->name_len - 1;
}

struct param_set {
        struct param *rows; /* sorted by the bytes of the name once param_set_sort() has run */
        size_t count, cap;
};

/* Adds what an application/x-www-form-urlencoded text (also a URL's query) holds. ERR_REFUSED with `f` set:
 * too many, too long, a broken %XX, NUL or bytes that are not UTF-8. */
MUST_CHECK enum err param_set_add_form(struct param_set *s, const char *text, size_t len,
                                       enum param_origin origin, struct fault *f);
/* Adds the members of a JSON object: scalars as text, lists and objects inside flattened as Name.1 and
 * Name.1.Key. */
MUST_CHECK enum err param_set_add_json(struct param_set *s, const json_t *object, struct fault *f);
/* Adds one; no look at duplicates. Leaves the set unsorted. */
MUST_CHECK enum err param_set_add(struct param_set *s, const char *name, const char *value, size_t value_len,
                                  enum param_origin origin);
/* Sorts; ERR_REFUSED with `f` set when a name is there twice. */
MUST_CHECK enum err param_set_sort(struct param_set *s, struct fault *f);
/* After param_set_sort(). NULL when absent; borrowed. */
const struct param *param_set_find(const struct param_set *s, const char *name);
const char *param_set_text(const struct param_set *s, const char *name);
/* First row whose name begins with `prefix`, and how many follow each other. */
size_t param_set_range(const struct param_set *s, const char *prefix, size_t *ret_first);
void param_set_remove(struct param_set *s, const char *name);
void param_set_done(struct param_set *s);
static inline void cleanup_param_set(struct param_set *s)
{
        param_set_done(s);
}

#endif
