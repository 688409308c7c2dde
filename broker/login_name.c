/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/login_name.h"

#include <stdbool.h>
#include <string.h>

static const struct {
        const char *name;
        enum login_mode mode;
} modes[] = {
        {"Signature", LOGIN_BY_SIGNATURE},
        {"Token", LOGIN_BY_TOKEN},
        {"DeviceCredential", LOGIN_BY_CREDENTIAL},
};

/* At the first two bars; the third part has what is left. */
static bool cut(struct bytes text, struct bytes parts[3])
{
        const uint8_t *at = text.data, *end = text.len == 0 ? at : at + text.len;

        for (int n = 0; n < 3; n++) {
                const uint8_t *bar = n == 2 ? end : at == end ? NULL : memchr(at, '|', (size_t)(end - at));

                if (bar == NULL)
                        return false;
                parts[n] = (struct bytes){at, (size_t)(bar - at)};
                at = n == 2 ? bar : bar + 1;
        }
        return true;
}

struct login_name login_name_read(struct bytes user_name)
{
        struct bytes parts[3];

        if (!cut(user_name, parts))
                return (struct login_name){.mode = LOGIN_BY_NAME};
        for (size_t n = 0; n < sizeof modes / sizeof modes[0]; n++)
                if (parts[0].len == strlen(modes[n].name) &&
                    memcmp(parts[0].data, modes[n].name, parts[0].len) == 0)
                        return (struct login_name){modes[n].mode, parts[1], parts[2]};
        return (struct login_name){.mode = LOGIN_BY_NAME};
}
