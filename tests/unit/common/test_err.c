/* SPDX-License-Identifier: Apache-2.0 */
#include "common/err.h"

#include <criterion/criterion.h>
#include <string.h>

Test(err, names_and_explains_every_error)
{
        for (int e = 0; e < ERR_COUNT; e++) {
                cr_assert_eq(strncmp(err_name((enum err)e), "ERR_", 4), 0, "error %d", e);
                cr_assert_gt(strlen(err_text((enum err)e)), 1, "error %d", e);
        }
        cr_assert_str_eq(err_name(ERR_MISMATCH), "ERR_MISMATCH");
        cr_assert_str_eq(err_text(ERR_OK), "ok");
}

Test(err, no_two_errors_have_the_same_text)
{
        for (int a = 0; a < ERR_COUNT; a++)
                for (int b = a + 1; b < ERR_COUNT; b++)
                        cr_assert_str_neq(err_text((enum err)a), err_text((enum err)b));
}

Test(err, a_number_that_is_no_error_still_has_a_text)
{
        const int strange[] = {-1, ERR_COUNT, 1 << 30};

        for (int i = 0; i < 3; i++) {
                cr_assert_str_eq(err_text((enum err)strange[i]), "unknown error");
                cr_assert_str_eq(err_name((enum err)strange[i]), "ERR_UNKNOWN");
        }
}

static enum err tried(enum err e)
{
        TRY(e);
        return ERR_CONFLICT; /* reached only after ERR_OK */
}

Test(err, try_returns_the_first_failure)
{
        cr_assert_eq(tried(ERR_OK), ERR_CONFLICT);
        cr_assert_eq(tried(ERR_IO), ERR_IO);
}
