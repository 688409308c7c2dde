/* SPDX-License-Identifier: Apache-2.0 */
/* openapi: the compiled-in documents, read once at start into rows. A path is /<version>/<Action>; its `get`
 * and `post` share the path's parameters. Read-only afterwards, so every thread may look. */
#ifndef SIGNET_API_OPENAPI_H
#define SIGNET_API_OPENAPI_H

#include "api/openapi_operation.h"
#include "common/cleanup.h"
#include "common/embed.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

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
bool openapi_has_version(const struct openapi *o, const char *version);
/* True when some operation has a secret parameter of this name, in any letter case. */
bool openapi_is_secret(const struct openapi *o, const char *name);

#endif
