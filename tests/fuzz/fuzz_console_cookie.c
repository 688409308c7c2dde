/* SPDX-License-Identifier: Apache-2.0 */
/* A Cookie header. A token that is read stands in it, behind its name, and is made of the letters of one. */
#include "api/console_token.h"
#include "tests/fuzz/fuzz_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *cookies)
{
        struct console_token t;
        char named[sizeof "signet_session=" + CONSOLE_TOKEN_CHARS];

        if (console_token_read(cookies, &t) != ERR_OK)
                return;
        if (strlen(t.text) != CONSOLE_TOKEN_CHARS)
                abort();
        (void)snprintf(named, sizeof named, "signet_session=%s", t.text);
        if (strstr(cookies, named) == NULL || strpbrk(t.text, " \t;=\",") != NULL)
                abort();
        for (const char *at = cookies; (at = strstr(at, "; signet_session=")) != NULL; at++)
                if (strncmp(at + 2, named, strlen(named)) != 0)
                        abort(); /* two that differ are none */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);

        if (text == NULL)
                return 0;
        check(text);
        free(text);
        return 0;
}
