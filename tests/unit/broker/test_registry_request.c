/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_request.h"

#include "chain_maker.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct maker made;

static void end(void)
{
        maker_done(&made);
}

TestSuite(registry_request, .fini = end);

static const struct device_identity identity = {.sha256 = {1, 2, 3}, .ca_id = 7, .anchor_id = 8};

static struct registry_request *request_of(X509 *x)
{
        struct registry_request *r = NULL;

        cr_assert_eq(registry_request_new(x, &identity, &r), ERR_OK);
        return r;
}

/* The common name as it is registered. */
static const char *name_of(X509 *x)
{
        static char name[DEVICE_NAME_SIZE];
        struct registry_request *r = request_of(x);

        memcpy(name, r->name, sizeof name);
        cr_assert(text_is_utf8(name, strlen(name)));
        r = registry_request_free(r);
        return name;
}

/* A device whose subject has one common name, of this type and these very bytes. */
static X509 *named(int type, const char *bytes, int len)
{
        X509 *x = made_by(&made, (struct recipe){.subject = "d"}).x;
        X509_NAME *subject = X509_NAME_new();
        X509_NAME_ENTRY *entry =
                X509_NAME_ENTRY_create_by_NID(NULL, NID_commonName, type, (const unsigned char *)"d", 1);

        cr_assert_not_null(entry);
        cr_assert_eq(X509_NAME_ENTRY_set_data(entry, type, (const unsigned char *)bytes, len), 1);
        cr_assert_eq(X509_NAME_add_entry(subject, entry, -1, 0), 1);
        cr_assert_eq(X509_set_subject_name(x, subject), 1);
        cr_assert_gt(i2d_re_X509_tbs(x, NULL), 0); /* else it keeps its old encoding */
        X509_NAME_ENTRY_free(entry);
        X509_NAME_free(subject);
        return x;
}

Test(registry_request, takes_no_serial_number_that_cannot_be_registered)
{
        X509 *x = made_by(&made, (struct recipe){.subject = "d"}).x;
        struct registry_request *r = NULL;
        BIGNUM *large = BN_new();

        cr_assert_eq(ASN1_INTEGER_set_int64(X509_get_serialNumber(x), -5), 1);
        cr_assert_eq(registry_request_new(x, &identity, &r), ERR_SYNTAX);
        cr_assert_eq(BN_set_bit(large, 8 * 100), 1);
        cr_assert_not_null(BN_to_ASN1_INTEGER(large, X509_get_serialNumber(x)));
        cr_assert_eq(registry_request_new(x, &identity, &r), ERR_LIMIT);
        cr_assert_null(r);
        BN_free(large);
}

Test(registry_request, takes_no_certificate_that_is_too_large)
{
        static char name[2 * DEVICE_DER_MAX];
        struct registry_request *r = NULL;

        memset(name, 'n', sizeof name);
        cr_assert_eq(registry_request_new(named(V_ASN1_UTF8STRING, name, sizeof name), &identity, &r),
                     ERR_LIMIT);
        cr_assert_null(r);
}

/* One that is not well formed does not get past OpenSSL. */
Test(registry_request, keeps_no_name_that_the_database_would_not_take)
{
        cr_assert_str_eq(name_of(named(V_ASN1_UTF8STRING, "a\0b", 3)), "");
        cr_assert_str_eq(name_of(named(V_ASN1_UTF8STRING, "", 0)), "");
        cr_assert_str_eq(name_of(named(V_ASN1_BMPSTRING, "\0a\0\0", 4)), "");
}

Test(registry_request, keeps_names_of_all_types_as_utf8)
{
        cr_assert_str_eq(name_of(named(V_ASN1_UTF8STRING, "pump \xc3\xbc", 7)), "pump ü");
        cr_assert_str_eq(name_of(named(V_ASN1_PRINTABLESTRING, "pump 1", 6)), "pump 1");
        cr_assert_str_eq(name_of(named(V_ASN1_BMPSTRING, "\x00p\x00\xfc", 4)), "pü");
        cr_assert_str_eq(name_of(named(V_ASN1_T61STRING, "p\xfc", 2)), "pü");
}

Test(registry_request, cuts_a_long_name_at_the_end_of_a_character)
{
        char name[401] = "x", cut[DEVICE_NAME_SIZE] = "x"; /* and characters of two bytes */

        for (int i = 1; i < 401; i += 2)
                memcpy(name + i, "ü", 2);
        memcpy(cut, name, 255); /* x and 127 of them */
        cr_assert_str_eq(name_of(named(V_ASN1_UTF8STRING, name, 401)), cut);
        cr_assert_eq(strlen(name_of(named(V_ASN1_UTF8STRING, name + 1, 400))), 254);
}

Test(registry_request, takes_the_last_of_several_common_names_and_none_from_an_empty_subject)
{
        X509 *x = made_by(&made, (struct recipe){.subject = "first"}).x;
        X509_NAME *subject = X509_NAME_dup(X509_get_subject_name(x)), *none = X509_NAME_new();

        cr_assert_eq(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)"last",
                                                -1, -1, 0),
                     1);
        cr_assert_eq(X509_set_subject_name(x, subject), 1);
        cr_assert_str_eq(name_of(x), "last");
        cr_assert_eq(X509_set_subject_name(x, none), 1);
        cr_assert_str_eq(name_of(x), "");
        X509_NAME_free(subject);
        X509_NAME_free(none);
}

Test(registry_request, has_all_that_is_registered)
{
        X509 *x = made_by(&made, (struct recipe){.subject = "pump-1",
                                                 .serial = 0x80ff,
                                                 .not_before = NOW - DAY,
                                                 .not_after = NOW + DAY})
                          .x;
        struct registry_request *r = request_of(x);
        struct bytes der = made_der(&made, x);

        cr_assert_str_eq(r->sn, "0080ff");
        cr_assert_str_eq(r->name, "pump-1");
        cr_assert_eq(r->not_before, NOW - DAY);
        cr_assert_eq(r->not_after, NOW + DAY);
        cr_assert_eq(r->der.len, der.len);
        cr_assert_arr_eq(r->der.data, der.data, der.len);
        cr_assert_arr_eq(r->identity.sha256, identity.sha256, 32);
        cr_assert_eq(r->identity.ca_id, 7);
        cr_assert_null(r->conn);
        r = registry_request_free(r);
        cr_assert_null(registry_request_free(NULL));
}
