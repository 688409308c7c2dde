/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_field: one parameter of a document, read into what api/validate.c goes by. */
#ifndef SIGNET_API_OPENAPI_FIELD_H
#define SIGNET_API_OPENAPI_FIELD_H

#include "common/err.h"

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type { FIELD_STRING, FIELD_INTEGER, FIELD_BOOLEAN, FIELD_ARRAY };

struct field {
        const char *name; /* "" for the items of a list of scalars */
        enum field_type type;
        bool required;
        bool secret;              /* writeOnly or format password: never quoted back */
        int64_t min_len, max_len; /* characters (strings) or items (lists) */
        int64_t minimum, maximum; /* integers */
        const char
                *pattern; /* NULL or its text, in the subset that ECMA and POSIX extended expressions share */
        regex_t regex;    /* compiled when pattern is not NULL */
        const json_t *choices; /* NULL or the enum: an array of strings */
        char *default_text;    /* NULL or owned */
        struct field *items;   /* lists: one field named "" (scalars), or the members of an object */
        size_t item_count;
};

/* Where in the documents the reading is, and room for what is wrong there. */
struct openapi_reader {
        json_t *document;
        const char *file, *operation; /* for `why` */
        char *why;                    /* 256 bytes */
};

enum { FIELDS_MAX = 100 }; /* of an operation, and of a list's items */

/* Writes "<file>: <operation>: <format>" into r->why. Always returns ERR_SYNTAX, for `return
 * openapi_wrong(…)`. */
MUST_CHECK enum err openapi_wrong(const struct openapi_reader *r, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* One entry of `parameters`, or what it refers to. What was filled in is freed by fields_done() also on
 * failure. */
MUST_CHECK enum err field_read(const struct openapi_reader *r, const json_t *given, struct field *f);
/* Frees `fields` too. */
void fields_done(struct field *fields, size_t count);

#endif
