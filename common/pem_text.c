/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pem.h"

#include <openssl/evp.h>

enum { LINE_OCTETS = 48, LINE_CHARS = 64 }; /* RFC 7468 §2 */

enum err pem_der_text(const void *der, size_t len, struct buf *ret)
{
        const unsigned char *octets = der;
        unsigned char line[LINE_CHARS + 1];

        TRY(buf_add_text(ret, "-----BEGIN CERTIFICATE-----\n"));
        for (size_t at = 0; at < len; at += LINE_OCTETS) {
                size_t piece = len - at < LINE_OCTETS ? len - at : LINE_OCTETS;
                int chars = EVP_EncodeBlock(line, octets + at, (int)piece);

                TRY(buf_add(ret, line, (size_t)chars));
                TRY(buf_add_text(ret, "\n"));
        }
        return buf_add_text(ret, "-----END CERTIFICATE-----\n");
}
