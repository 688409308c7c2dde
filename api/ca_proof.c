/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's own recipe makes a CA without keyUsage and a verification certificate of X.509 version 1, so
 * neither is asked for, and strict checking (X509_V_FLAG_X509_STRICT) is out of the question. */
#include "api/ca_proof.h"

#include "api/answer.h"
#include "api/certificate.h"
#include "common/pem.h"
#include "common/text.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define IN_CA           "CaContent"
#define IN_VERIFICATION "VerificationContent"

enum {
        EXPIRES_SOON_S = 30 * DAY_SECONDS,
        CLOCK_SLACK_S = DAY_SECONDS, /* a verification certificate is made just before, by another clock */
        CODE_LEAST = 36 + 16         /* a UUID and an account ID */
};

/* Behind the standard message. */
__attribute__((format(printf, 3, 4))) static void add_problem(struct ca_proof *p, enum fault_id fault,
                                                              const char *format, ...)
{
        struct ca_problem *problem = &p->problems[p->problem_count];
        va_list args;
        int at;

        if (p->problem_count == CA_PROBLEMS_MAX)
                return;
        at = snprintf(problem->message, sizeof problem->message, "%s ", fault_message(fault));
        va_start(args, format);
        (void)vsnprintf(problem->message + at, sizeof problem->message - (size_t)at, format, args);
        va_end(args);
        problem->fault = fault;
        p->problem_count++;
}

__attribute__((format(printf, 2, 3))) static void add_warning(struct ca_proof *p, const char *format, ...)
{
        va_list args;

        if (p->warning_count == CA_WARNINGS_MAX)
                return;
        va_start(args, format);
        (void)vsnprintf(p->warnings[p->warning_count++], CA_MESSAGE_SIZE, format, args);
        va_end(args);
}

static int count_blocks(const char *text)
{
        static const char begin[] = "-----BEGIN ";
        int count = 0;

        while ((text = strstr(text, begin)) != NULL) {
                text += sizeof begin - 1;
                count++;
        }
        return count;
}

/* Exactly one certificate; *ret stays NULL with a problem. */
static enum err read_one(struct ca_proof *p, const char *where, const char *text, X509 **ret)
{
        CLEANUP(pem_chain) struct pem_chain chain = {{NULL}, 0};
        const char *why = "";
        int blocks = count_blocks(text);
        enum err e = ERR_SYNTAX;

        if (strstr(text, "PRIVATE KEY-----") != NULL)
                add_problem(p, FAULT_CA_CONTENT,
                            "%s: it holds a private key, which is to stay with its owner.", where);
        else if (blocks > 1)
                add_problem(p, FAULT_CA_CONTENT, "%s: it has %d PEM blocks; one certificate is wanted.",
                            where, blocks);
        else
                e = pem_read_chain(text, strlen(text), &chain, &why);
        if (why[0] != '\0')
                add_problem(p, FAULT_CA_CONTENT, "%s: it cannot be read: %s.", where, why);
        if (e == ERR_OK) {
                *ret = chain.certificates[0];
                chain.count = 0; /* given away */
        }
        return e == ERR_NOMEM ? e : ERR_OK;
}

static void read_subject(X509 *certificate, char ret[CA_SUBJECT_SIZE])
{
        BIO *out = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;

        /* the characters as they are, not \xx for all that are not ASCII */
        if (out == NULL || X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0,
                                              XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0) {
                BIO_free(out);
                return;
        }
        len = BIO_get_mem_data(out, &text);
        if (len >= CA_SUBJECT_SIZE) {
                len = CA_SUBJECT_SIZE - 1;
                while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
                        len--;
        }
        if (len > 0 && text_is_utf8(text, (size_t)len) && memchr(text, '\0', (size_t)len) == NULL) {
                memcpy(ret, text, (size_t)len);
                ret[len] = '\0';
        }
        BIO_free(out);
}

static void check_extensions(struct ca_proof *p, X509 *ca)
{
        uint32_t kind = X509_get_extension_flags(ca), extended = X509_get_extended_key_usage(ca);

        if ((kind & EXFLAG_INVALID) != 0)
                add_problem(p, FAULT_CA_CONTENT, IN_CA ": one of its extensions cannot be read.");
        if ((kind & EXFLAG_BCONS) == 0 || (kind & EXFLAG_CA) == 0)
                add_problem(p, FAULT_CA_CONTENT,
                            IN_CA ": it lacks the extension BasicConstraints with CA:TRUE.");
        if ((kind & EXFLAG_CRITICAL) != 0)
                add_warning(p, IN_CA " has a critical extension that is not known here: its devices will be "
                                     "refused.");
        if ((kind & EXFLAG_XKUSAGE) != 0 && (extended & XKU_SSL_CLIENT) == 0)
                add_warning(p, IN_CA
                            " has an extendedKeyUsage without clientAuth: its devices will be refused.");
}

static void check_key(struct ca_proof *p, X509 *ca)
{
        char why[256] = "";

        if (certificate_check_key(ca, why) != ERR_OK)
                add_problem(p, FAULT_CA_CONTENT, IN_CA ": %s", why);
        if ((X509_get_extension_flags(ca) & EXFLAG_KUSAGE) == 0)
                add_warning(p, IN_CA " has no keyUsage; strict clients want one with keyCertSign.");
        else if ((X509_get_key_usage(ca) & KU_KEY_CERT_SIGN) == 0)
                add_problem(p, FAULT_CA_CONTENT, IN_CA ": its keyUsage lacks keyCertSign.");
}

static void check_serial(struct ca_proof *p, X509 *ca)
{
        enum err e = serial_of(ca, p->sn);

        if (e == ERR_SYNTAX)
                add_problem(p, FAULT_CA_CONTENT, IN_CA ": its serial number is negative.");
        else if (e != ERR_OK)
                add_problem(p, FAULT_CA_CONTENT, IN_CA ": its serial number has more than %d digits.",
                            SERIAL_CHARS_MAX);
}

static void check_time(struct ca_proof *p, int64_t now)
{
        char date[16];

        if (p->not_after < now) {
                certificate_date(p->not_after, date);
                add_problem(p, FAULT_CA_CONTENT, IN_CA ": it expired on %s.", date);
        } else if (p->not_after - now < EXPIRES_SOON_S) {
                add_warning(p, IN_CA " expires in %" PRId64 " days.",
                            certificate_days_left(p->not_after, now));
        }
        if (p->not_before > now) {
                certificate_date(p->not_before, date);
                add_warning(p, IN_CA " is not valid before %s: its devices will be refused until then.",
                            date);
        }
}

static enum err check_ca(struct ca_proof *p, X509 *ca, int64_t now)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};
        enum err e = certificate_facts_read(ca, &f);

        if (e != ERR_OK && e != ERR_SYNTAX && e != ERR_LIMIT)
                return e;
        TRY(pem_certificate_der(ca, &p->ca_der));
        read_subject(ca, p->subject);
        p->self_signed = X509_self_signed(ca, 1) == 1;
        check_extensions(p, ca);
        check_key(p, ca);
        if (e != ERR_OK) {
                add_problem(p, FAULT_CA_CONTENT,
                            IN_CA ": a date, the serial number or the list of names is not usable.");
                return ERR_OK;
        }
        check_serial(p, ca);
        p->algorithm = f.algorithm;
        p->key_bits = f.key_bits;
        p->not_before = f.not_before;
        p->not_after = f.not_after;
        memcpy(p->sha256, f.sha256, sizeof p->sha256);
        check_time(p, now);
        if (!p->self_signed)
                add_warning(p, IN_CA
                            " is not self-signed. It is trusted as it is; whoever issued it is not asked.");
        return ERR_OK;
}

/* That the key of the CA has signed it. */
static void check_possession(struct ca_proof *p, X509 *ca, X509 *verification)
{
        EVP_PKEY *key = X509_get0_pubkey(ca);

        if (X509_cmp(ca, verification) == 0)
                add_problem(p, FAULT_CA_CONTENT,
                            IN_VERIFICATION
                            ": it is the CA certificate itself; a certificate is wanted whose common "
                            "name is a registration code.");
        if (X509_NAME_cmp(X509_get_issuer_name(verification), X509_get_subject_name(ca)) != 0)
                add_problem(p, FAULT_CA_CONTENT,
                            IN_VERIFICATION ": its issuer is not the subject of " IN_CA ".");
        if (key == NULL || X509_verify(verification, key) != 1)
                add_problem(p, FAULT_CA_CONTENT,
                            IN_VERIFICATION ": it is not signed with the private key of " IN_CA ".");
}

static enum err check_verification_time(struct ca_proof *p, X509 *verification, int64_t now)
{
        CLEANUP(certificate_facts) struct certificate_facts f = {.sans = BUF_UP_TO(0)};
        enum err e = certificate_facts_read(verification, &f);
        char date[16];

        if (e == ERR_SYNTAX || e == ERR_LIMIT) {
                add_problem(p, FAULT_CA_CONTENT,
                            IN_VERIFICATION
                            ": a date, the serial number or the list of names is not usable.");
                return ERR_OK;
        }
        TRY(e);
        if (f.not_after < now) {
                certificate_date(f.not_after, date);
                add_problem(p, FAULT_CA_CONTENT, IN_VERIFICATION ": it expired on %s.", date);
        }
        if (f.not_before > now + CLOCK_SLACK_S) {
                certificate_date(f.not_before, date);
                add_problem(p, FAULT_CA_CONTENT, IN_VERIFICATION ": it is not valid before %s.", date);
        }
        return ERR_OK;
}

/* False unless there is exactly one common name and it may be a code, as those are written. */
static bool read_code(X509 *verification, char ret[REGISTRATION_CODE_SIZE])
{
        const X509_NAME *subject = X509_get_subject_name(verification);
        int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), len;
        unsigned char *text = NULL;
        bool right;

        if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
                return false;
        len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        right = len >= CODE_LEAST && len < REGISTRATION_CODE_SIZE;
        for (int i = 0; right && i < len; i++)
                right = strchr("0123456789abcdef-", text[i]) != NULL && text[i] != '\0';
        if (right) {
                memcpy(ret, text, (size_t)len);
                ret[len] = '\0';
        }
        OPENSSL_free(text);
        return right;
}

static enum err check_verification(struct ca_proof *p, X509 *ca, X509 *verification, int64_t now)
{
        long version = X509_get_version(verification) + 1;
        char why[256] = "";

        TRY(pem_certificate_der(verification, &p->verification_der));
        if (version != 1 && version != 3)
                add_problem(p, FAULT_CA_CONTENT,
                            IN_VERIFICATION ": it is of X.509 version %ld; 1 and 3 are known.", version);
        if (ca != NULL)
                check_possession(p, ca, verification);
        if (certificate_check_digest(verification, why) != ERR_OK)
                add_problem(p, FAULT_CA_CONTENT, IN_VERIFICATION ": %s", why);
        TRY(check_verification_time(p, verification, now));
        if (!read_code(verification, p->code))
                add_problem(
                        p, FAULT_REGISTER_CODE,
                        "The subject must have exactly one common name, and that a registration code of this "
                        "instance.");
        return ERR_OK;
}

static enum err read_both(struct ca_proof *p, const char *ca_text, const char *verification_text, int64_t now)
{
        CLEANUP(x509p) X509 *ca = NULL;
        CLEANUP(x509p) X509 *verification = NULL;

        TRY(read_one(p, IN_CA, ca_text, &ca));
        if (ca != NULL)
                TRY(check_ca(p, ca, now));
        TRY(read_one(p, IN_VERIFICATION, verification_text, &verification));
        if (verification != NULL)
                TRY(check_verification(p, ca, verification, now));
        return ERR_OK;
}

enum err ca_proof_read(const char *ca, const char *verification, int64_t now, struct ca_proof *ret)
{
        enum err e;

        *ret = (struct ca_proof){.algorithm = "",
                                 .ca_der = BUF_UP_TO(PEM_TEXT_MAX),
                                 .verification_der = BUF_UP_TO(PEM_TEXT_MAX)};
        e = read_both(ret, ca, verification, now);
        ERR_clear_error();
        if (e != ERR_OK)
                ca_proof_done(ret);
        return e;
}

void ca_proof_done(struct ca_proof *p)
{
        buf_done(&p->ca_der);
        buf_done(&p->verification_der);
}

void ca_proof_judge(struct ca_proof *p, const struct ca_standing *s, int64_t live_max)
{
        if (p->code[0] != '\0' && s->code == CODE_UNKNOWN)
                add_problem(p, FAULT_REGISTER_CODE,
                            "The common name is no registration code of this instance.");
        if (p->code[0] != '\0' && s->code == CODE_USED)
                add_problem(p, FAULT_REGISTER_CODE_USED, "Each registration needs a new one.");
        if (!s->counted) {
                add_problem(p, FAULT_CA_COUNT, "The database did not answer in time.");
                return;
        }
        if (p->sn[0] != '\0' && s->sn != SN_FREE)
                add_problem(p, FAULT_SN_NOT_UNIQUE,
                            "A CA certificate with the serial number %s is registered on %s.", p->sn,
                            s->sn == SN_TAKEN_HERE ? "this instance" : "another instance of this account");
        if (s->live >= live_max)
                add_problem(p, FAULT_CA_LIMIT, "The instance has %" PRId64 ", as many as it may.", s->live);
}

enum err ca_proof_fault(const struct ca_proof *p, struct fault *f)
{
        if (p->problem_count == 0)
                return ERR_OK;
        return fault_set(f, p->problems[0].fault, "%s", p->problems[0].message);
}

static enum err add_problems(const struct ca_proof *p, json_t *list)
{
        struct fault f = {0};

        for (int i = 0; i < p->problem_count; i++) {
                enum err e = fault_set(&f, p->problems[i].fault, "%s", p->problems[i].message);

                (void)e; /* always ERR_REFUSED; the Code is what is wanted */
                TRY(answer_append(list, json_pack("{s:s, s:s}", "Code", f.code, "Message", f.message)));
        }
        return ERR_OK;
}

static enum err add_findings(const struct ca_proof *p, json_t *report)
{
        json_t *problems = json_array(), *warnings = json_array();
        enum err e = json_object_set_new(report, "Problems", problems) == 0 ? ERR_OK : ERR_NOMEM;

        if (json_object_set_new(report, "Warnings", warnings) != 0 || e != ERR_OK)
                return ERR_NOMEM;
        TRY(add_problems(p, problems));
        for (int i = 0; i < p->warning_count; i++)
                TRY(answer_append(warnings, json_string(p->warnings[i])));
        return ERR_OK;
}

static enum err add_certificate(const struct ca_proof *p, json_t *report)
{
        char begin[24], end[24];

        if (p->ca_der.len == 0)
                return ERR_OK;
        (void)snprintf(begin, sizeof begin, "%" PRId64, p->not_before * 1000);
        (void)snprintf(end, sizeof end, "%" PRId64, p->not_after * 1000);
        return answer_add(report,
                          json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:b}", "Sn", p->sn, "Subject", p->subject,
                                    "KeyAlgorithm", p->algorithm, "KeyBits", (json_int_t)p->key_bits,
                                    "ValidBegin", begin, "ValidEnd", end, "SelfSigned", p->self_signed));
}

json_t *ca_proof_report(const struct ca_proof *p)
{
        json_t *report = json_object();

        if (report != NULL && add_certificate(p, report) == ERR_OK && add_findings(p, report) == ERR_OK)
                return report;
        json_decref(report);
        return NULL;
}
