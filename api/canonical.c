/* SPDX-License-Identifier: Apache-2.0 */
#include "api/canonical.h"
#include "common/text.h"

#include <string.h>

static void sink_flush(struct sink *s)
{
        if (s->mac != NULL && EVP_MAC_update(s->mac, s->page, s->used) != 1)
                s->failed = true;
        if (s->digest != NULL && EVP_DigestUpdate(s->digest, s->page, s->used) != 1)
                s->failed = true;
        if (s->text != NULL) {
                size_t room = s->text->max - s->text->len;

                if (buf_add(s->text, s->page, s->used < room ? s->used : room) == ERR_NOMEM)
                        s->failed = true;
        }
        s->used = 0;
}

static void put(struct sink *s, const char *text, size_t len)
{
        while (len > 0) {
                size_t room = sizeof s->page - s->used, part = len < room ? len : room;

                memcpy(s->page + s->used, text, part);
                s->used += part;
                text += part;
                len -= part;
                if (s->used == sizeof s->page)
                        sink_flush(s);
        }
}

static void put_text(struct sink *s, const char *text)
{
        put(s, text, strlen(text));
}

enum err sink_end(struct sink *s)
{
        sink_flush(s);
        crypt_wipe(s->page, sizeof s->page);
        return s->failed ? ERR_CRYPT : ERR_OK;
}

static bool unreserved(unsigned char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.' || c == '~';
}

/* `percent` is what '%' becomes: "%" for once, "%25" for twice encoded. */
static void put_encoded(struct sink *s, const char *text, size_t len, const char *percent)
{
        static const char digits[] = "0123456789ABCDEF";
        size_t from = 0;

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)text[i];

                if (unreserved(c))
                        continue;
                const char hex[2] = {digits[c >> 4], digits[c & 15]};

                put(s, text + from, i - from);
                put_text(s, percent);
                put(s, hex, sizeof hex);
                from = i + 1;
        }
        put(s, text + from, len - from);
}

void canonical_rpc(const struct request *q, struct sink *sink)
{
        bool first = true;

        put_text(sink, q->method);
        put_text(sink, "&%2F&");
        for (size_t i = 0; i < q->params.count; i++) {
                const struct param *p = &q->params.rows[i];

                if (p->origin == PARAM_DEFAULT || strcmp(param_name(p), "Signature") == 0)
                        continue;
                if (!first)
                        put_text(sink, "%26");
                put_encoded(sink, param_name(p), p->name_len, "%25");
                put_text(sink, "%3D");
                put_encoded(sink, param_value(p), param_value_len(p), "%25");
                first = false;
        }
}

static void put_query(const struct request *q, struct sink *sink)
{
        bool first = true;

        for (size_t i = 0; i < q->params.count; i++) {
                const struct param *p = &q->params.rows[i];

                if (p->origin != PARAM_QUERY)
                        continue;
                if (!first)
                        put_text(sink, "&");
                put_encoded(sink, param_name(p), p->name_len, "%");
                put_text(sink, "=");
                put_encoded(sink, param_value(p), param_value_len(p), "%");
                first = false;
        }
}

static void put_headers(const struct request *q, const char *names, struct sink *sink)
{
        while (*names != '\0') {
                size_t len = strcspn(names, ";");

                for (size_t i = 0; i < q->header_count; i++) {
                        const struct header *h = &q->headers[i];

                        if (strlen(h->name) != len || memcmp(h->name, names, len) != 0)
                                continue;
                        put_text(sink, h->name);
                        put_text(sink, ":");
                        put_text(sink, h->value);
                        put_text(sink, "\n");
                }
                names += len + (names[len] == ';');
        }
}

void canonical_acs3(const struct request *q, const char *signed_headers, struct sink *sink)
{
        char body_hex[2 * SHA256_BYTES + 1];

        text_hex(q->body_sha256, SHA256_BYTES, body_hex);
        put_text(sink, q->method);
        put_text(sink, "\n");
        put(sink, q->target, q->path_len);
        put_text(sink, "\n");
        put_query(q, sink);
        put_text(sink, "\n");
        put_headers(q, signed_headers, sink);
        put_text(sink, "\n");
        put_text(sink, signed_headers);
        put_text(sink, "\n");
        put_text(sink, body_hex);
}
