/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_operation: one path of a document, read into what the pipeline goes by: parameters, grant, rate,
 * and the errors that it may be answered with. Read-only afterwards. */
#ifndef SIGNET_API_OPENAPI_OPERATION_H
#define SIGNET_API_OPENAPI_OPERATION_H

#include "api/fault.h"
#include "api/grant.h"
#include "api/openapi_field.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct op_call;

enum { METHOD_GET = 1 << 0, METHOD_POST = 1 << 1 };

/* What an operation is about, and so where its grant is looked for. */
enum operation_scope {
        SCOPE_ACCOUNT,  /* the account */
        SCOPE_INSTANCE, /* the instance, whose parameter is mandatory */
        SCOPE_GIVEN,    /* the instance when its parameter is given, else the account */
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
        const char *instance;   /* the parameter that names it: "MqttInstanceId", "InstanceId" */
        enum fault_id absent;   /* for an instance that is not there */
        enum fault_id foreign;  /* for one of another account */
        enum fault_id denied;   /* for a key without the grant */
        enum fault_id invalid;  /* for a wrong parameter; FAULT_INVALID and FAULT_PARAMETER_NAMED name it in
                                   the Code */
        int64_t rate;           /* calls a second and account */
        bool may_be_gone;       /* SCOPE_GIVEN: also about an instance that was deleted */
        bool answers_secret;    /* only over HTTPS or the loopback */
        const json_t *editions; /* NULL, or the editions of instances that have it */
        const json_t *errors;   /* of its own: objects with http, code, message */
        const json_t *common;   /* those that every operation of its document has */
        struct field *fields;
        size_t field_count;
        enum err (*run)(struct op_call *call); /* set by operation_bind(): an op_fn of api/operation.h */
};

/* `path` is /<version>/<Action>, `item` what stands there; `ret` is zeroed. ERR_SYNTAX with r->why when it is
 * not complete. */
MUST_CHECK enum err operation_read(const struct openapi_reader *r, const char *path, const json_t *item,
                                   struct operation_spec *ret);
/* Every row of an x-signet-errors list is an error that this program has, word for word. */
MUST_CHECK enum err operation_errors_read(const struct openapi_reader *r, const json_t *errors);
/* Whether the documents say that the operation can be answered with this Code. */
bool operation_documents(const struct operation_spec *op, const char *code);

#endif
