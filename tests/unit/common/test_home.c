/* SPDX-License-Identifier: Apache-2.0 */
#include "common/home.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fields {
        char *home, *run_dir, *master_key_file, *database_url;
};

static struct fields derived(const char *home, const char *run_dir)
{
        struct fields f = {strdup(home), strdup(run_dir), strdup(""), strdup("")};
        const struct home_settings s = {&f.home, &f.run_dir, &f.master_key_file, &f.database_url};

        cr_assert_eq(home_derive(&s, "signet_api"), ERR_OK);
        return f;
}

static void fields_done(struct fields *f)
{
        free(f->home);
        free(f->run_dir);
        free(f->master_key_file);
        free(f->database_url);
}

Test(home, everything_lies_below_it_and_is_absolute)
{
        struct fields f = derived("./x", "");
        char here[PATH_MAX], expected[PATH_MAX + 64];

        cr_assert_not_null(getcwd(here, sizeof here));
        snprintf(expected, sizeof expected, "%s/x/run", here);
        cr_assert_str_eq(f.run_dir, expected);
        snprintf(expected, sizeof expected, "%s/x/master.key", here);
        cr_assert_str_eq(f.master_key_file, expected);
        snprintf(expected, sizeof expected, "host='%s/x/run' dbname=signet user=signet_api", here);
        cr_assert_str_eq(f.database_url, expected);
        fields_done(&f);
}

Test(home, quotes_for_libpq_what_a_path_may_hold)
{
        struct fields f = derived("/a 'b\\c", "");

        cr_assert_str_eq(f.database_url, "host='/a \\'b\\\\c/run' dbname=signet user=signet_api");
        fields_done(&f);
}

Test(home, takes_what_is_given)
{
        struct fields f = derived("/h", "/elsewhere");

        cr_assert_str_eq(f.run_dir, "/elsewhere");
        cr_assert_str_eq(f.database_url, "host='/elsewhere' dbname=signet user=signet_api");
        fields_done(&f);
}

Test(home, follows_a_link_where_the_path_is_too_long_for_a_socket)
{
        char folder[] = "/tmp/signet-home-XXXXXX", longer[200], link[256];

        cr_assert_not_null(mkdtemp(folder));
        snprintf(longer, sizeof longer, "%s/%0150d", folder, 0);
        cr_assert_eq(mkdir(longer, 0700), 0);
        snprintf(link, sizeof link, "%s/run", longer);
        cr_assert_eq(symlink(folder, link), 0);
        struct fields f = derived(longer, "");

        cr_assert_str_eq(f.run_dir, folder);
        fields_done(&f);
        unlink(link);
        rmdir(longer);
        rmdir(folder);
}
