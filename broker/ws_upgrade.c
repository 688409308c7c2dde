/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ws_upgrade.h"

#include "common/buf.h"
#include "common/crypt.h"
#include "common/text.h"
#include "common/wire.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEY_BYTES = 16, KEY_TEXT = 24, PROTOCOL_SIZE = 16, ACCEPT_SIZE = 32 };

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 §1.3 */

/* MQTT 5 §6 [MQTT-6.0.0-3], [MQTT-6.0.0-4]; the older name is what clients of MQTT 3.1 ask for. */
static const char *const protocols[] = {"mqtt", "mqttv3.1"};

struct request {
        struct bytes method, target, version;
        struct bytes host, key, ws_version, origin, content_length;
        uint8_t hosts, keys, ws_versions, origins, content_lengths, encodings;
        bool upgrade, connection_upgrade;
        const char *protocol; /* the client's first that is ours; static */
};

/* ---- answers ---- */

static const struct answer {
        int status;
        const char *reason, *headers;
} answers[] = {
        {400, "Bad Request", "Connection: close\r\n"},
        {403, "Forbidden", "Connection: close\r\n"},
        {404, "Not Found", "Connection: close\r\n"},
        {405, "Method Not Allowed", "Allow: GET\r\nConnection: close\r\n"},
        {426, "Upgrade Required",
         "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"},
        {431, "Request Header Fields Too Large", "Connection: close\r\n"},
};

static void refuse(struct ws_upgrade *ret, int status, const char *why)
{
        const struct answer *a = answers;

        while (a->status != status)
                a++;
        ret->status = status;
        ret->why = why;
        ret->answer_len = (size_t)snprintf(
                ret->answer, sizeof ret->answer,
                "HTTP/1.1 %d %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n", status,
                a->reason, a->headers, strlen(why) + 1, why);
}

void ws_upgrade_too_long(struct ws_upgrade *ret)
{
        ret->used = 0;
        refuse(ret, 431, "the request is longer than allowed");
}

static void accept_it(struct ws_upgrade *ret, const struct request *q)
{
        uint8_t digest[SHA1_BYTES];
        char text[KEY_TEXT + sizeof guid];
        CLEANUP(buf) struct buf hash = BUF_UP_TO(ACCEPT_SIZE);

        memcpy(text, q->key.data, KEY_TEXT);
        memcpy(text + KEY_TEXT, guid, sizeof guid);
        crypt_sha1(text, strlen(text), digest);
        if (text_base64(digest, sizeof digest, &hash) != ERR_OK) {
                refuse(ret, 400, "out of memory");
                return;
        }
        ret->status = 101;
        ret->why = NULL;
        ret->answer_len = (size_t)snprintf(ret->answer, sizeof ret->answer,
                                           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                           "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                                           "Sec-WebSocket-Protocol: %s\r\n\r\n",
                                           buf_text(&hash), q->protocol);
}

/* ---- lines ---- */

enum ws_request ws_request_end(const uint8_t *bytes, size_t len, size_t seen)
{
        size_t from = seen > 3 ? seen - 3 : 0, room = len < WS_REQUEST_MAX ? len : WS_REQUEST_MAX;

        if (from < room && memmem(bytes + from, room - from, "\r\n\r\n", 4) != NULL)
                return WS_REQUEST_WHOLE;
        return len >= WS_REQUEST_MAX ? WS_REQUEST_TOO_LONG : WS_REQUEST_MORE;
}

/* The next line without its CRLF. False: there is none, or it has a CR or LF of its own. */
static bool next_line(struct bytes *rest, struct bytes *ret)
{
        const uint8_t *end = rest->len < 2 ? NULL : memmem(rest->data, rest->len, "\r\n", 2);

        if (end == NULL)
                return false;
        *ret = (struct bytes){rest->data, (size_t)(end - rest->data)};
        rest->data = end + 2;
        rest->len -= ret->len + 2;
        return memchr(ret->data, '\r', ret->len) == NULL && memchr(ret->data, '\n', ret->len) == NULL;
}

static bool same(struct bytes b, const char *text)
{
        return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

static bool same_in_any_case(struct bytes b, const char *text)
{
        return b.len == strlen(text) && strncasecmp((const char *)b.data, text, b.len) == 0;
}

/* RFC 9110 §5.6.2 */
static bool is_token(struct bytes b)
{
        static const char others[] = "!#$%&'*+-.^_`|~";

        for (size_t n = 0; n < b.len; n++) {
                uint8_t c = b.data[n];

                if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      memchr(others, c, sizeof others - 1) != NULL))
                        return false;
        }
        return b.len > 0;
}

/* RFC 9110 §5.5: visible characters, bytes over 127, spaces and tabs. */
static bool is_value(struct bytes b)
{
        for (size_t n = 0; n < b.len; n++)
                if ((b.data[n] < ' ' && b.data[n] != '\t') || b.data[n] == 127)
                        return false;
        return true;
}

static bool is_target(struct bytes b)
{
        for (size_t n = 0; n < b.len; n++)
                if (b.data[n] <= ' ' || b.data[n] >= 127)
                        return false;
        return b.len > 0;
}

static struct bytes trim(struct bytes b)
{
        while (b.len > 0 && (*b.data == ' ' || *b.data == '\t'))
                b = (struct bytes){b.data + 1, b.len - 1};
        b.len = text_trimmed((const char *)b.data, b.len);
        return b;
}

/* Cuts off what stands before the next separator, and that. False: there is none; ret is all of it. */
static bool cut(struct bytes *rest, uint8_t separator, struct bytes *ret)
{
        const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);

        *ret = *rest;
        if (at == NULL) {
                *rest = (struct bytes){NULL, 0};
                return false;
        }
        ret->len = (size_t)(at - rest->data);
        rest->data += ret->len + 1;
        rest->len -= ret->len + 1;
        return true;
}

/* ---- the request ---- */

static bool read_request_line(struct bytes line, struct request *q)
{
        return cut(&line, ' ', &q->method) && cut(&line, ' ', &q->target) && is_token(q->method) &&
               is_target(q->target) && same(line, "HTTP/1.1");
}

static bool lists(struct bytes list, const char *word)
{
        struct bytes one;

        while (list.len > 0) {
                (void)cut(&list, ',', &one);
                if (same_in_any_case(trim(one), word))
                        return true;
        }
        return false;
}

static void choose_protocol(struct request *q, struct bytes list)
{
        struct bytes one;

        while (list.len > 0 && q->protocol == NULL) {
                (void)cut(&list, ',', &one);
                for (size_t n = 0; n < sizeof protocols / sizeof protocols[0]; n++)
                        if (same(trim(one), protocols[n]))
                                q->protocol = protocols[n];
        }
}

/* One that may stand there once only; how often it did is judged at the end. */
static void keep(struct bytes *field, uint8_t *count, struct bytes value)
{
        *field = value;
        *count = *count < 2 ? (uint8_t)(*count + 1) : 2;
}

static void take_header(struct request *q, struct bytes name, struct bytes value)
{
        const struct {
                const char *name;
                struct bytes *field;
                uint8_t *count;
        } singles[] = {
                {"Host", &q->host, &q->hosts},
                {"Sec-WebSocket-Key", &q->key, &q->keys},
                {"Sec-WebSocket-Version", &q->ws_version, &q->ws_versions},
                {"Origin", &q->origin, &q->origins},
                {"Content-Length", &q->content_length, &q->content_lengths},
        };

        for (size_t n = 0; n < sizeof singles / sizeof singles[0]; n++)
                if (same_in_any_case(name, singles[n].name))
                        keep(singles[n].field, singles[n].count, value);
        if (same_in_any_case(name, "Transfer-Encoding"))
                q->encodings = 1;
        else if (same_in_any_case(name, "Upgrade"))
                q->upgrade |= lists(value, "websocket");
        else if (same_in_any_case(name, "Connection"))
                q->connection_upgrade |= lists(value, "upgrade");
        else if (same_in_any_case(name, "Sec-WebSocket-Protocol"))
                choose_protocol(q, value);
}

static bool read_header(struct bytes line, struct request *q)
{
        struct bytes name;

        if (!cut(&line, ':', &name) || !is_token(name) || !is_value(line))
                return false; /* a folded line begins with a space, which is no token */
        take_header(q, name, trim(line));
        return true;
}

/* False when it is no HTTP. *ret_rest: what stands behind it. */
static bool read_request(struct bytes all, struct request *q, struct bytes *ret_rest)
{
        struct bytes line;

        if (!next_line(&all, &line) || !read_request_line(line, q))
                return false;
        for (;;) {
                if (!next_line(&all, &line))
                        return false;
                if (line.len == 0)
                        break;
                if (!read_header(line, q))
                        return false;
        }
        *ret_rest = all;
        return true;
}

/* ---- what it asks for ---- */

/* RFC 9112 §3.2.2: every server understands the absolute form too. */
static struct bytes path_of(struct bytes target)
{
        static const char *const schemes[] = {"http://", "https://"};
        struct bytes path;

        for (size_t n = 0; n < sizeof schemes / sizeof schemes[0]; n++) {
                size_t len = strlen(schemes[n]);

                if (target.len < len || strncasecmp((const char *)target.data, schemes[n], len) != 0)
                        continue;
                while (len < target.len && target.data[len] != '/' && target.data[len] != '?')
                        len++;
                target = (struct bytes){target.data + len, target.len - len};
                if (target.len == 0 || *target.data == '?')
                        return (struct bytes){(const uint8_t *)"/", 1};
                break;
        }
        (void)cut(&target, '?', &path);
        return path;
}

/* RFC 6455 §4.1: 16 bytes as base64. */
static bool is_key(struct bytes key)
{
        CLEANUP(buf) struct buf decoded = BUF_UP_TO(KEY_TEXT);

        return key.len == KEY_TEXT && text_unbase64((const char *)key.data, key.len, &decoded) == ERR_OK &&
               decoded.len == KEY_BYTES;
}

static bool origin_may(const struct ws_rules *rules, const struct request *q)
{
        if (rules->origin_count == 0 || q->origins == 0)
                return true;
        for (size_t n = 0; n < rules->origin_count; n++)
                if (same_in_any_case(q->origin, rules->origins[n]))
                        return true;
        return false;
}

/* 0 when nothing is wrong. */
static int wrong_with(const struct request *q, const struct ws_rules *rules, const char **ret_why)
{
        const struct {
                bool wrong;
                int status;
                const char *why;
        } checks[] = {
                {q->hosts != 1, 400, "exactly one Host is needed"},
                {q->encodings > 0 || q->content_lengths > 1 ||
                         (q->content_lengths == 1 && !same(q->content_length, "0")),
                 400, "a request that upgrades has no body"},
                {!same(q->method, "GET"), 405, "a WebSocket is opened by GET"},
                {!same(path_of(q->target), rules->path), 404, "nothing is served at this path"},
                {!q->upgrade || !q->connection_upgrade, 426, "this is MQTT over WebSocket"},
                {q->ws_versions > 1, 400, "more than one Sec-WebSocket-Version"},
                {!same(q->ws_version, "13"), 426, "the version of WebSocket is 13"},
                {q->keys != 1 || !is_key(q->key), 400, "Sec-WebSocket-Key is not 16 bytes of base64"},
                {q->protocol == NULL, 400, "the sub-protocol must be mqtt (Sec-WebSocket-Protocol)"},
                {q->origins > 1, 400, "more than one Origin"},
                {!origin_may(rules, q), 403, "pages of this origin may not connect"},
        };

        for (size_t n = 0; n < sizeof checks / sizeof checks[0]; n++)
                if (checks[n].wrong) {
                        *ret_why = checks[n].why;
                        return checks[n].status;
                }
        return 0;
}

void ws_upgrade(const uint8_t *bytes, size_t len, const struct ws_rules *rules, struct ws_upgrade *ret)
{
        struct bytes rest = {NULL, 0};
        struct request q = {.protocol = NULL};
        const char *why = NULL;
        int status;

        ret->used = 0;
        if (!read_request((struct bytes){bytes, len}, &q, &rest)) {
                refuse(ret, 400, "this is no HTTP/1.1 request");
                return;
        }
        ret->used = len - rest.len;
        status = wrong_with(&q, rules, &why);
        if (status != 0)
                refuse(ret, status, why);
        else
                accept_it(ret, &q);
}
