/* SPDX-License-Identifier: Apache-2.0 */
/* openapi: the compiled-in documents, read once at start into rows. A path is /<version>/<Action>; its `get`
 * and `post` share the path's parameters. Read-only afterwards, so every thread may look. */
#ifndef SIGNET_API_OPENAPI_H
#define SIGNET_API_OPENAPI_H

#include "api/fault.h"
#include "api/grant.h"
#include "common/cleanup.h"
#include "common/embed.h"
#include "common/err.h"

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct op_call;

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

enum { METHOD_GET = 1 << 0, METHOD_POST = 1 << 1 };

/* What an operation is about, and so where its grant is looked for. */
enum operation_scope {
        SCOPE_ACCOUNT,  /* the account */
        SCOPE_INSTANCE, /* the instance of MqttInstanceId, which is mandatory */
        SCOPE_GIVEN,    /* the instance when MqttInstanceId is given, else the account */
        SCOPE_ANY       /* what it answers with depends on the grants */
};

struct operation_spec {
        const char *document; /* file name */
        char version[11];
        const char *name;
        unsigned methods;
        const char *action; /* of its grant, as the vendor's RAM calls it */
        enum grant_level level;
        enum operation_scope scope;
        enum fault_id denied;   /* for a key without the grant */
        enum fault_id invalid;  /* for a wrong parameter; FAULT_INVALID names it in the Code */
        int64_t rate;           /* calls a second and account */
        const json_t *editions; /* NULL, or the editions of instances that have it */
        const json_t *errors;   /* of its own: objects with http, code, message */
        const json_t *common;   /* those that every operation of its document has */
        struct field *fields;
        size_t field_count;
        enum err (*run)(struct op_call *call); /* set by operation_bind(): an op_fn of api/operation.h */
};

struct openapi {
        json_t **documents;
        size_t document_count;
        struct operation_spec *rows;
        size_t count;
};

/* ERR_SYNTAX with `why` (256 bytes) naming document, operation and what is wrong with it. */
MUST_CHECK enum err openapi_open(const struct embedded *files, struct openapi **ret, char why[256]);
struct openapi *openapi_close(struct openapi *o); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(openapip, struct openapi *, openapi_close)

/* NULL when there is none. */
struct operation_spec *openapi_find(const struct openapi *o, const char *version, const char *name);
/* Whether the documents say that the operation can be answered with this Code. */
bool operation_documents(const struct operation_spec *op, const char *code);
bool openapi_has_version(const struct openapi *o, const char *version);
/* True when some operation has a secret parameter of this name, in any letter case. */
bool openapi_is_secret(const struct openapi *o, const char *name);

#endif
