/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sni.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bytes read_of(const char *bytes, size_t len)
{
        return sni_read((const uint8_t *)bytes, len);
}
#define READ(literal) read_of(literal, sizeof literal - 1)

Test(sni, reads_the_host_name)
{
        struct bytes name = READ("\0\x08\0\0\x05"
                                 "a.com");

        cr_assert_eq(name.len, 5);
        cr_assert_eq(memcmp(name.data, "a.com", 5), 0);
}

Test(sni, passes_over_other_name_types)
{
        struct bytes name = READ("\0\x0b\7\0\0\0\0\x05"
                                 "a.com");

        cr_assert_eq(name.len, 5);
}

Test(sni, is_empty_when_every_truncation_of_a_list_comes)
{
        static const char whole[] = "\0\x08\0\0\x05"
                                    "a.com";

        for (size_t len = 0; len < sizeof whole - 1; len++)
                cr_assert_eq(read_of(whole, len).len, 0, "%zu", len);
        cr_assert_eq(READ("\0\x09\0\0\x06"
                          "a.com")
                             .len,
                     0);
        cr_assert_eq(READ("\0\0").len, 0);
}
