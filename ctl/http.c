/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/http.h"

#include "common/cleanup.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_TIMEOUT_S = 5, HEADER_LINE_MAX = 8192 };

CLEANUP_DEFINE(curl_urlp, CURLU *, curl_url_cleanup)
CLEANUP_DEFINE(curl_slistp, struct curl_slist *, curl_slist_free_all)
CLEANUP_DEFINE(curl_textp, char *, curl_free)

struct http {
        CURL *curl;
};

struct http *http_open(void)
{
        CLEANUP(httpp) struct http *h = calloc(1, sizeof *h);

        if (h == NULL || (h->curl = curl_easy_init()) == NULL)
                return NULL;
        return TAKE(h);
}

struct http *http_close(struct http *h)
{
        if (h != NULL)
                curl_easy_cleanup(h->curl);
        free(h);
        return NULL;
}

void http_answer_done(struct http_answer *a)
{
        buf_done(&a->body);
}

static bool scheme_known(const char *scheme)
{
        return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

/* Nothing but scheme, host and port: a path would not be signed, a user name would be sent as HTTP Basic. */
static bool url_plain(CURLU *url)
{
        static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                             CURLUPART_FRAGMENT};
        CLEANUP(curl_textp) char *path = NULL;

        for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
                CLEANUP(curl_textp) char *text = NULL;

                if (curl_url_get(url, unwanted[i], &text, 0) == CURLUE_OK)
                        return false;
        }
        return curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0;
}

enum err http_host(const char *text, struct buf *ret)
{
        CLEANUP(curl_urlp) CURLU *url = curl_url();
        CLEANUP(curl_textp) char *scheme = NULL;
        CLEANUP(curl_textp) char *host = NULL;
        CLEANUP(curl_textp) char *port = NULL;

        if (url == NULL)
                return ERR_NOMEM;
        if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
            curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK || !scheme_known(scheme) ||
            curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK || !url_plain(url))
                return ERR_SYNTAX;
        TRY(buf_add_text(ret, host));
        if (curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK)
                TRY(buf_addf(ret, ":%s", port));
        return ERR_OK;
}

/* A proxy of the environment is for the world outside. */
static bool host_is_local(const char *url)
{
        static const char *const local[] = {"://127.", "://localhost", "://[::1]"};

        for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
                if (strstr(url, local[i]) != NULL)
                        return true;
        return false;
}

static size_t body_came(char *bytes, size_t size, size_t count, void *arg)
{
        struct http_answer *a = arg;

        return buf_add(&a->body, bytes, size * count) == ERR_OK ? size * count : 0;
}

static size_t header_came(char *bytes, size_t size, size_t count, void *arg)
{
        static const char name[] = "x-signet-rollout:";
        struct http_answer *a = arg;
        size_t len = size * count, name_len = sizeof name - 1;

        if (len > name_len && strncasecmp(bytes, name, name_len) == 0) {
                bytes += name_len, len -= name_len;
                while (len > 0 && *bytes == ' ')
                        bytes++, len--;
                while (len > 0 && strchr("\r\n ", bytes[len - 1]) != NULL)
                        len--;
                snprintf(a->rollout, sizeof a->rollout, "%.*s", (int)len, bytes);
        }
        return size * count;
}

static enum err header_list(const char *headers, struct curl_slist **ret)
{
        CLEANUP(curl_slistp) struct curl_slist *list = NULL;

        while (*headers != '\0') {
                CLEANUP(buf) struct buf line = BUF_UP_TO(HEADER_LINE_MAX);
                size_t len = strcspn(headers, "\n");
                struct curl_slist *longer;

                TRY(buf_add(&line, headers, len));
                longer = curl_slist_append(list, buf_text(&line));
                if (longer == NULL)
                        return ERR_NOMEM;
                list = longer;
                headers += len + (headers[len] == '\n');
        }
        *ret = TAKE(list);
        return ERR_OK;
}

static bool set_options(CURL *c, const struct http_request *q, struct http_answer *a,
                        struct curl_slist *headers, char *why)
{
        return curl_easy_setopt(c, CURLOPT_URL, q->url) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_TIMEOUT, q->timeout_s) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_came) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEDATA, a) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_came) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HEADERDATA, a) == CURLE_OK &&
               (!host_is_local(q->url) || curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK) &&
               (q->cacert[0] == '\0' || curl_easy_setopt(c, CURLOPT_CAINFO, q->cacert) == CURLE_OK);
}

enum err http_post(struct http *h, const struct http_request *request, struct http_answer *ret,
                   char why[HTTP_WHY_SIZE])
{
        CLEANUP(http_answer) struct http_answer answer = {.body = BUF_UP_TO(HTTP_ANSWER_MAX)};
        CLEANUP(curl_slistp) struct curl_slist *headers = NULL;
        char curl_why[CURL_ERROR_SIZE] = "";
        CURLcode code;

        (void)snprintf(why, HTTP_WHY_SIZE, "%s", "libcurl cannot be set up");
        TRY(header_list(request->headers, &headers));
        curl_easy_reset(h->curl);
        if (!set_options(h->curl, request, &answer, headers, curl_why))
                return ERR_INTERNAL;
        code = curl_easy_perform(h->curl);
        if (code == CURLE_OK)
                code = curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &answer.status);
        curl_easy_reset(h->curl); /* it knows the addresses of what ends here */
        if (code != CURLE_OK) {
                (void)snprintf(why, HTTP_WHY_SIZE, "%s",
                               curl_why[0] != '\0' ? curl_why : curl_easy_strerror(code));
                return ERR_IO;
        }
        *ret = answer;
        answer = (struct http_answer){.body = BUF_UP_TO(HTTP_ANSWER_MAX)};
        return ERR_OK;
}
