/* SPDX-License-Identifier: Apache-2.0 */
#include "common/serial.h"
#include "common/text.h"

#include <ctype.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <string.h>

/* `digits` lower-case, without leading zeros: an even number of them, and a zero octet in front of a set
 * first bit. */
static bool canonical(const char *digits, size_t len, char ret[SERIAL_SIZE])
{
        bool odd = len % 2 != 0;
        bool high = !odd && len > 0 && strchr("89abcdef", digits[0]) != NULL;
        size_t zeros = len == 0 ? 2 : odd ? 1 : high ? 2 : 0;

        if (zeros + len > SERIAL_CHARS_MAX)
                return false;
        memset(ret, '0', zeros);
        memcpy(ret + zeros, digits, len);
        ret[zeros + len] = '\0';
        return true;
}

bool serial_read(const char *text, char ret[SERIAL_SIZE])
{
        char digits[SERIAL_SIZE];
        size_t len = 0;
        bool any = false;

        for (; *text != '\0'; text++) {
                if (*text == ':')
                        continue;
                if (!isxdigit((unsigned char)*text))
                        return false;
                any = true;
                if (*text == '0' && len == 0)
                        continue;
                if (len == SERIAL_CHARS_MAX)
                        return false;
                digits[len++] = (char)tolower((unsigned char)*text);
        }
        return any && canonical(digits, len, ret);
}

enum err serial_of(X509 *certificate, char ret[SERIAL_SIZE])
{
        const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
        const unsigned char *octets =
                ASN1_STRING_get0_data(number); /* the magnitude, without leading zeros */
        int len = ASN1_STRING_length(number);
        char digits[2 * SERIAL_CHARS_MAX + 1];

        if (ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER)
                return ERR_SYNTAX;
        if (len < 0 || len > SERIAL_CHARS_MAX)
                return ERR_LIMIT;
        text_hex(octets, (size_t)len, digits);
        return serial_read(len == 0 ? "0" : digits, ret) ? ERR_OK : ERR_LIMIT;
}
