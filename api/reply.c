/* SPDX-License-Identifier: Apache-2.0 */
#include "api/reply.h"
#include "common/crypt.h"
#include "common/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The official SDKs compare these byte for byte (reference: an error is parsed as XML only with exactly this
 * type). */
static const char type_json[] = "application/json;charset=utf-8";
static const char type_xml[] = "text/xml;charset=utf-8";

static void request_id_new(char ret[REQUEST_ID_SIZE])
{
        crypt_uuid(ret);
        for (; *ret != '\0'; ret++)
                *ret = (char)toupper((unsigned char)*ret);
}

void reply_init(struct reply *r)
{
        *r = (struct reply){.status = 500,
                            .content_type = type_json,
                            .body = BUF_UP_TO(REPLY_BODY_MAX),
                            .cache = "no-store",
                            .op = "-"};
        request_id_new(r->request_id);
        memcpy(r->caller, "-", 2);
        memcpy(r->code, "-", 2);
}

static int add_piece(const char *bytes, size_t len, void *body)
{
        return buf_add(body, bytes, len) == ERR_OK ? 0 : -1;
}

static enum err add_json(struct buf *body, const json_t *value)
{
        return json_dump_callback(value, add_piece, body, JSON_COMPACT) == 0 ? ERR_OK : ERR_NOMEM;
}

static bool is_noncharacter(const char *text) /* U+FFFE and U+FFFF */
{
        return strncmp(text, "\xEF\xBF\xBE", 3) == 0 || strncmp(text, "\xEF\xBF\xBF", 3) == 0;
}

/* Text as XML 1.0 allows it: the characters it has no way to write become '?'. */
static enum err add_escaped(struct buf *body, const char *text)
{
        for (; *text != '\0'; text++) {
                unsigned char c = (unsigned char)*text;

                if (is_noncharacter(text)) {
                        TRY(buf_add_text(body, "?"));
                        text += 2;
                        continue;
                }
                if (c == '&')
                        TRY(buf_add_text(body, "&amp;"));
                else if (c == '<')
                        TRY(buf_add_text(body, "&lt;"));
                else if (c == '>')
                        TRY(buf_add_text(body, "&gt;"));
                else if (c == '\r') /* a bare one would be read as a line feed */
                        TRY(buf_add_text(body, "&#13;"));
                else if (c < 0x20 && c != '\n' && c != '\t')
                        TRY(buf_add_text(body, "?"));
                else
                        TRY(buf_add(body, text, 1));
        }
        return ERR_OK;
}

static enum err add_element(struct buf *body, const char *name, const json_t *value);

static enum err add_children(struct buf *body, const char *name, const json_t *value)
{
        const char *key;
        json_t *member;
        size_t i;

        if (json_is_object(value)) {
                json_object_foreach((json_t *)value, key, member)
                {
                        TRY(add_element(body, key, member));
                }
                return ERR_OK;
        }
        if (json_is_array(value)) {
                json_array_foreach(value, i, member)
                {
                        TRY(add_element(body, name, member));
                }
                return ERR_OK;
        }
        if (json_is_string(value))
                return add_escaped(body, json_string_value(value));
        char number[64];
        size_t len = json_dumpb(value, number, sizeof number, JSON_ENCODE_ANY);

        return len > sizeof number ? ERR_LIMIT : buf_add(body, number, len);
}

static bool element_name(const char *name)
{
        if (!isalpha((unsigned char)name[0]) && name[0] != '_')
                return false;
        while (isalnum((unsigned char)*name) || *name == '_' || *name == '-' || *name == '.')
                name++;
        return *name == '\0';
}

static enum err add_element(struct buf *body, const char *name, const json_t *value)
{
        if (json_is_null(value) || !element_name(name))
                return ERR_OK;
        TRY(buf_addf(body, "<%s>", name));
        TRY(add_children(body, name, value));
        return buf_addf(body, "</%s>", name);
}

static enum err add_body(struct reply *r, const char *root, const json_t *value)
{
        buf_done(&r->body);
        r->content_type = r->xml ? type_xml : type_json;
        if (!r->xml)
                return add_json(&r->body, value);
        TRY(buf_add_text(&r->body, "<?xml version='1.0' encoding='UTF-8'?>"));
        return add_element(&r->body, root, value);
}

enum err reply_answer(struct reply *r, const char *action, const json_t *answer)
{
        char root[OPERATION_NAME_MAX + 16];

        r->status = 200;
        memcpy(r->code, "OK", 3);
        (void)snprintf(root, sizeof root, "%sResponse", action);
        return add_body(r, root, answer);
}

/* What the vendor's gateway says when RAM has refused. */
static enum err add_denial(const struct reply *r, const struct fault *f, json_t *value)
{
        char account[24];

        (void)snprintf(account, sizeof account, "%" PRId64, f->account_id);
        json_t *detail =
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "AuthAction", f->denied_action,
                          "AuthPrincipalDisplayName", r->caller, "AuthPrincipalOwnerId", account,
                          "AuthPrincipalType", "SubUser", "NoPermissionType", "ImplicitDeny", "PolicyType",
                          "AccountLevelIdentityBasedPolicy", "EncodedDiagnosticMessage", "");

        return json_object_set_new(value, "AccessDeniedDetail", detail) == 0 ? ERR_OK : ERR_NOMEM;
}

enum err reply_fault(struct reply *r, const struct request *q, const struct fault *f)
{
        char host[HOST_MAX + 1], recommend[HOST_MAX + 256];

        request_host(q, host);
        (void)snprintf(recommend, sizeof recommend, "%s://%s/openapi/%s?q=%s", q->tls ? "https" : "http",
                       host, r->document == NULL ? "signet.json" : r->document, f->code);
        json_t *value = json_pack("{s:s, s:s, s:s, s:s, s:s}", "RequestId", r->request_id, "HostId", host,
                                  "Code", f->code, "Message", f->message, "Recommend", recommend);

        if (value == NULL)
                return ERR_NOMEM;
        if (f->denied_action[0] != '\0' && add_denial(r, f, value) != ERR_OK) {
                json_decref(value);
                return ERR_NOMEM;
        }
        r->retry_ms = f->retry_ms;
        r->status = fault_http(f);
        memcpy(r->code, f->code, sizeof r->code);
        enum err e = add_body(r, "Error", value);

        json_decref(value);
        return e;
}

enum err reply_text(struct reply *r, int status, const char *content_type, const char *text, size_t len)
{
        buf_done(&r->body);
        r->status = status;
        r->content_type = content_type;
        return buf_add(&r->body, text, len);
}

enum err reply_add_header(struct reply *r, const char *name, const char *format, ...)
{
        struct reply_header *h = &r->headers[r->header_count];
        va_list args;

        if (r->header_count == REPLY_HEADERS_MAX)
                return ERR_LIMIT;
        va_start(args, format);
        int len = vsnprintf(h->value, sizeof h->value, format, args);
        va_end(args);
        if (len < 0 || (size_t)len >= sizeof h->value)
                return ERR_LIMIT;
        h->name = name;
        r->header_count++;
        return ERR_OK;
}

void reply_done(struct reply *r)
{
        buf_done(&r->body);
        crypt_wipe(r->headers, sizeof r->headers); /* a new session's cookie */
        r->header_count = 0;
}
