/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/trust.h"

#include "broker/certificate_part.h"
#include "chain_maker.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <string.h>

static struct maker made;
static struct holder ca;
static struct trust_ca *of_list; /* a CA with the list that was read last */

static void init(void)
{
        ca = made_by(&made, (struct recipe){.subject = "CA", .extensions = ca_extensions});
}

static void done(void)
{
        trust_ca_unref(of_list);
        maker_done(&made);
}

TestSuite(crl_serials, .init = init, .fini = done);

/* How many it has. */
static size_t list_read(struct bytes der)
{
        CLEANUP(crl_serialsp) struct crl_serials *list = NULL;

        cr_assert_eq(crl_serials_read(der, &list), ERR_OK);
        trust_ca_unref(of_list);
        cr_assert_eq(trust_ca_new(1, "01", made_der(&made, ca.x), true, list, 0, &of_list), ERR_OK);
        return crl_serials_count(list);
}

static bool lists(int64_t serial)
{
        struct holder x = made_by(&made, (struct recipe){.subject = "pump", .key = ca.key, .serial = serial});
        uint8_t sha256[32];

        cr_assert_eq(certificate_serial_sha256(x.x, sha256), ERR_OK);
        return trust_ca_revokes(of_list, sha256);
}

static struct bytes copy_of(struct bytes der, uint8_t *ret)
{
        memcpy(ret, der.data, der.len);
        return (struct bytes){ret, der.len};
}

static enum err answer(struct bytes der)
{
        struct crl_serials *list = NULL;
        enum err e = crl_serials_read(der, &list);

        crl_serials_unref(list);
        return e;
}

/* ---- refused ---- */

Test(crl_serials, refuses_what_is_no_list)
{
        static const uint8_t text[] = "-----BEGIN X509 CRL-----", empty_sequence[] = {0x30, 0x00};

        cr_expect_eq(answer((struct bytes){NULL, 0}), ERR_SYNTAX);
        cr_expect_eq(answer((struct bytes){text, sizeof text}), ERR_SYNTAX);
        cr_expect_eq(answer((struct bytes){empty_sequence, sizeof empty_sequence}), ERR_SYNTAX);
        cr_expect_eq(answer(made_der(&made, ca.x)), ERR_SYNTAX);
}

Test(crl_serials, refuses_a_list_that_is_cut_off_anywhere)
{
        const int64_t serials[] = {1, 300, 70000};
        struct bytes der = made_list(&made, &ca, serials, 3, CRL_REASON_KEY_COMPROMISE);

        cr_assert_eq(answer(der), ERR_OK);
        for (size_t len = 0; len < der.len; len++)
                cr_expect_eq(answer((struct bytes){der.data, len}), ERR_SYNTAX, "%zu", len);
}

Test(crl_serials, refuses_bytes_behind_the_list)
{
        struct bytes der = made_list(&made, &ca, NULL, 0, CRL_REASON_NONE);
        uint8_t longer[1024] = {0};

        cr_expect_eq(answer((struct bytes){copy_of(der, longer).data, der.len + 1}), ERR_SYNTAX);
}

Test(crl_serials, refuses_a_serial_number_that_is_not_in_its_shortest_form)
{
        const int64_t serial = 0x1234;
        uint8_t changed[1024];
        struct bytes der = copy_of(made_list(&made, &ca, &serial, 1, CRL_REASON_NONE), changed);
        uint8_t *number = memmem(changed, der.len, "\x02\x02\x12\x34", 4);

        cr_assert_not_null(number);
        cr_assert_eq(answer(der), ERR_OK);
        number[2] = 0;
        cr_expect_eq(answer(der), ERR_SYNTAX);
        number[2] = 0xff;
        number[3] = 0x80;
        cr_expect_eq(answer(der), ERR_SYNTAX);
}

/* ---- read ---- */

Test(crl_serials, an_empty_list_revokes_nothing)
{
        cr_expect_eq(list_read(made_list(&made, &ca, NULL, 0, CRL_REASON_NONE)), 0);
        cr_expect_not(lists(1));
        cr_expect_eq(crl_serials_count(NULL), 0);
}

Test(crl_serials, a_number_is_on_the_list_as_it_stands_in_a_certificate)
{
        const int64_t serials[] = {1,         127, 128,  255, 256, 0x7fffffff, INT64_C(0x80000000),
                                   INT64_MAX, -1,  -128, -129};
        enum { COUNT = sizeof serials / sizeof serials[0] };

        cr_expect_eq(list_read(made_list(&made, &ca, serials, COUNT, CRL_REASON_NONE)), COUNT);
        for (size_t i = 0; i < COUNT; i++)
                cr_expect(lists(serials[i]), "%lld", (long long)serials[i]);
        cr_expect_not(lists(2));
        cr_expect_not(lists(-255));
        cr_expect_not(lists(INT64_MAX - 1));
}

Test(crl_serials, a_number_counts_once)
{
        const int64_t serials[] = {7, 9, 7, 7};

        cr_expect_eq(list_read(made_list(&made, &ca, serials, 4, CRL_REASON_NONE)), 2);
        cr_expect(lists(7) && lists(9));
}

Test(crl_serials, every_reason_revokes_but_remove_from_crl)
{
        static const int reasons[] = {CRL_REASON_UNSPECIFIED,      CRL_REASON_KEY_COMPROMISE,
                                      CRL_REASON_CA_COMPROMISE,    CRL_REASON_SUPERSEDED,
                                      CRL_REASON_CERTIFICATE_HOLD, CRL_REASON_AA_COMPROMISE};
        const int64_t serial = 77;

        for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
                cr_expect_eq(list_read(made_list(&made, &ca, &serial, 1, reasons[i])), 1, "%d", reasons[i]);
        cr_expect(lists(77));
        cr_expect_eq(list_read(made_list(&made, &ca, &serial, 1, CRL_REASON_REMOVE_FROM_CRL)), 0);
        cr_expect_not(lists(77));
}

Test(crl_serials, a_long_list_is_found_in_from_end_to_end)
{
        enum { COUNT = 5000 };
        static int64_t serials[COUNT];

        for (int i = 0; i < COUNT; i++)
                serials[i] = 1 + i * INT64_C(7919) % 100003;
        cr_expect_eq(list_read(made_list(&made, &ca, serials, COUNT, CRL_REASON_SUPERSEDED)), COUNT);
        for (int i = 0; i < COUNT; i += 250)
                cr_expect(lists(serials[i]));
        cr_expect(lists(serials[COUNT - 1]));
        cr_expect_not(lists(100004));
}
