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

Test(fault, is_found_again_by_its_own_code_status_and_text)
{
        static const char *const fields[] = {"Name", "X", "AccessKeyId"};

        for (unsigned id = FAULT_NONE + 1; id < FAULT_COUNT; id++)
                for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
                        struct fault f = {0};

                        cr_assert_eq(fault_set_field(&f, (enum fault_id)id, fields[i], NULL), ERR_REFUSED);
                        cr_expect_eq(fault_find(f.code, fault_http(&f), f.message), (enum fault_id)id, "%s",
                                     f.code);
                }
}

Test(fault, is_not_found_by_another_code_status_or_text)
{
        static const struct {
                const char *code;
                int http;
                const char *message;
        } wrong[] = {
                {"", 400, ""},
                {"OK", 200, ""},
                {"Nonesuch", 400, "Specified certificate is not found."},
                {"NotFound", 404, "Specified certificate is not found."},
                {"NotFound", 400, "Specified certificate is not found"},
                {"notfound", 400, "Specified certificate is not found."},
                {"Missing", 400, "X is mandatory for this action."},
                {"MissingX", 400, "Y is mandatory for this action."},
                {"MissingX", 404, "X is mandatory for this action."},
                {"InvalidX", 400, "X is mandatory for this action."},
                {"Invalid", 400, "Specified parameter X is not valid."},
        };

        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
                cr_expect_eq(fault_find(wrong[i].code, wrong[i].http, wrong[i].message), FAULT_NONE, "%s %d",
                             wrong[i].code, wrong[i].http);
}
