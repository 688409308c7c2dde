/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fault.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(fault, has_the_vendors_code_status_and_text)
{
        struct fault f = {0};

        cr_assert_eq(fault_set(&f, FAULT_ACCESS_KEY_NOT_FOUND, NULL), ERR_REFUSED);
        cr_assert_str_eq(f.code, "InvalidAccessKeyId.NotFound");
        cr_assert_str_eq(f.message, "Specified access key is not found.");
        cr_assert_eq(fault_http(&f), 404);
}

Test(fault, puts_the_parameters_name_into_the_code)
{
        struct fault f = {0};

        cr_assert_eq(fault_set_field(&f, FAULT_MISSING, "MqttInstanceId", NULL), ERR_REFUSED);
        cr_assert_str_eq(f.code, "MissingMqttInstanceId");
        cr_assert_str_eq(f.message, "MqttInstanceId is mandatory for this action.");
        cr_assert_eq(fault_set_field(&f, FAULT_INVALID, "Edition", "it is %d", 7), ERR_REFUSED);
        cr_assert_str_eq(f.code, "InvalidEdition");
        cr_assert_str_eq(f.message, "it is 7");
        cr_assert_eq(fault_http(&f), 400);
}

Test(fault, cuts_a_long_message_in_front_of_a_whole_character)
{
        static const char *const characters[] = {"a", "\xC3\xA4", "\xE8\xAE\xBE", "\xF0\x9F\x94\x92"};

        for (size_t c = 0; c < sizeof characters / sizeof characters[0]; c++)
                for (int shift = 0; shift < 4; shift++) {
                        char text[2 * FAULT_MESSAGE_MAX] = "";
                        struct fault f = {0};

                        memset(text, 'x', (size_t)shift);
                        while (strlen(text) + 5 < sizeof text)
                                memcpy(text + strlen(text), characters[c], strlen(characters[c]));
                        cr_assert_eq(fault_set(&f, FAULT_PARAMETER, "%s", text), ERR_REFUSED);
                        size_t len = strlen(f.message);

                        cr_expect(len > FAULT_MESSAGE_MAX - 5 && len < FAULT_MESSAGE_MAX);
                        cr_expect(text_is_utf8(f.message, len));
                        cr_expect_eq(strncmp(f.message, text, len), 0);
                }
}

Test(fault, an_unknown_number_is_an_internal_error)
{
        struct fault f = {0};

        cr_assert_eq(fault_set(&f, (enum fault_id)9999, NULL), ERR_REFUSED);
        cr_assert_str_eq(f.code, "InternalError");
        cr_assert_eq(fault_http(&f), 500);
}
