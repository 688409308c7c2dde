/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "ctl/sign.h"

#include <criterion/criterion.h>
#include <string.h>

static const char body[] = "InstanceId=mqtt-cn-test001&ClientId=GID_test%40%40%40dev%201*";

/* What the official npm SDK sent for this body with the clock, the nonce and the key fixed. */
Test(sign, gives_the_signature_of_the_official_sdk)
{
        struct sign_request q = {.host = "127.0.0.1:18080",
                                 .action = "AddCustomAuthConnectBlack",
                                 .version = "2020-04-20",
                                 .date = "2025-01-02T03:04:05Z",
                                 .nonce = "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
                                 .body = body,
                                 .body_len = sizeof body - 1};
        CLEANUP(buf) struct buf got = BUF_UP_TO(4096);
        char body_hash[SIGN_HASH_HEX];

        cr_assert_eq(sign_authorization(&q, "testid", "testsecret", body_hash, &got), ERR_OK);
        cr_assert_str_eq(body_hash, "3f26abd02a8f048301a79d2da2c9d9b6db4845c54cfe2f748dd9bbd920aade83");
        cr_assert_not_null(strstr(buf_text(&got), "Credential=testid,"));
        cr_assert_not_null(
                strstr(buf_text(&got),
                       "Signature=90fab40bd494900302796d48bf8295007dade74112e55173bfdc7757681f394b"));
}

Test(sign, refuses_a_host_that_is_far_too_long)
{
        static char host[32 * 1024];
        struct sign_request q = {
                .host = host, .action = "A", .version = "v", .date = "d", .nonce = "n", .body = ""};
        CLEANUP(buf) struct buf got = BUF_UP_TO(4096);
        char body_hash[SIGN_HASH_HEX];

        memset(host, 'a', sizeof host - 1);
        cr_assert_eq(sign_authorization(&q, "id", "secret", body_hash, &got), ERR_LIMIT);
        cr_assert_eq(got.len, 0);
}
