/* SPDX-License-Identifier: Apache-2.0 */
#include "api/operation.h"
#include "api/openapi.h"
#include "api/param_set.h"
#include "api/store_instance.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err operation_bind(struct openapi *documents, char why[256])
{
        why[0] = '\0';
        for (const struct operation_row *row = operation_table; row->name != NULL; row++) {
                struct operation_spec *op = openapi_find(documents, row->version, row->name);

                if (op == NULL || op->run != NULL) {
                        (void)snprintf(why, 256, "%s %s is %s", row->version, row->name,
                                       op == NULL ? "in the operation table, but in no OpenAPI document"
                                                  : "in the operation table twice");
                        return ERR_CONFLICT;
                }
                op->run = row->run;
        }
        for (size_t i = 0; i < documents->count; i++)
                if (documents->rows[i].run == NULL) {
                        (void)snprintf(why, 256, "%s %s is in %s, but not in the operation table",
                                       documents->rows[i].version, documents->rows[i].name,
                                       documents->rows[i].document);
                        return ERR_CONFLICT;
                }
        return ERR_OK;
}

const char *call_text(const struct op_call *call, const char *name)
{
        return param_set_text(call->params, name);
}

const char *call_text_or(const struct op_call *call, const char *name, const char *otherwise)
{
        const char *text = call_text(call, name);

        return text == NULL || text[0] == '\0' ? otherwise : text;
}

int64_t call_int(const struct op_call *call, const char *name, int64_t otherwise)
{
        const char *text = call_text(call, name);

        return text == NULL || text[0] == '\0' ? otherwise : strtoll(text, NULL, 10); /* validated */
}

enum err call_wrong(struct op_call *call, const char *name, const char *why)
{
        enum fault_id invalid = call->spec->invalid;

        if (invalid == FAULT_INVALID)
                return fault_set_field(&call->fault, invalid, name,
                                       "Specified parameter %s is not valid: %s.", name, why);
        return fault_set_field(&call->fault, invalid, name, "%s Specified parameter %s is not valid: %s.",
                               fault_message(invalid), name, why);
}

void call_changed(struct op_call *call, int64_t revision)
{
        (void)snprintf(call->changed_instance, sizeof call->changed_instance, "%s", call->instance->id);
        call->changed_revision = revision;
}

bool call_bool(const struct op_call *call, const char *name, bool otherwise)
{
        const char *text = call_text(call, name);

        return text == NULL || text[0] == '\0' ? otherwise : text_same(text, "true");
}
