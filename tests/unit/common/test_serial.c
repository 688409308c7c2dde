/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/pem.h"
#include "common/serial.h"

#include <criterion/criterion.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <string.h>

static const struct {
        const char *written, *canonical; /* NULL: none */
} texts[] = {
        {"0", "00"},
        {"00", "00"},
        {":0:", "00"},
        {"1", "01"},
        {"01", "01"},
        {"0000000001", "01"},
        {"7f", "7f"},
        {"7F", "7f"},
        {"80", "0080"},
        {"0080", "0080"},
        {"080", "0080"},
        {"00:80", "0080"},
        {"f00", "0f00"},
        {"F:0:0", "0f00"},
        {"8000", "008000"},
        {"72:69:00:48:87:AB:12", "7269004887ab12"},
        {"007269004887ab12", "7269004887ab12"},
        {"00f26900ba87cc", "00f26900ba87cc"},
        {"f26900ba87cc", "00f26900ba87cc"},
        {"", NULL},
        {":", NULL},
        {":::", NULL},
        {"0x1", NULL},
        {"g", NULL},
        {"-1", NULL},
        {" 1", NULL},
        {"1 ", NULL},
        {"12\n", NULL},
        {"\xC3\xA4", NULL},
};

Test(serial, is_read_however_it_is_written)
{
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                char sn[SERIAL_SIZE] = "untouched";

                cr_assert_eq(serial_read(texts[i].written, sn), texts[i].canonical != NULL, "%s",
                             texts[i].written);
                cr_assert_str_eq(sn, texts[i].canonical != NULL ? texts[i].canonical : "untouched", "%s",
                                 texts[i].written);
        }
}

Test(serial, what_was_read_is_read_the_same_again)
{
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                char once[SERIAL_SIZE], twice[SERIAL_SIZE];

                if (!serial_read(texts[i].written, once))
                        continue;
                cr_assert(serial_read(once, twice));
                cr_assert_str_eq(once, twice);
        }
}

/* `count` times the digit, behind `zeros`. */
static bool read_long(size_t zeros, char digit, size_t count, char ret[SERIAL_SIZE])
{
        char text[4 * SERIAL_CHARS_MAX + 1];

        memset(text, '0', zeros);
        memset(text + zeros, digit, count);
        text[zeros + count] = '\0';
        return serial_read(text, ret);
}

Test(serial, has_at_most_128_digits_with_the_zeros_of_its_der)
{
        char sn[SERIAL_SIZE];

        cr_assert(read_long(0, '7', SERIAL_CHARS_MAX, sn));
        cr_assert_eq(strlen(sn), SERIAL_CHARS_MAX);
        cr_assert(read_long(0, '7', SERIAL_CHARS_MAX - 1, sn));
        cr_assert_eq(strlen(sn), SERIAL_CHARS_MAX);
        cr_assert(read_long(0, 'f', SERIAL_CHARS_MAX - 2, sn));
        cr_assert_eq(strlen(sn), SERIAL_CHARS_MAX);
        cr_assert_not(read_long(0, 'f', SERIAL_CHARS_MAX, sn)); /* 00 in front would make it 130 */
        cr_assert_not(read_long(0, '7', SERIAL_CHARS_MAX + 1, sn));
        cr_assert(read_long(200, '7', SERIAL_CHARS_MAX, sn));
        cr_assert(read_long(300, '0', 0, sn));
        cr_assert_str_eq(sn, "00");
}

static enum err of_number(const char *hex, char ret[SERIAL_SIZE])
{
        CLEANUP(x509p) X509 *c = X509_new();
        BIGNUM *number = NULL;
        enum err e;

        cr_assert(BN_hex2bn(&number, hex));
        cr_assert_not_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(c)));
        BN_free(number);
        e = serial_of(c, ret);
        return e;
}

Test(serial, of_a_certificate_is_the_hex_of_its_der)
{
        static const char *const numbers[] = {"00",   "01",   "7F",   "80",           "FF",
                                              "0100", "7FFF", "8000", "F26900BA87CC", "7269004887AB12"};

        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
                char sn[SERIAL_SIZE], hex[2 * SERIAL_SIZE] = "";
                unsigned char *der = NULL;
                BIGNUM *number = NULL;

                cr_assert(BN_hex2bn(&number, numbers[i]));
                ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
                int len = i2d_ASN1_INTEGER(integer, &der);

                for (int at = 2; at < len; at++) /* behind tag and length */
                        (void)snprintf(hex + 2 * (at - 2), 3, "%02x", der[at]);
                cr_assert_eq(of_number(numbers[i], sn), ERR_OK);
                cr_assert_str_eq(sn, hex, "%s", numbers[i]);
                OPENSSL_free(der);
                ASN1_INTEGER_free(integer);
                BN_free(number);
        }
}

Test(serial, of_a_certificate_is_neither_negative_nor_longer_than_can_be_asked_for)
{
        char sn[SERIAL_SIZE], number[2 * SERIAL_SIZE];

        cr_assert_eq(of_number("-01", sn), ERR_SYNTAX);
        cr_assert_eq(of_number("-F26900BA87CC", sn), ERR_SYNTAX);
        memset(number, '7', SERIAL_CHARS_MAX);
        number[SERIAL_CHARS_MAX] = '\0';
        cr_assert_eq(of_number(number, sn), ERR_OK);
        cr_assert_str_eq(sn, number);
        number[0] = 'F';
        cr_assert_eq(of_number(number, sn), ERR_LIMIT);
        memset(number, '7', 2 * SERIAL_CHARS_MAX);
        number[2 * SERIAL_CHARS_MAX] = '\0';
        cr_assert_eq(of_number(number, sn), ERR_LIMIT);
}

Test(serial, of_a_certificate_with_thousands_of_octets_is_refused)
{
        CLEANUP(x509p) X509 *c = X509_new();
        uint8_t octets[20000];
        char sn[SERIAL_SIZE];

        memset(octets, 0x11, sizeof octets);
        cr_assert(ASN1_STRING_set(X509_get_serialNumber(c), octets, sizeof octets));
        cr_assert_eq(serial_of(c, sn), ERR_LIMIT);
}
