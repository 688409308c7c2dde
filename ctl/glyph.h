/* SPDX-License-Identifier: Apache-2.0 */
/* glyph: a text as a terminal shows it, character by character. Pure. */
#ifndef SIGNET_CTL_GLYPH_H
#define SIGNET_CTL_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glyph {
        uint32_t code;
        size_t len;     /* bytes, 1 at least */
        unsigned width; /* columns: 0, 1 or 2 */
        bool control;   /* steers the terminal or the direction of writing, or is no UTF-8 */
};

/* The first character of `text`, which is not empty. */
struct glyph glyph_next(const char *text);

#endif
