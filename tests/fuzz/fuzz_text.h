/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNET_FUZZ_TEXT_H
#define SIGNET_FUZZ_TEXT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The input as a text: a copy of its own length, so that a reader who goes beyond the NUL is caught. NULL:
 * out of memory; the caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        if (text == NULL)
                return NULL;
        memcpy(text, data, size);
        text[size] = '\0';
        return text;
}

#endif
