/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ocsp_fetch.h"

#include "api/address.h"
#include "common/cleanup.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

CLEANUP_DEFINE(curl_multip, CURLM *, curl_multi_cleanup)
CLEANUP_DEFINE(curl_slistp, struct curl_slist *, curl_slist_free_all)

#define NOT_PUBLIC "the responder's address is not a public one, and SIGNET_OCSP_PRIVATE is off"

struct transfer { /* one fetch under way */
        struct ocsp_fetch *fetch;
        CURL *curl;
        size_t header_bytes;
        bool private_allowed, kept_away; /* from an address */
        char curl_why[CURL_ERROR_SIZE];
};

struct transfers {
        struct transfer list[OCSP_FETCHES_MAX];
        size_t count;
        CURLM *multi; /* borrowed */
        struct curl_slist *headers;
};

enum err ocsp_fetch_setup(void)
{
        return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_OK : ERR_INTERNAL;
}

void ocsp_fetch_teardown(void)
{
        curl_global_cleanup();
}

/* ---- one transfer ---- */

/* CURLOPT_OPENSOCKETFUNCTION: behind name resolution, so a name that leads to a private address is none the
 * better. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct transfer *t = arg;

        if (purpose != CURLSOCKTYPE_IPCXN)
                return CURL_SOCKET_BAD;
        if (!t->private_allowed && !address_is_public(&address->addr)) {
                t->kept_away = true;
                return CURL_SOCKET_BAD;
        }
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t body_came(char *bytes, size_t size, size_t count, void *arg)
{
        struct transfer *t = arg;

        return buf_add(&t->fetch->response, bytes, size * count) == ERR_OK ? size * count : 0;
}

static size_t header_came(char *bytes, size_t size, size_t count, void *arg)
{
        struct transfer *t = arg;

        (void)bytes;
        t->header_bytes += size * count;
        return t->header_bytes <= OCSP_HEADERS_MAX ? size * count : 0;
}

/* CURLOPT_PROXY "": not the one of the environment either, which could reach what we must not.
 * CURLOPT_QUICK_EXIT: a name server that is silent holds up nobody. */
static bool set_options(CURL *c, struct transfer *t, struct curl_slist *headers)
{
        const struct ocsp_fetch *f = t->fetch;

        return curl_easy_setopt(c, CURLOPT_URL, f->url) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)OCSP_CONNECT_MS) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)OCSP_FETCH_MS) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_USERAGENT, "signet-api/" SIGNET_VERSION) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->request->data) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->request->len) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_came) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_came) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_why) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PRIVATE, t) == CURLE_OK;
}

static void failed(struct ocsp_fetch *f, const char *text)
{
        f->outcome = ERR_IO;
        (void)snprintf(f->why, sizeof f->why, "%s", text);
        for (char *c = f->why; *c != '\0'; c++)
                if (*c < ' ' || *c > '~')
                        *c = '?';
}

static const char *too_large(const struct transfer *t)
{
        return t->header_bytes > OCSP_HEADERS_MAX ? "the responder's headers are larger than allowed"
                                                  : "the response is larger than allowed";
}

static void ended(struct transfer *t, CURLcode code)
{
        struct ocsp_fetch *f = t->fetch;
        char text[OCSP_WHY_SIZE];
        long status = 0;

        if (code == CURLE_OK)
                code = curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status == 200) {
                f->outcome = ERR_OK;
        } else if (code == CURLE_OK) {
                (void)snprintf(text, sizeof text, "the responder answers with HTTP status %ld", status);
                failed(f, text);
        } else if (code == CURLE_COULDNT_CONNECT && t->kept_away) {
                failed(f, NOT_PUBLIC);
        } else if (code == CURLE_WRITE_ERROR) {
                failed(f, too_large(t));
        } else {
                failed(f, t->curl_why[0] != '\0' ? t->curl_why : curl_easy_strerror(code));
        }
}

/* ---- all of them ---- */

static void cleanup_transfers(struct transfers *ts)
{
        for (size_t i = 0; i < ts->count; i++) {
                (void)curl_multi_remove_handle(ts->multi, ts->list[i].curl);
                curl_easy_cleanup(ts->list[i].curl);
        }
        curl_slist_free_all(ts->headers);
}

static enum err headers_make(struct curl_slist **ret)
{
        static const char *const lines[] = {"Content-Type: application/ocsp-request",
                                            "Accept: application/ocsp-response"};
        CLEANUP(curl_slistp) struct curl_slist *list = NULL;

        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
                struct curl_slist *longer = curl_slist_append(list, lines[i]);

                if (longer == NULL)
                        return ERR_NOMEM;
                list = longer;
        }
        *ret = TAKE(list);
        return ERR_OK;
}

static enum err start(struct transfers *ts, struct ocsp_fetch *f, bool private_allowed)
{
        struct transfer *t = &ts->list[ts->count];

        f->outcome = ERR_TIMEOUT;
        f->response = BUF_UP_TO(OCSP_ANSWER_MAX);
        f->why[0] = '\0';
        *t = (struct transfer){.fetch = f, .curl = curl_easy_init(), .private_allowed = private_allowed};
        if (t->curl == NULL)
                return ERR_NOMEM;
        ts->count++;
        if (!set_options(t->curl, t, ts->headers) || curl_multi_add_handle(ts->multi, t->curl) != CURLM_OK)
                return ERR_INTERNAL;
        return ERR_OK;
}

static void take_ended(CURLM *multi)
{
        int left;
        CURLMsg *message;

        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
                void *t = NULL;

                if (message->msg == CURLMSG_DONE &&
                    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK)
                        ended(t, message->data.result);
        }
}

static enum err run(CURLM *multi, int stop_fd)
{
        struct curl_waitfd stop = {.fd = stop_fd, .events = CURL_WAIT_POLLIN};
        int running = 1;

        for (;;) {
                if (curl_multi_perform(multi, &running) != CURLM_OK)
                        return ERR_INTERNAL;
                take_ended(multi);
                if (running == 0)
                        return ERR_OK;
                stop.revents = 0;
                if (curl_multi_poll(multi, &stop, 1, OCSP_FETCH_MS, NULL) != CURLM_OK)
                        return ERR_INTERNAL;
                if (stop.revents != 0)
                        return ERR_TIMEOUT;
        }
}

enum err ocsp_fetch_all(struct ocsp_fetch *const *list, size_t count, bool private_allowed, int stop_fd)
{
        CLEANUP(curl_multip) CURLM *multi = curl_multi_init();
        CLEANUP(transfers) struct transfers ts = {.multi = multi};

        if (count > OCSP_FETCHES_MAX)
                return ERR_LIMIT;
        if (multi == NULL)
                return ERR_NOMEM;
        TRY(headers_make(&ts.headers));
        for (size_t i = 0; i < count; i++)
                TRY(start(&ts, list[i], private_allowed));
        return run(multi, stop_fd);
}
