/* SPDX-License-Identifier: Apache-2.0 */
/* answer: adding fields to the JSON object that an operation answers with, and cutting lists into pages. */
#ifndef SIGNET_API_ANSWER_H
#define SIGNET_API_ANSWER_H

#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

/* Moves the members of `fields` (its reference is taken) into `answer`. ERR_NOMEM also for fields NULL. */
MUST_CHECK static inline enum err answer_add(json_t *answer, json_t *fields)
{
        return fields != NULL && json_object_update_new(answer, fields) == 0 ? ERR_OK : ERR_NOMEM;
}

/* The same for one row of a list. */
MUST_CHECK static inline enum err answer_append(json_t *list, json_t *row)
{
        return row != NULL && json_array_append_new(list, row) == 0 ? ERR_OK : ERR_NOMEM;
}

/* Rows before page `page` (from 1) of `size` rows each; never overflows. */
static inline int64_t page_offset(int64_t page, int64_t size)
{
        const int64_t most = INT64_C(1) << 31;

        return page < 1 || size < 1 ? 0 : ((page < most ? page : most) - 1) * (size < most ? size : most);
}

#endif
