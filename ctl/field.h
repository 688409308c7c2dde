/* SPDX-License-Identifier: Apache-2.0 */
/* field: members of a JSON object that somebody else has written: there, and of the type, or an empty one. */
#ifndef SIGNET_CTL_FIELD_H
#define SIGNET_CTL_FIELD_H

#include "common/cleanup.h"
#include "common/err.h"

#include <jansson.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

static inline const char *field_text(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text != NULL ? text : "";
}

static inline json_int_t field_number(const json_t *object, const char *name)
{
        return json_integer_value(json_object_get(object, name));
}

/* The object takes `value`, also on failure; NULL (jansson had no memory) is ERR_NOMEM. */
MUST_CHECK static inline enum err field_set(json_t *object, const char *name, json_t *value)
{
        return json_object_set_new(object, name, value) == 0 ? ERR_OK : ERR_NOMEM;
}

MUST_CHECK static inline enum err field_append(json_t *list, json_t *value)
{
        return json_array_append_new(list, value) == 0 ? ERR_OK : ERR_NOMEM;
}

#endif
