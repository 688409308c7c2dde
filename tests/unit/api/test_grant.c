/* SPDX-License-Identifier: Apache-2.0 */
#include "api/grant.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 16 };

/* "mq:SetSniConfig@mqtt-a read@*": what is in front of the @ on what is behind it. */
static struct grants grants_of(const char *text)
{
        static struct grant room[8][ROWS_MAX];
        static int used;
        struct grants g = {room[used++ % 8], 0};
        char copy[1024], *rest = copy, *word;

        (void)snprintf(copy, sizeof copy, "%s", text);
        while ((word = strsep(&rest, " ")) != NULL && word[0] != '\0') {
                char *at = strchr(word, '@');

                cr_assert(at != NULL && g.count < ROWS_MAX, "%s", word);
                *at = '\0';
                (void)snprintf(g.rows[g.count].action, sizeof g.rows[0].action, "%s", word);
                (void)snprintf(g.rows[g.count].instance, sizeof g.rows[0].instance, "%s", at + 1);
                g.count++;
        }
        return g;
}

static bool allows(const char *grants, const char *action, enum grant_level level, const char *instance)
{
        struct grants g = grants_of(grants);

        return grants_allow(&g, action, level, instance);
}

/* The first of `wanted` that `held` does not hold, as text; "" when it holds all. */
static const char *lacking(const char *held, const char *wanted)
{
        static char text[256];
        struct grants h = grants_of(held), w = grants_of(wanted);
        const struct grant *g = grants_lacking(&h, &w);

        text[0] = '\0';
        if (g != NULL)
                (void)snprintf(text, sizeof text, "%s@%s", g->action, g->instance);
        return text;
}

Test(grant, a_key_without_grants_may_do_nothing)
{
        cr_assert_not(allows("", "mq:SetSniConfig", GRANT_READ, "mqtt-a"));
        cr_assert_not(allows("", "mq:SetSniConfig", GRANT_READ, NULL));
        struct grants none = grants_of("");

        cr_assert_not(grants_allow_somewhere(&none, "mq:ListMqttInstance", GRANT_READ));
        cr_assert_not(grants_administer(&none));
}

Test(grant, each_level_holds_the_one_before_and_no_more)
{
        static const char *const names[] = {"read@*", "write@*", "admin@*"};

        for (int has = GRANT_READ; has <= GRANT_ADMIN; has++)
                for (int needs = GRANT_READ; needs <= GRANT_ADMIN; needs++)
                        cr_assert_eq(allows(names[has], "any:Thing", (enum grant_level)needs, "mqtt-a"),
                                     has >= needs, "%s for level %d", names[has], needs);
}

Test(grant, a_level_is_exactly_one_of_three_words)
{
        enum grant_level level;

        cr_assert(grant_level_read("read", &level) && level == GRANT_READ);
        cr_assert(grant_level_read("write", &level) && level == GRANT_WRITE);
        cr_assert(grant_level_read("admin", &level) && level == GRANT_ADMIN);
        cr_assert_not(grant_level_read("Admin", &level));
        cr_assert_not(grant_level_read("", &level));
        cr_assert_not(grant_level_read("readwrite", &level));
}

Test(grant, an_action_is_itself_only_whatever_level_the_operation_needs)
{
        cr_assert(allows("mq:SetSniConfig@*", "mq:SetSniConfig", GRANT_ADMIN, "mqtt-a"));
        cr_assert_not(allows("mq:SetSniConfig@*", "mq:SetSniConfi", GRANT_READ, "mqtt-a"));
        cr_assert_not(allows("mq:SetSniConfig@*", "mq:SetSniConfigs", GRANT_READ, "mqtt-a"));
        cr_assert_not(allows("mq:SetSniConfig@*", "mq:setsniconfig", GRANT_READ, "mqtt-a"));
        cr_assert_not(allows("mq:SetSniConfig@*", "signet:GetSniConfig", GRANT_READ, "mqtt-a"));
}

Test(grant, a_star_ends_a_beginning)
{
        cr_assert(allows("mq:*@*", "mq:SetSniConfig", GRANT_ADMIN, "mqtt-a"));
        cr_assert(allows("mq:Set*@*", "mq:SetSniConfig", GRANT_ADMIN, "mqtt-a"));
        cr_assert(allows("mq:SetSniConfig*@*", "mq:SetSniConfig", GRANT_ADMIN, "mqtt-a"));
        cr_assert_not(allows("mq:*@*", "ram:CreateAccessKey", GRANT_READ, NULL));
        cr_assert_not(allows("mq:Get*@*", "mq:SetSniConfig", GRANT_READ, "mqtt-a"));
}

Test(grant, an_instance_is_itself_only_and_never_the_account)
{
        cr_assert(allows("admin@mqtt-a", "mq:SetSniConfig", GRANT_WRITE, "mqtt-a"));
        cr_assert_not(allows("admin@mqtt-a", "mq:SetSniConfig", GRANT_WRITE, "mqtt-b"));
        cr_assert_not(allows("admin@mqtt-a", "mq:SetSniConfig", GRANT_WRITE, "mqtt-"));
        cr_assert_not(allows("admin@mqtt-a", "mq:SetSniConfig", GRANT_WRITE, "MQTT-A"));
        cr_assert_not(allows("admin@mqtt-a", "ram:CreateAccessKey", GRANT_ADMIN, NULL));
        cr_assert(allows("admin@*", "ram:CreateAccessKey", GRANT_ADMIN, NULL));
}

Test(grant, action_and_instance_must_be_of_the_same_grant)
{
        cr_assert_not(allows("mq:SetSniConfig@mqtt-a read@*", "mq:SetSniConfig", GRANT_WRITE, "mqtt-b"));
        cr_assert(allows("mq:SetSniConfig@mqtt-a read@*", "mq:SetSniConfig", GRANT_WRITE, "mqtt-a"));
}

Test(grant, somewhere_is_on_any_instance_or_on_the_account)
{
        struct grants one = grants_of("read@mqtt-a"), other = grants_of("mq:SetSniConfig@mqtt-a");

        cr_assert(grants_allow_somewhere(&one, "mq:ListMqttInstance", GRANT_READ));
        cr_assert_not(grants_allow_somewhere(&other, "mq:ListMqttInstance", GRANT_READ));
}

Test(grant, only_admin_on_everything_administers)
{
        static const struct {
                const char *grants;
                bool administers;
        } cases[] = {{"admin@*", true},       {"read@mqtt-a admin@*", true},
                     {"admin@mqtt-a", false}, {"write@*", false},
                     {"ram:*@*", false},      {"ram:SetAccessKeyGrants@*", false}};

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct grants g = grants_of(cases[i].grants);

                cr_assert_eq(grants_administer(&g), cases[i].administers, "%s", cases[i].grants);
        }
}

/* Who may give keys must not get by them what he has not: every row is a way up that is closed, or not one.
 */
Test(grant, nobody_gives_what_he_does_not_hold)
{
        static const struct {
                const char *held, *wanted, *lacking;
        } cases[] = {
                {"", "read@mqtt-a", "read@mqtt-a"},
                {"admin@*", "admin@* read@mqtt-a mq:*@* ecs:Anything@mqtt-b", ""},
                {"read@*", "read@mqtt-a read@*", ""},
                {"read@*", "write@mqtt-a", "write@mqtt-a"},
                {"write@*", "read@mqtt-a write@mqtt-b", ""},
                {"write@*", "admin@mqtt-a", "admin@mqtt-a"},
                {"admin@mqtt-a", "admin@mqtt-a mq:SetSniConfig@mqtt-a mq:*@mqtt-a", ""},
                {"admin@mqtt-a", "admin@*", "admin@*"},
                {"admin@mqtt-a", "read@mqtt-b", "read@mqtt-b"},
                {"admin@mqtt-a", "mq:SetSniConfig@*", "mq:SetSniConfig@*"},
                /* a name is no level, also when it is all names there are */
                {"mq:*@* ram:*@* signet:*@* yundun-cert:*@*", "read@mqtt-a", "read@mqtt-a"},
                {"mq:SetSniConfig@*", "mq:SetSniConfig@mqtt-a mq:SetSniConfig@*", ""},
                {"mq:SetSniConfig@mqtt-a", "mq:SetSniConfig@*", "mq:SetSniConfig@*"},
                {"mq:SetSniConfig@*", "mq:SetSniConfig*@*", "mq:SetSniConfig*@*"},
                {"mq:SetSniConfig@*", "mq:*@*", "mq:*@*"},
                {"mq:Set*@*", "mq:Set*@mqtt-a mq:SetSni*@mqtt-a mq:SetSniConfig@*", ""},
                {"mq:Set*@*", "mq:S*@mqtt-a", "mq:S*@mqtt-a"},
                {"mq:*@*", "signet:*@*", "signet:*@*"},
                {"ram:CreateAccessKey@*", "ram:SetAccessKeyGrants@*", "ram:SetAccessKeyGrants@*"},
                /* read describes an instance under a name with which MQTT clients sign in */
                {"read@*", "mq:MqttInstanceAccess@mqtt-a", "mq:MqttInstanceAccess@mqtt-a"},
                {"write@*", "mq:SetSniConfig@mqtt-a", "mq:SetSniConfig@mqtt-a"},
                {"read@mqtt-a mq:SetSniConfig@mqtt-b", "read@mqtt-a mq:SetSniConfig@mqtt-b", ""},
                {"read@mqtt-a mq:SetSniConfig@mqtt-b", "mq:SetSniConfig@mqtt-a", "mq:SetSniConfig@mqtt-a"},
                {"read@mqtt-a", "", ""},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_assert_str_eq(lacking(cases[i].held, cases[i].wanted), cases[i].lacking, "%s gives %s: %s",
                                 cases[i].held, cases[i].wanted, lacking(cases[i].held, cases[i].wanted));
}

Test(grant, tidy_ones_are_sorted_and_each_is_there_once)
{
        struct grants g = grants_of("write@b read@a mq:X@a write@b read@a read@*");
        const struct grants expected = grants_of("read@* mq:X@a read@a write@b");

        cr_assert_not(grants_equal(&g, &expected));
        grants_tidy(&g);
        cr_assert_eq(g.count, 4);
        cr_assert(grants_equal(&g, &expected));
        struct grants none = {NULL, 0};

        grants_tidy(&none);
        cr_assert_eq(none.count, 0);
        cr_assert(grants_equal(&none, &none));
        cr_assert_not(grants_equal(&none, &g));
}

Test(grant, a_copy_is_its_own)
{
        struct grants g = grants_of("read@a write@b"), copy, none = {NULL, 0}, nothing;

        cr_assert_eq(grants_copy(&g, &copy), ERR_OK);
        cr_assert(grants_equal(&g, &copy));
        (void)snprintf(g.rows[0].action, sizeof g.rows[0].action, "admin");
        cr_assert_str_eq(copy.rows[0].action, "read");
        grants_done(&copy);
        cr_assert(copy.rows == NULL && copy.count == 0);
        cr_assert_eq(grants_copy(&none, &nothing), ERR_OK);
        cr_assert_eq(nothing.count, 0);
        grants_done(&nothing);
}
