/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/leaf.h"

#include "common/distinguished_name.h"
#include "common/pem.h"
#include "common/text.h"
#include "ctl/field.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NAME_TEXT_MAX = 1024 * 1024, SERIAL_OCTETS_MAX = 128, DATE_SIZE = 24, DAY_SECONDS = 24 * 60 * 60 };

CLEANUP_DEFINE(namesp, GENERAL_NAMES *, GENERAL_NAMES_free)

void leaf_sha256_read(const char *text, char ret[LEAF_SHA256_SIZE])
{
        uint8_t digest[SHA256_BYTES];

        ret[0] = '\0';
        if (text_unhex(text, strlen(text), digest, sizeof digest) == ERR_OK)
                text_hex(digest, sizeof digest, ret);
}

static enum err name_text(const X509_NAME *name, json_t **ret)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(NAME_TEXT_MAX);

        TRY(distinguished_name_text(name, &text));
        *ret = json_string(buf_text(&text));
        return *ret != NULL ? ERR_OK : ERR_NOMEM;
}

static json_t *one_name(const GENERAL_NAME *name)
{
        char text[INET6_ADDRSTRLEN];
        const ASN1_STRING *s = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
        const unsigned char *bytes;
        int len;

        if (name->type != GEN_DNS && name->type != GEN_IPADD)
                return NULL;
        bytes = ASN1_STRING_get0_data(s);
        len = ASN1_STRING_length(s);
        if (name->type == GEN_DNS)
                return json_stringn((const char *)bytes, (size_t)len);
        if ((len != 4 && len != 16) ||
            inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) == NULL)
                return NULL;
        return json_string(text);
}

/* DNS names and IP addresses; others say nothing about a host. */
static enum err add_names(X509 *certificate, json_t *ret)
{
        CLEANUP(namesp)
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        json_t *list = json_array();

        TRY(field_set(ret, "Names", list));
        for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
                json_t *name = one_name(sk_GENERAL_NAME_value(names, i));

                if (name != NULL)
                        TRY(field_append(list, name));
        }
        return ERR_OK;
}

static enum err add_serial(const X509 *certificate, json_t *ret)
{
        const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
        int len = ASN1_STRING_length(serial);
        char text[2 * SERIAL_OCTETS_MAX + 2] = "-";
        bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;

        if (len > SERIAL_OCTETS_MAX)
                len = SERIAL_OCTETS_MAX;
        text_hex(ASN1_STRING_get0_data(serial), (size_t)len, text + negative);
        return field_set(ret, "Serial", json_string(text));
}

static enum err add_date(const char *name, const ASN1_TIME *date, int64_t *ret_seconds, json_t *ret)
{
        struct tm utc;
        char text[DATE_SIZE];

        if (ASN1_TIME_to_tm(date, &utc) != 1) {
                *ret_seconds = 0;
                return field_set(ret, name, json_string("(not readable)"));
        }
        *ret_seconds = timegm(&utc);
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
        return field_set(ret, name, json_string(text));
}

static enum err describe(X509 *certificate, int64_t now, json_t *ret)
{
        char sha256[LEAF_SHA256_SIZE];
        int64_t before, after;
        json_t *name;

        TRY(name_text(X509_get_subject_name(certificate), &name));
        TRY(field_set(ret, "Subject", name));
        TRY(add_names(certificate, ret));
        TRY(name_text(X509_get_issuer_name(certificate), &name));
        TRY(field_set(ret, "Issuer", name));
        TRY(add_serial(certificate, ret));
        TRY(add_date("NotBefore", X509_get0_notBefore(certificate), &before, ret));
        TRY(add_date("NotAfter", X509_get0_notAfter(certificate), &after, ret));
        TRY(field_set(ret, "DaysLeft", json_integer(after > now ? (after - now) / DAY_SECONDS : 0)));
        TRY(field_set(ret, "Expired", json_boolean(after < now)));
        TRY(pem_certificate_sha256(certificate, sha256));
        return field_set(ret, "Sha256", json_string(sha256));
}

enum err leaf_describe(X509 *certificate, int64_t now, json_t *ret)
{
        enum err e = describe(certificate, now, ret);

        ERR_clear_error();
        return e;
}
