/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "ctl/file.h"
#include "ctl/import_secret.h"
#include "ctl/print.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/signet-secret-XXXXXX";
static char config_path[64];

static void put(const char *name, const char *text)
{
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(8192);
        char path[128];

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        cr_assert_eq(buf_add_text(&bytes, text), ERR_OK);
        cr_assert_eq(file_write(path, &bytes), ERR_OK);
}

static void make_folder(void)
{
        cr_assert_not_null(mkdtemp(folder));
        (void)snprintf(config_path, sizeof config_path, "%s/c.json", folder);
        put("www.key", "the key");
        put("www.password", "pass word \r\n");
        put("bad.password", "a;b");
        put("other", "another");
}

static void remove_folder(void)
{
        static const char *const names[] = {"www.key", "www.password", "bad.password", "other"};
        char path[128];

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                (void)unlink(path);
        }
        (void)rmdir(folder);
}

TestSuite(import_secret, .init = make_folder, .fini = remove_folder);

typedef enum err secret_fn(const struct secret_places *p, const char *name, const json_t *entry,
                           struct buf *ret, struct failure *f);

static void assert_secret(secret_fn *read, const char *keys, const char *name, const char *entry,
                          const char *wanted)
{
        const struct secret_places places = {config_path, keys};
        CLEANUP(jsonp) json_t *json = json_loads(entry, 0, NULL);
        CLEANUP(buf) struct buf got = BUF_UP_TO(4096);
        struct failure f = {0};

        cr_assert_eq(read(&places, name, json, &got, &f), ERR_OK, "%s", f.text);
        cr_assert_str_eq(buf_text(&got), wanted);
}

static void assert_refused(secret_fn *read, const char *keys, const char *name, const char *entry,
                           const char *reason)
{
        const struct secret_places places = {config_path, keys};
        CLEANUP(jsonp) json_t *json = json_loads(entry, 0, NULL);
        CLEANUP(buf) struct buf got = BUF_UP_TO(4096);
        struct failure f = {0};

        cr_assert_eq(read(&places, name, json, &got, &f), ERR_REFUSED);
        cr_assert_not_null(strstr(f.text, reason), "%s", f.text);
}

Test(import_secret, is_named_by_the_file_or_found_by_the_name)
{
        assert_secret(secret_key, folder, "www", "{}", "the key");
        assert_secret(secret_key, NULL, "www", "{\"KeyFile\": \"other\"}", "another");
        assert_secret(secret_key, folder, "www", "{\"KeyFile\": \"other\"}", "another");
        assert_secret(secret_password, folder, "www", "{}", "pass word ");
        assert_secret(secret_password, NULL, "x", "{\"PasswordFile\": \"other\"}", "another");
}

Test(import_secret, nothing_is_given_and_nothing_is_got)
{
        assert_secret(secret_key, NULL, "www", "{}", "");
        assert_secret(secret_key, folder, "unknown", "{}", "");
        assert_secret(secret_password, folder, "unknown", "{}", "");
}

Test(import_secret, a_name_never_leads_out_of_the_folder)
{
        char keys[80];

        (void)snprintf(keys, sizeof keys, "%s/none", folder);
        assert_secret(secret_key, keys, "../www", "{}", "");
        assert_secret(secret_key, folder, ".", "{}", "");
        assert_secret(secret_key, folder, "", "{}", "");
}

Test(import_secret, what_is_named_has_to_be_there)
{
        assert_refused(secret_key, folder, "www", "{\"KeyFile\": \"nothing\"}",
                       "ServerCertificates, www, KeyFile: ");
        assert_refused(secret_key, folder, "www", "{\"KeyFile\": \"-\"}", "KeyFile");
        (void)unsetenv("SIGNET_TEST_PASSWORD");
        assert_refused(secret_password, folder, "www", "{\"PasswordEnvironment\": \"SIGNET_TEST_PASSWORD\"}",
                       "SIGNET_TEST_PASSWORD is not set");
        assert_refused(secret_password, folder, "bad", "{}", "holds ';'");
}

Test(import_secret, a_password_comes_from_the_environment)
{
        (void)setenv("SIGNET_TEST_PASSWORD", "p#1", 1);
        assert_secret(secret_password, folder, "www", "{\"PasswordEnvironment\": \"SIGNET_TEST_PASSWORD\"}",
                      "p#1");
        (void)unsetenv("SIGNET_TEST_PASSWORD");
}
