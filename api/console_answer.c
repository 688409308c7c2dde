/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_answer.h"
#include "api/accept_encoding.h"
#include "common/crypt.h"
#include "common/text.h"

#include <string.h>

enum { NONCE_BYTES = 18, NONCE_SIZE = 25, ROUTE_MAX = 1024 };

static const char console[] = "/console/";

enum err console_headers_add(struct reply *r, const char *nonce)
{
        static const struct reply_fixed fixed[] = {
                {"Referrer-Policy", "no-referrer"},
                {"X-Frame-Options", "DENY"},
                {"Cross-Origin-Opener-Policy", "same-origin"},
                {"Cross-Origin-Resource-Policy", "same-origin"},
                /* But to write to the clipboard: the page has buttons that copy. */
                {"Permissions-Policy",
                 "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), "
                 "encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), "
                 "idle-detection=(), "
                 "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
                 "publickey-credentials-get=(), screen-wake-lock=(), serial=(), sync-xhr=(), usb=(), "
                 "xr-spatial-tracking=()"},
                {NULL, NULL},
        };

        if (r->fixed != NULL)
                return ERR_OK;
        r->fixed = fixed;
        return reply_add_header(
                r, "Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'%s%s%s; img-src 'self' "
                "data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action "
                "'none'; frame-ancestors 'none'",
                nonce == NULL ? "" : " 'nonce-", nonce == NULL ? "" : nonce, nonce == NULL ? "" : "'");
}

static enum err nonce_new(char ret[NONCE_SIZE])
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(NONCE_SIZE - 1);
        uint8_t bytes[NONCE_BYTES];

        crypt_random(bytes, sizeof bytes);
        TRY(text_base64url(bytes, sizeof bytes, &text));
        memcpy(ret, buf_text(&text), NONCE_SIZE);
        return ERR_OK;
}

/* Made anew for each answer, so nobody keeps it. */
static enum err answer_index(const struct console_file *index, struct reply *r)
{
        const struct console_body *body = &index->bodies[CODING_IDENTITY];
        const char *at = (const char *)body->bytes, *end = at + body->len, *hole;
        char nonce[NONCE_SIZE];

        TRY(nonce_new(nonce));
        while ((hole = memmem(at, (size_t)(end - at), CONSOLE_NONCE, strlen(CONSOLE_NONCE))) != NULL) {
                TRY(buf_add(&r->body, at, (size_t)(hole - at)));
                TRY(buf_add_text(&r->body, nonce));
                at = hole + strlen(CONSOLE_NONCE);
        }
        TRY(buf_add(&r->body, at, (size_t)(end - at)));
        r->status = 200;
        r->content_type = index->type;
        return console_headers_add(r, nonce);
}

static struct accepted accepted_by(const struct request *q)
{
        struct accepted a = accept_encoding_read(request_header(q, "accept-encoding"));

        /* Of several such headers nothing is made: the plain file is always right. */
        return request_header_times(q, "accept-encoding") > 1 ? accept_encoding_read(NULL) : a;
}

static enum err answer_file(const struct console_file *file, const struct request *q, struct reply *r)
{
        static const char *const names[CODINGS] = {[CODING_GZIP] = "gzip", [CODING_BR] = "br"};
        const struct accepted accepted = accepted_by(q);
        const char *known = request_header(q, "if-none-match");
        bool there[CODINGS], several = false;

        for (int i = 0; i < CODINGS; i++) {
                there[i] = file->bodies[i].bytes != NULL;
                several = several || (i != CODING_IDENTITY && there[i]);
        }
        enum coding coding = accept_encoding_choose(&accepted, there);
        const struct console_body *body = &file->bodies[coding];

        if (several)
                TRY(reply_add_header(r, "Vary", "Accept-Encoding"));
        TRY(reply_add_header(r, "ETag", "%s", body->etag));
        r->cache = file->hashed ? "public, max-age=31536000, immutable" : "no-cache";
        r->content_type = NULL;
        r->status = 304;
        if (known != NULL && if_none_match_has(known, body->etag))
                return ERR_OK;
        r->status = 200;
        r->content_type = file->type;
        r->borrowed = body->bytes;
        r->borrowed_len = body->len;
        return names[coding] == NULL ? ERR_OK : reply_add_header(r, "Content-Encoding", "%s", names[coding]);
}

/* Letters, digits, marks that need no escape and such escapes as stand for neither a separator, a dot nor a
 * control character: what somebody between the browser and us may decode before he compares. */
static bool part_is_plain(const char *part, size_t len)
{
        static const char marks[] = "-_~!$&'()*+,;=:@";
        uint8_t c;

        for (size_t i = 0; i < len; i++) {
                if (part[i] == '%') {
                        if (len - i < 3 || text_unhex(part + i + 1, 2, &c, 1) != ERR_OK)
                                return false;
                        if (c < 0x20 || c == 0x7F || c == '/' || c == '\\' || c == '.' || c == '%')
                                return false;
                        i += 2;
                } else if (!((part[i] >= 'a' && part[i] <= 'z') || (part[i] >= 'A' && part[i] <= 'Z') ||
                             (part[i] >= '0' && part[i] <= '9') || part[i] == '.' ||
                             strchr(marks, part[i]) != NULL)) {
                        return false;
                }
        }
        return true;
}

/* A path of the page's own: plain parts, none of them empty but the last, none "." or "..", no dot in the
 * last. */
static bool is_page(const char *path, size_t len)
{
        if (len > ROUTE_MAX || (len >= 7 && memcmp(path, "assets/", 7) == 0))
                return false;
        for (size_t at = 0; at < len;) {
                const char *part = path + at, *slash = memchr(part, '/', len - at);
                size_t n = slash == NULL ? len - at : (size_t)(slash - part);

                if (n == 0 || (part[0] == '.' && (n == 1 || (n == 2 && part[1] == '.'))) ||
                    !part_is_plain(part, n) || (slash == NULL && memchr(part, '.', n) != NULL))
                        return false;
                at += n + 1;
        }
        return true;
}

enum err console_answer(const struct console_files *f, const struct request *q, struct reply *r)
{
        const char *path = q->target + sizeof console - 1;

        if (f == NULL)
                return ERR_NOT_FOUND;
        if (request_path_is(q, "/console")) {
                TRY(reply_add_header(r, "Location", "%s", console));
                return reply_text(r, 308, NULL, "", 0);
        }
        size_t len = q->path_len - (sizeof console - 1);
        const struct console_file *file = console_files_find(f, path, len);

        if (file == NULL && is_page(path, len))
                file = console_files_index(f);
        if (file == NULL)
                return ERR_NOT_FOUND;
        return file == console_files_index(f) ? answer_index(file, r) : answer_file(file, q, r);
}
