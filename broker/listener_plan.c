/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/listener_plan.h"

#include "broker/address_set.h"
#include "common/conf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err refused(char why[256], const char *setting, const char *name, const char *text)
{
        snprintf(why, 256, "%s: %.60s %s", setting, name, text);
        return ERR_REFUSED;
}

/* ---- lists of names ---- */

typedef enum err apply_fn(struct listener_plan *p, int listener, const void *arg, char why[256]);

static int find(const struct listener_plan *p, const char *name)
{
        int n = 0;

        while (n < p->count && strcmp(p->kinds[n].name, name) != 0)
                n++;
        return n < p->count ? n : -1;
}

/* For each listener that the setting names. One that is off is somebody's mistake. */
static enum err each_named(struct listener_plan *p, const char *setting, const char *text, apply_fn *apply,
                           const void *arg, char why[256])
{
        CLEANUP(freep) char *copy = strdup(text);
        char *rest = NULL;

        if (copy == NULL)
                return ERR_NOMEM;
        for (char *one = strtok_r(copy, ", ", &rest); one != NULL; one = strtok_r(NULL, ", ", &rest)) {
                int listener = find(p, one);

                if (listener < 0)
                        return refused(why, setting, one,
                                       "is none of the listeners that are on (mqtt, mqtts, ws, wss)");
                TRY(apply(p, listener, arg, why));
        }
        return ERR_OK;
}

/* ---- WebSocket ---- */

static enum err set_path(struct listener_plan *p, const char *path, char why[256])
{
        bool good = path[0] == '/' && strlen(path) <= WS_PATH_MAX;

        for (const char *c = path; *c != '\0'; c++)
                good = good && *c > ' ' && *c < 127 && *c != '?' && *c != '#';
        if (!good) {
                snprintf(why, 256, "SIGNET_WS_PATH: it begins with / and has no query, up to %d bytes",
                         WS_PATH_MAX);
                return ERR_SYNTAX;
        }
        p->rules.path = path;
        return ERR_OK;
}

/* "https://console.example.com": a scheme and a host, as a browser sends it (RFC 6454 §6.1). */
static bool is_origin(const char *text)
{
        const char *host = strstr(text, "://");

        return strcmp(text, "null") == 0 ||
               (host != NULL && host != text && host[3] != '\0' && strchr(host + 3, '/') == NULL);
}

static enum err set_origins(struct listener_plan *p, const char *text, char why[256])
{
        char *rest = NULL;

        p->origin_text = strdup(text);
        if (p->origin_text == NULL)
                return ERR_NOMEM;
        for (char *one = strtok_r(p->origin_text, ", ", &rest); one != NULL;
             one = strtok_r(NULL, ", ", &rest)) {
                if (!is_origin(one))
                        return refused(why, "SIGNET_WS_ORIGINS", one,
                                       "is no origin (https://host, without a path)");
                if (p->rules.origin_count == WS_ORIGINS_MAX)
                        return refused(why, "SIGNET_WS_ORIGINS", one, "is one too many");
                p->origins[p->rules.origin_count++] = one;
        }
        p->rules.origins = p->origins;
        return ERR_OK;
}

/* ---- PROXY protocol ---- */

static enum err expect_header(struct listener_plan *p, int listener, const void *arg, char why[256])
{
        (void)arg;
        (void)why;
        p->kinds[listener].balancers = p->balancers;
        return ERR_OK;
}

static enum err set_proxies(struct listener_plan *p, const struct broker_settings *s, char why[256])
{
        char text[256] = "";
        enum err e = address_set_new(s->proxy_from, &p->balancers, text);

        if (e != ERR_OK) {
                snprintf(why, 256, "SIGNET_PROXY_FROM: %.200s", *text != '\0' ? text : err_text(e));
                return e;
        }
        if (*s->proxy_protocol != '\0' && address_set_count(p->balancers) == 0)
                return refused(why, "SIGNET_PROXY_PROTOCOL", "needs SIGNET_PROXY_FROM:",
                               "the addresses of the balancers that may speak it");
        return each_named(p, "SIGNET_PROXY_PROTOCOL", s->proxy_protocol, expect_header, NULL, why);
}

/* ---- anonymous clients ---- */

/* Behind a balancer nobody knows who can reach it. */
static bool is_exposed(const struct listener_plan *p, int listener)
{
        struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
        struct sockaddr_in *four = (struct sockaddr_in *)&at;
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at;
        struct conf_address parsed;

        if (p->kinds[listener].balancers != NULL || conf_address(p->addresses[listener], &parsed) != ERR_OK)
                return true;
        if (inet_pton(AF_INET, parsed.host, &four->sin_addr) == 1)
                at.ss_family = AF_INET;
        else if (inet_pton(AF_INET6, parsed.host, &six->sin6_addr) == 1)
                at.ss_family = AF_INET6;
        return !address_is_loopback(&at);
}

static enum err open_to_all(struct listener_plan *p, int listener, const void *arg, char why[256])
{
        const bool *exposed = arg;

        if (!*exposed && is_exposed(p, listener))
                return refused(
                        why, "SIGNET_ALLOW_ANONYMOUS", p->kinds[listener].name,
                        "is open to others than this machine: clients without a user name are let in there "
                        "with SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes only");
        p->kinds[listener].anonymous = true;
        return ERR_OK;
}

/* ---- all of it ---- */

static enum err make(const struct broker_settings *s, struct listener_plan *p, char why[256])
{
        const struct {
                const char *name, *address;
                bool tls, ws;
        } wanted[LISTENERS_MAX] = {{"mqtts", s->mqtts_listen, true, false},
                                   {"mqtt", s->mqtt_listen, false, false},
                                   {"wss", s->wss_listen, true, true},
                                   {"ws", s->ws_listen, false, true}};

        TRY(set_path(p, s->ws_path, why));
        TRY(set_origins(p, s->ws_origins, why));
        for (int n = 0; n < LISTENERS_MAX; n++) {
                if (*wanted[n].address == '\0')
                        continue;
                p->addresses[p->count] = wanted[n].address;
                p->kinds[p->count++] = (struct listener_kind){
                        .name = wanted[n].name, .tls = wanted[n].tls, .ws = wanted[n].ws ? &p->rules : NULL};
        }
        TRY(set_proxies(p, s, why));
        return each_named(p, "SIGNET_ALLOW_ANONYMOUS", s->allow_anonymous, open_to_all,
                          &s->allow_anonymous_exposed, why);
}

enum err listener_plan_make(const struct broker_settings *s, struct listener_plan *ret, char why[256])
{
        enum err e;

        *ret = (struct listener_plan){0};
        e = make(s, ret, why);
        if (e != ERR_OK)
                listener_plan_done(ret);
        return e;
}

void listener_plan_done(struct listener_plan *p)
{
        p->balancers = address_set_free(p->balancers);
        free(p->origin_text);
        p->origin_text = NULL;
        p->count = 0;
}
