/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"
#include "common/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *copy_text(const char *text, size_t len)
{
        char *copy = malloc(len + 1);

        if (copy != NULL) {
                memcpy(copy, text, len);
                copy[len] = '\0';
        }
        return copy;
}

static bool is_version(const char *text) /* 2020-04-20/ */
{
        static const char shape[] = "dddd-dd-dd/";

        for (size_t i = 0; shape[i] != '\0'; i++)
                if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
                        return false;
        return true;
}

static void split_path(struct request *q)
{
        size_t front = 1;

        q->path_len = strcspn(q->target, "?");
        q->console_call = strncmp(q->target, CONSOLE_CALLS, strlen(CONSOLE_CALLS)) == 0;
        if (q->console_call)
                front = strlen(CONSOLE_CALLS);
        if (q->path_len < front + 12 || q->target[0] != '/' || !is_version(q->target + front))
                return;
        const char *version = q->target + front, *action = version + 11;
        size_t action_len = q->path_len - front - 11;

        if (action_len > OPERATION_NAME_MAX)
                return;
        for (size_t i = 0; i < action_len; i++)
                if (!isalnum((unsigned char)action[i]))
                        return;
        memcpy(q->path_version, version, 10);
        memcpy(q->path_action, action, action_len);
}

enum err request_init(struct request *q, const char *target, size_t body_max)
{
        *q = (struct request){.body = BUF_UP_TO(body_max)};
        q->target = copy_text(target, strlen(target));
        if (q->target == NULL)
                return ERR_NOMEM;
        split_path(q);
        return ERR_OK;
}

void request_set_method(struct request *q, const char *method)
{
        /* A longer one is no method of ours; cut, it is still none. */
        (void)snprintf(q->method, sizeof q->method, "%s", method);
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static enum err header_room(struct request *q)
{
        if (q->header_count >= HEADER_COUNT_MAX)
                return ERR_LIMIT;
        if (q->header_count == q->header_cap) {
                size_t cap = q->header_cap == 0 ? 16 : q->header_cap * 2;
                struct header *rows = realloc(q->headers, cap * sizeof *rows);

                if (rows == NULL)
                        return ERR_NOMEM;
                q->headers = rows;
                q->header_cap = cap;
        }
        return ERR_OK;
}

enum err request_add_header(struct request *q, const char *name, size_t name_len, const char *value,
                            size_t value_len)
{
        TRY(header_room(q));
        while (value_len > 0 && is_blank(*value))
                value++, value_len--;
        struct header row = {copy_text(name, name_len), copy_text(value, text_trimmed(value, value_len))};

        if (row.name == NULL || row.value == NULL) {
                free(row.name);
                free(row.value);
                return ERR_NOMEM;
        }
        for (char *p = row.name; *p != '\0'; p++)
                *p = (char)tolower((unsigned char)*p);
        q->headers[q->header_count++] = row;
        return ERR_OK;
}

bool request_media_type_is(const char *header, const char *type)
{
        size_t len = strlen(type);

        return header != NULL && strncasecmp(header, type, len) == 0 &&
               (header[len] == '\0' || header[len] == ';' || is_blank(header[len]));
}

/* Counts in front of the parser, which makes up to 300 bytes of memory out of each "{}," and is asked before
 * anybody has signed. */
static bool json_is_bounded(const char *text, size_t len)
{
        size_t values = 0;
        bool quoted = false;

        for (size_t i = 0; i < len && values <= JSON_VALUES_MAX; i++) {
                if (text[i] == '"')
                        quoted = !quoted;
                else if (quoted)
                        i += text[i] == '\\'; /* and what it escapes */
                else
                        values += text[i] == ',' || text[i] == '[' || text[i] == '{';
        }
        return values <= JSON_VALUES_MAX;
}

/* The parser's own text quotes the body: never shown. */
static enum err broken_json(const json_error_t *error, struct fault *f)
{
        static const struct {
                enum json_error_code code;
                const char *what;
        } known[] = {
                {json_error_invalid_utf8, "holds bytes that are not UTF-8"},
                {json_error_null_character, "holds a NUL character"},
                {json_error_null_byte_in_key, "holds a NUL character in a name"},
                {json_error_duplicate_key, "has a member more than once"},
                {json_error_numeric_overflow, "has a number that is too large"},
                {json_error_stack_overflow, "is nested too deeply"},
        };
        const char *what = "is not well formed";

        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
                if (json_error_code(error) == known[i].code)
                        what = known[i].what;
        return fault_set(f, FAULT_PARAMETER, "The JSON body %s (line %d, column %d).", what, error->line,
                         error->column);
}

static enum err parse_json(struct request *q, struct fault *f)
{
        if (!json_is_bounded(buf_text(&q->body), q->body.len))
                return fault_set(f, FAULT_PARAMETER, "The JSON body has more than %d values.",
                                 JSON_VALUES_MAX);

        json_error_t error;
        json_t *object = json_loadb(buf_text(&q->body), q->body.len, JSON_REJECT_DUPLICATES, &error);

        if (object == NULL)
                return broken_json(&error, f);
        enum err e = param_set_add_json(&q->params, object, f);

        json_decref(object);
        return e;
}

static enum err parse_body(struct request *q, struct fault *f)
{
        const char *type = request_header(q, "content-type");

        if (q->body.len == 0)
                return ERR_OK;
        if (request_media_type_is(type, "application/x-www-form-urlencoded"))
                return param_set_add_form(&q->params, buf_text(&q->body), q->body.len, PARAM_BODY, f);
        if (request_media_type_is(type, "application/json"))
                return parse_json(q, f);
        return fault_set(f, FAULT_PARAMETER,
                         "The Content-Type of the body is neither application/x-www-form-urlencoded nor "
                         "application/json.");
}

enum err request_parse(struct request *q, struct fault *f)
{
        const char *query = q->target + q->path_len;

        crypt_sha256(buf_text(&q->body), q->body.len, q->body_sha256);
        if (*query == '?')
                query++;
        TRY(param_set_add_form(&q->params, query, strlen(query), PARAM_QUERY, f));
        TRY(parse_body(q, f));
        buf_done(&q->body); /* may be 17 MiB, and the parameters hold all of it */
        return param_set_sort(&q->params, f);
}

static bool query_asks_xml(const char *query)
{
        static const char wanted[] = "Format=XML";

        while (*query != '\0') {
                size_t len = strcspn(++query, "&");

                if (len == strlen(wanted) && strncmp(query, wanted, strlen("Format=")) == 0 &&
                    strncasecmp(query, wanted, len) == 0)
                        return true;
                query += len;
        }
        return false;
}

bool request_asks_xml(const struct request *q, bool parsed)
{
        const char *format = parsed ? param_set_text(&q->params, "Format") : NULL;

        return parsed ? format != NULL && text_same(format, "XML") : query_asks_xml(q->target + q->path_len);
}

static bool is_token(const char *name) /* RFC 9110 5.6.2 */
{
        size_t len =
                strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

        return len > 0 && name[len] == '\0';
}

static bool has_control(const char *value)
{
        for (; *value != '\0'; value++)
                if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7F)
                        return true;
        return false;
}

/* "Content-Length:" CR LF " 3" is one header to some, but libmicrohttpd 0.9.75 glues a continuation line to
 * the name and then sees no length at all. */
static bool is_glued(const char *name, const char *framing)
{
        size_t len = strlen(framing);

        return strncmp(name, framing, len) == 0 && name[len] != '\0';
}

bool request_is_ambiguous(const struct request *q)
{
        const char *coding = request_header(q, "transfer-encoding");
        size_t lengths = request_header_times(q, "content-length");

        for (size_t i = 0; i < q->header_count; i++) {
                const struct header *h = &q->headers[i];

                if (!is_token(h->name) || has_control(h->value) || is_glued(h->name, "content-length") ||
                    is_glued(h->name, "transfer-encoding"))
                        return true;
        }
        if (coding != NULL && (lengths > 0 || !text_same(coding, "chunked") ||
                               request_header_times(q, "transfer-encoding") > 1))
                return true;
        return lengths > 1 || request_header_times(q, "host") > 1;
}

bool request_path_is(const struct request *q, const char *path)
{
        return strlen(path) == q->path_len && memcmp(q->target, path, q->path_len) == 0;
}

const char *request_header(const struct request *q, const char *name)
{
        for (size_t i = 0; i < q->header_count; i++)
                if (strcmp(q->headers[i].name, name) == 0)
                        return q->headers[i].value;
        return NULL;
}

size_t request_header_times(const struct request *q, const char *name)
{
        size_t times = 0;

        for (size_t i = 0; i < q->header_count; i++)
                times += strcmp(q->headers[i].name, name) == 0;
        return times;
}

void request_host(const struct request *q, char ret[HOST_MAX + 1])
{
        const char *host = request_header(q, "host");
        size_t len = host == NULL ? 0 : strlen(host);

        if (len == 0 || len > HOST_MAX ||
            strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") != len) {
                host = "signet";
                len = strlen(host);
        }
        memcpy(ret, host, len);
        ret[len] = '\0';
}

static void wipe_text(char *text)
{
        if (text != NULL)
                crypt_wipe(text, strlen(text));
        free(text);
}

void request_done(struct request *q)
{
        wipe_text(q->target); /* official SDKs send private keys in it */
        for (size_t i = 0; i < q->header_count; i++) {
                free(q->headers[i].name);
                wipe_text(q->headers[i].value);
        }
        free(q->headers);
        buf_done(&q->body);
        param_set_done(&q->params);
        *q = (struct request){0};
}
