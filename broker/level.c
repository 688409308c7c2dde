/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/level.h"

#include <string.h>

size_t levels_of(const struct siphash_key *key, const char *text, size_t len, struct level *ret,
                 size_t levels_max)
{
        const char *end = text + len;

        for (size_t count = 0; count < levels_max;) {
                const char *slash = memchr(text, '/', (size_t)(end - text));
                size_t level_len = (size_t)((slash != NULL ? slash : end) - text);

                ret[count++] = (struct level){text, level_len, siphash(key, text, level_len)};
                if (slash == NULL)
                        return count;
                text = slash + 1;
        }
        return 0;
}
