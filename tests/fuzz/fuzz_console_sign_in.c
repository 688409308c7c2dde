/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a sign-in: nobody has signed it, so it is read with nothing known of who has sent it. What is
 * read is text that is not empty and that PostgreSQL takes. */
#include "api/console_sign_in.h"
#include "common/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 4096 };

static void check_text(const char *text)
{
        if (text[0] == '\0' || strlen(text) > BODY_MAX || !text_is_utf8(text, strlen(text)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char type[] = "application/json";
        CLEANUP(request) struct request q = {.target = NULL};
        const char *id = NULL, *secret = NULL;
        struct fault f = {.id = FAULT_NONE};

        if (size > BODY_MAX || request_init(&q, "/console/session", BODY_MAX) != ERR_OK ||
            request_add_header(&q, "content-type", 12, type, sizeof type - 1) != ERR_OK ||
            buf_add(&q.body, data, size) != ERR_OK)
                return 0;
        enum err e = console_sign_in_read(&q, &f, &id, &secret);

        if (e == ERR_OK) {
                check_text(id);
                check_text(secret);
        } else if (e != ERR_REFUSED || f.id == FAULT_NONE) {
                abort();
        }
        return 0;
}
