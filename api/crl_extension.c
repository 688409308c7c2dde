/* SPDX-License-Identifier: Apache-2.0 */
#include "api/crl_extension.h"

#include "common/text.h"

#include <openssl/objects.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OID_MAX = 8, OID_TEXT_SIZE = 96, REASON_LIFTED = 8 };

enum err crl_refuse(char why[CRL_WHY_SIZE], const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void)vsnprintf(why, CRL_WHY_SIZE, format, args);
        va_end(args);
        return ERR_REFUSED;
}

typedef enum err read_fn(struct der value, struct crl_extensions *ret, char *why);

/* Says nothing that matters here. */
static enum err read_nothing(struct der value, struct crl_extensions *ret, char *why)
{
        (void)value;
        (void)ret;
        (void)why;
        return ERR_OK;
}

static enum err read_number(struct der value, struct crl_extensions *ret, char *why)
{
        struct rd r = der_inside(value);
        struct bytes number = der_next(&r, DER_INTEGER).content;

        if (!der_ended(&r) || number.len == 0 || (number.data[0] & 0x80) != 0)
                return crl_refuse(why, "its cRLNumber cannot be read");
        while (number.len > 1 && number.data[0] == 0)
                number = (struct bytes){number.data + 1, number.len - 1};
        if (number.len > CRL_NUMBER_OCTETS_MAX)
                return crl_refuse(why, "its cRLNumber has more than %d octets", CRL_NUMBER_OCTETS_MAX);
        text_hex(number.data, number.len, ret->number);
        return ERR_OK;
}

static enum err read_delta(struct der value, struct crl_extensions *ret, char *why)
{
        (void)value;
        (void)ret;
        return crl_refuse(
                why,
                "it has a deltaCRLIndicator, so it says only what has changed; a complete list is wanted");
}

/* What its issuingDistributionPoint leaves out. A name of the distribution point alone leaves out nothing
 * that could be told from here. */
static enum err read_scope(struct der value, struct crl_extensions *ret, char *why)
{
        static const struct {
                uint8_t tag;
                const char *name;
        } limits[] = {{0x81, "onlyContainsUserCerts"},
                      {0x82, "onlyContainsCACerts"},
                      {0x83, "onlySomeReasons"},
                      {0x84, "indirectCRL"},
                      {0x85, "onlyContainsAttributeCerts"}};
        struct rd outer = der_inside(value), r = der_inside(der_next(&outer, DER_SEQUENCE));

        (void)ret;
        if (der_is(&r, DER_CONTEXT))
                (void)der_next(&r, DER_CONTEXT);
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
                struct bytes given;

                if (!der_is(&r, limits[i].tag))
                        continue;
                given = der_next(&r, limits[i].tag).content;
                if (!r.bad && (given.len != 1 || given.data[0] != 0)) /* FALSE is the default */
                        return crl_refuse(why,
                                          "its issuingDistributionPoint has %s; a complete list is wanted",
                                          limits[i].name);
        }
        if (!der_ended(&outer) || !der_ended(&r))
                return crl_refuse(why, "its issuingDistributionPoint cannot be read");
        return ERR_OK;
}

static enum err read_reason(struct der value, struct crl_extensions *ret, char *why)
{
        struct rd r = der_inside(value);
        struct bytes reason = der_next(&r, DER_ENUMERATED).content;

        if (!der_ended(&r) || reason.len != 1)
                return crl_refuse(why, "its reasonCode cannot be read");
        ret->lifts = reason.data[0] == REASON_LIFTED;
        return ERR_OK;
}

static enum err read_other_issuer(struct der value, struct crl_extensions *ret, char *why)
{
        (void)value;
        (void)ret;
        return crl_refuse(
                why, "it has a certificateIssuer: the list is indirect, with certificates of several CAs");
}

static const struct known {
        enum crl_place place;
        size_t len;
        uint8_t oid[OID_MAX];
        read_fn *read;
} known[] = {
        {CRL_OF_LIST, 3, {0x55, 0x1D, 0x12}, read_nothing},          /* issuerAltName */
        {CRL_OF_LIST, 3, {0x55, 0x1D, 0x14}, read_number},           /* cRLNumber */
        {CRL_OF_LIST, 3, {0x55, 0x1D, 0x1B}, read_delta},            /* deltaCRLIndicator */
        {CRL_OF_LIST, 3, {0x55, 0x1D, 0x1C}, read_scope},            /* issuingDistributionPoint */
        {CRL_OF_LIST, 3, {0x55, 0x1D, 0x23}, read_nothing},          /* authorityKeyIdentifier */
        {CRL_OF_LIST, 3, {0x55, 0x1D, 0x2E}, read_nothing},          /* freshestCRL */
        {CRL_OF_LIST, 8, {0x2B, 6, 1, 5, 5, 7, 1, 1}, read_nothing}, /* authorityInfoAccess */
        {CRL_OF_ENTRY, 3, {0x55, 0x1D, 0x15}, read_reason},          /* reasonCode */
        {CRL_OF_ENTRY, 3, {0x55, 0x1D, 0x17}, read_nothing},         /* holdInstructionCode */
        {CRL_OF_ENTRY, 3, {0x55, 0x1D, 0x18}, read_nothing},         /* invalidityDate */
        {CRL_OF_ENTRY, 3, {0x55, 0x1D, 0x1D}, read_other_issuer},    /* certificateIssuer */
};
enum { KNOWN = sizeof known / sizeof known[0] };

/* KNOWN: none of them. */
static size_t find_known(enum crl_place place, struct bytes oid)
{
        size_t i = 0;

        while (i < KNOWN && (known[i].place != place || known[i].len != oid.len ||
                             memcmp(known[i].oid, oid.data, oid.len) != 0))
                i++;
        return i;
}

static void oid_text(struct der oid, char ret[OID_TEXT_SIZE])
{
        const unsigned char *at = oid.whole.data;
        ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)oid.whole.len);

        (void)snprintf(ret, OID_TEXT_SIZE, "of an unreadable kind");
        if (object != NULL)
                (void)OBJ_obj2txt(ret, OID_TEXT_SIZE, object, 1);
        ASN1_OBJECT_free(object);
}

static enum err read_one(struct rd *list, enum crl_place place, unsigned *seen, struct crl_extensions *ret,
                         char *why)
{
        struct rd r = der_inside(der_next(list, DER_SEQUENCE));
        struct der oid = der_next(&r, DER_OID);
        struct bytes critical =
                der_is(&r, DER_BOOLEAN) ? der_next(&r, DER_BOOLEAN).content : (struct bytes){0};
        struct der value = der_next(&r, DER_OCTET_STRING);
        char text[OID_TEXT_SIZE];
        size_t i;

        if (list->bad || !der_ended(&r) || oid.content.len == 0 || critical.len > 1)
                return crl_refuse(why, "one of its extensions cannot be read");
        i = find_known(place, oid.content);
        if (i < KNOWN && (*seen & 1U << i) != 0)
                return crl_refuse(why, "one of its extensions is there twice");
        if (i < KNOWN) {
                *seen |= 1U << i;
                return known[i].read(value, ret, why);
        }
        if (critical.len == 0 || critical.data[0] == 0)
                return ERR_OK;
        oid_text(oid, text);
        return crl_refuse(why, "it has a critical extension that is not known here: %s", text);
}

enum err crl_extensions_read(struct der list, enum crl_place place, struct crl_extensions *ret,
                             char why[CRL_WHY_SIZE])
{
        struct crl_extensions found = {.lifts = false};
        struct rd r = der_inside(list);
        unsigned seen = 0;

        while (rd_left(&r) > 0)
                TRY(read_one(&r, place, &seen, &found, why));
        *ret = found;
        return ERR_OK;
}
