/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/token_notice.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct bytes text_of(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);

        return json_is_string(value)
                       ? (struct bytes){(const uint8_t *)json_string_value(value), json_string_length(value)}
                       : (struct bytes){NULL, 0};
}

enum err token_upload_read(struct bytes payload, struct buf *ret_token, uint8_t *ret_type)
{
        json_t *object;
        struct bytes token, type;
        enum err e;

        if (payload.len > TOKEN_UPLOAD_MAX)
                return ERR_LIMIT;
        if (payload.len == 0)
                return ERR_SYNTAX;
        object = json_loadb((const char *)payload.data, payload.len, JSON_REJECT_DUPLICATES, NULL);
        token = text_of(object, "token");
        type = text_of(object, "type");
        *ret_type = type.len == 0 ? 0 : token_type_read(type);
        e = token.len == 0 || *ret_type == 0 ? ERR_SYNTAX : buf_add(ret_token, token.data, token.len);
        json_decref(object);
        return e;
}

size_t token_notice_expire(char ret[TOKEN_NOTICE_SIZE], int64_t expires_ms, uint8_t type)
{
        return (size_t)snprintf(ret, TOKEN_NOTICE_SIZE, "{\"expireTime\":%" PRId64 ",\"type\":\"%s\"}",
                                expires_ms, token_type_text(type));
}

size_t token_notice_invalid(char ret[TOKEN_NOTICE_SIZE], enum token_fault fault, uint8_t type)
{
        return (size_t)snprintf(ret, TOKEN_NOTICE_SIZE, "{\"code\":%d,\"type\":\"%s\"}", (int)fault,
                                token_type_text(type));
}
