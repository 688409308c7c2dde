/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/listener_plan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct broker_settings settings;
static struct listener_plan plan;
static char why[256], empty[] = "";

/* Nobody writes into them. */
#define TEXT(text) ((char *)(text))

static void defaults(void)
{
        settings = (struct broker_settings){.mqtts_listen = TEXT("0.0.0.0:8883"),
                                            .mqtt_listen = TEXT("127.0.0.1:1883"),
                                            .wss_listen = empty,
                                            .ws_listen = TEXT("[::1]:8083"),
                                            .ws_path = TEXT("/mqtt"),
                                            .ws_origins = empty,
                                            .proxy_protocol = empty,
                                            .proxy_from = empty,
                                            .allow_anonymous = empty};
        why[0] = '\0';
}

static void done(void)
{
        listener_plan_done(&plan);
}

static bool makes(void)
{
        listener_plan_done(&plan);
        return listener_plan_make(&settings, &plan, why) == ERR_OK;
}

static const struct listener_kind *kind(const char *name)
{
        for (int n = 0; n < plan.count; n++)
                if (strcmp(plan.kinds[n].name, name) == 0)
                        return &plan.kinds[n];
        return NULL;
}

static void refuses(const char *expected)
{
        cr_expect_not(makes());
        cr_expect_not_null(strstr(why, expected), "\"%s\" in \"%s\"", expected, why);
        cr_expect_eq(plan.count, 0);
        defaults();
}

Test(listener_plan, refuses_paths_that_cannot_be, .init = defaults, .fini = done)
{
        static char *const paths[] = {"", "mqtt", "/a b", "/a?b", "/a#b", "/\x7f", "/\xc3\xa4"};
        static char long_one[WS_PATH_MAX + 2];

        for (size_t n = 0; n < sizeof paths / sizeof paths[0]; n++) {
                settings.ws_path = paths[n];
                refuses("SIGNET_WS_PATH");
        }
        memset(long_one, '/', sizeof long_one - 1);
        settings.ws_path = long_one;
        refuses("SIGNET_WS_PATH");
}

Test(listener_plan, refuses_origins_that_are_none, .init = defaults, .fini = done)
{
        static char *const origins[] = {"example.com", "https://", "https://a/b", "://a", "https://a, b"};
        static char many[(WS_ORIGINS_MAX + 1) * 9 + 1];

        for (size_t n = 0; n < sizeof origins / sizeof origins[0]; n++) {
                settings.ws_origins = origins[n];
                refuses("is no origin");
        }
        for (size_t n = 0; n <= WS_ORIGINS_MAX; n++)
                memcpy(many + n * 9, "http://a,", 9);
        settings.ws_origins = many;
        refuses("is one too many");
}

Test(listener_plan, refuses_names_of_listeners_that_are_off_or_none, .init = defaults, .fini = done)
{
        settings.allow_anonymous = TEXT("wss");
        refuses("SIGNET_ALLOW_ANONYMOUS: wss is none");
        settings.allow_anonymous = TEXT("mqtt,MQTT");
        refuses("MQTT is none");
        settings.proxy_protocol = TEXT("tcp");
        settings.proxy_from = TEXT("::1");
        refuses("SIGNET_PROXY_PROTOCOL: tcp is none");
}

Test(listener_plan, refuses_the_proxy_protocol_from_nobody, .init = defaults, .fini = done)
{
        settings.proxy_protocol = TEXT("mqtt");
        refuses("SIGNET_PROXY_FROM");
        settings.proxy_protocol = TEXT("mqtt");
        settings.proxy_from = TEXT("10.0.0.0/99");
        refuses("SIGNET_PROXY_FROM: \"10.0.0.0/99\"");
}

Test(listener_plan, refuses_anonymous_clients_where_others_come_too, .init = defaults, .fini = done)
{
        settings.allow_anonymous = TEXT("mqtts");
        refuses("SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes");
        settings.allow_anonymous = TEXT("ws, mqtts");
        refuses("mqtts is open to others");
        settings.allow_anonymous = TEXT("mqtt");
        settings.mqtt_listen = TEXT("nowhere");
        refuses("SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes");
        settings.allow_anonymous = settings.proxy_protocol = TEXT("mqtt");
        settings.proxy_from = TEXT("127.0.0.1");
        refuses("SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes");
}

Test(listener_plan, has_those_that_are_on_and_the_oldest_first, .init = defaults, .fini = done)
{
        cr_assert(makes(), "%s", why);
        cr_assert_eq(plan.count, 3);
        cr_assert_str_eq(plan.kinds[0].name, "mqtts");
        cr_assert_str_eq(plan.addresses[0], "0.0.0.0:8883");
        cr_assert(kind("mqtts")->tls && kind("mqtts")->ws == NULL);
        cr_assert(!kind("mqtt")->tls && kind("mqtt")->ws == NULL);
        cr_assert(!kind("ws")->tls && kind("ws")->ws == &plan.rules);
        cr_assert_null(kind("wss"));
        cr_assert_str_eq(plan.rules.path, "/mqtt");
        cr_assert_eq(plan.rules.origin_count, 0);
        for (int n = 0; n < plan.count; n++)
                cr_assert(!plan.kinds[n].anonymous && plan.kinds[n].balancers == NULL);
}

Test(listener_plan, says_of_each_what_is_said_of_its_name, .init = defaults, .fini = done)
{
        settings.wss_listen = TEXT("0.0.0.0:8084");
        settings.ws_origins = TEXT("https://a.example.com, http://localhost:3000,null");
        settings.proxy_protocol = TEXT("wss , mqtts");
        settings.proxy_from = TEXT("10.0.0.0/8");
        settings.allow_anonymous = TEXT("mqtt,ws");
        cr_assert(makes(), "%s", why);
        cr_assert_eq(plan.rules.origin_count, 3);
        cr_assert_str_eq(plan.rules.origins[1], "http://localhost:3000");
        cr_assert(kind("wss")->balancers != NULL && kind("mqtts")->balancers == kind("wss")->balancers);
        cr_assert(kind("ws")->balancers == NULL && kind("mqtt")->balancers == NULL);
        cr_assert(kind("ws")->anonymous && kind("mqtt")->anonymous);
        cr_assert(!kind("wss")->anonymous && !kind("mqtts")->anonymous);
        settings.allow_anonymous = TEXT("wss");
        settings.allow_anonymous_exposed = true;
        cr_assert(makes(), "%s", why);
        cr_assert(kind("wss")->anonymous);
}
