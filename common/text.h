/* SPDX-License-Identifier: Apache-2.0 */
/* text: hex, base64, UTF-8 and percent-encoding. Pure functions, thread-safe. */
#ifndef SIGNET_COMMON_TEXT_H
#define SIGNET_COMMON_TEXT_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `ret` holds 2*len+1 characters; lower case, or upper. */
void text_hex(const void *data, size_t len, char *ret);
void text_hex_upper(const void *data, size_t len, char *ret);
/* Accepts both cases; ERR_SYNTAX unless exactly 2*len hex digits. */
MUST_CHECK enum err text_unhex(const char *hex, size_t hex_len, uint8_t *ret, size_t len);
MUST_CHECK enum err text_base64(const void *data, size_t len, struct buf *ret);    /* appends */
MUST_CHECK enum err text_base64url(const void *data, size_t len, struct buf *ret); /* appends; no padding */
MUST_CHECK enum err text_unbase64(const char *text, size_t len, struct buf *ret);  /* appends; strict */
/* The length without the blanks (space, tab) at the end: the OWS behind a header's value (RFC 9110 5.6.3). */
size_t text_trimmed(const char *text, size_t len);
/* RFC 3986 unreserved characters stay, everything else %XX upper case (the rule of both signature schemes).
 */
MUST_CHECK enum err text_percent(const void *data, size_t len, struct buf *ret); /* appends */
/* Decodes %XX and '+' as space. ERR_SYNTAX on a broken escape. Appends; the result may hold any byte. */
MUST_CHECK enum err text_unpercent(const char *text, size_t len, struct buf *ret);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong form, up to U+10FFFF). */
bool text_is_utf8(const void *data, size_t len);
/* True when equal ignoring ASCII case. */
bool text_same(const char *a, const char *b);

#endif
