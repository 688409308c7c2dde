/* SPDX-License-Identifier: Apache-2.0 */
#include "common/distinguished_name.h"

#include "common/cleanup.h"
#include "common/text.h"

#include <openssl/bio.h>

CLEANUP_DEFINE(biop, BIO *, BIO_free)

enum err distinguished_name_text(const X509_NAME *name, struct buf *ret)
{
        CLEANUP(biop) BIO *out = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;

        if (out == NULL ||
            X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
                return ERR_NOMEM;
        len = BIO_get_mem_data(out, &text);
        if (len <= 0 || !text_is_utf8(text, (size_t)len))
                return len == 0 ? ERR_OK : buf_add_text(ret, "(not readable)");
        return buf_add(ret, text, (size_t)len);
}
