/* SPDX-License-Identifier: Apache-2.0 */
/* Every name ends up in check_ascii(), whichever way it was converted, so that plain and international names
 * obey the same rules and a canonical name is its own canonical form. */
#include "common/domain.h"

#include "common/cleanup.h"
#include "common/text.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdint.h>
#include <string.h>

/* A name of 253 octets holds at most 253 characters of at most four bytes. */
enum { LABEL_MAX = 63, WRITTEN_MAX = 4 * DOMAIN_MAX };

static const char why_empty[] = "the name is empty";
static const char why_long[] = "the name is longer than 253 octets";
static const char why_label_empty[] = "a label is empty";
static const char why_label_long[] = "a label is longer than 63 octets";
static const char why_single[] = "the name has a single label, at least two are needed";
static const char why_star[] = "'*' is allowed only as the whole leftmost label";
static const char why_star_high[] = "a wildcard needs at least two labels after '*.'";
static const char why_address[] = "is an IP address";
static const char why_number[] = "the last label is all digits, as in an IP address";
static const char why_hyphen[] = "a label begins or ends with '-'";
static const char why_character[] = "a character is not allowed in a domain name";
static const char why_utf8[] = "the name is not UTF-8";
static const char why_idn[] = "a label is no valid internationalized (IDN) label";
static const char why_memory[] = "out of memory";

CLEANUP_DEFINE(idnp, char *, idn2_free)

static enum err fail(enum err e, const char *why, const char **ret_why)
{
        *ret_why = why;
        return e;
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* After folding: LDH and '_', which names of services carry (RFC 8552). */
static bool is_allowed(char c)
{
        return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static bool is_a_label(const char *label, size_t len)
{
        return len >= 4 && memcmp(label, "xn--", 4) == 0;
}

static size_t label_length(const char *name, size_t len)
{
        const char *dot = memchr(name, '.', len);

        return dot == NULL ? len : (size_t)(dot - name);
}

/* 1.2.3.4, ::1, [::1]; anything else that only looks like one fails the rules for labels. */
static bool is_ip_literal(const char *name, size_t len)
{
        unsigned char address[sizeof(struct in6_addr)];
        char text[INET6_ADDRSTRLEN + 1];

        if (len > 2 && name[0] == '[' && name[len - 1] == ']') {
                name++;
                len -= 2;
        }
        if (len >= sizeof text || memchr(name, '\0', len) != NULL)
                return false;
        memcpy(text, name, len);
        text[len] = '\0';
        return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static const char *why_label_is_bad(const char *label, size_t len)
{
        if (len == 0)
                return why_label_empty;
        for (size_t i = 0; i < len; i++)
                if (!is_allowed(label[i]))
                        return label[i] == '*' ? why_star : why_character;
        if (len > LABEL_MAX)
                return why_label_long;
        if (label[0] == '-' || label[len - 1] == '-')
                return why_hyphen;
        /* '_' is no character of IDNA (RFC 5892), but libidn2 lets it pass without its STD3 rules */
        return is_a_label(label, len) && memchr(label, '_', len) != NULL ? why_idn : NULL;
}

static bool is_number(const char *label, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!is_digit(label[i]))
                        return false;
        return len > 0;
}

/* The rules for a folded name without its trailing dot and without "*.". */
static enum err check_ascii(const char *name, size_t len, bool wildcard, const char **ret_why)
{
        size_t labels = 0, label_len = 0;
        const char *at = name;

        if (len == 0)
                return fail(ERR_SYNTAX, why_empty, ret_why);
        for (;; at += label_len + 1, labels++) {
                const char *why;

                label_len = label_length(at, len - (size_t)(at - name));
                why = why_label_is_bad(at, label_len);
                if (why != NULL)
                        return fail(ERR_SYNTAX, why, ret_why);
                if (at + label_len == name + len)
                        break;
        }
        if (len > DOMAIN_MAX - (wildcard ? 2u : 0u))
                return fail(ERR_LIMIT, why_long, ret_why);
        if (is_number(at, label_len))
                return fail(ERR_SYNTAX, is_ip_literal(name, len) ? why_address : why_number, ret_why);
        if (labels == 0)
                return fail(ERR_SYNTAX, wildcard ? why_star_high : why_single, ret_why);
        return ERR_OK;
}

/* True for names that libidn2 would only fold: the 100,000 plain names of a SniConfig need no conversion. The
 * one difference is wanted: libidn2 refuses '--' as third and fourth character, but such hosts exist
 * ("pr--shop") and every client sends their names. */
static bool is_plain(const char *name, size_t len)
{
        for (size_t i = 0; i < len; i++) {
                bool begins = i == 0 || name[i - 1] == '.';

                if ((unsigned char)name[i] >= 0x80)
                        return false;
                if (begins && len - i >= 4 && lower(name[i]) == 'x' && lower(name[i + 1]) == 'n' &&
                    name[i + 2] == '-' && name[i + 3] == '-')
                        return false;
        }
        return true;
}

static enum err lookup(const char *name, char **ret, const char **ret_why)
{
        uint8_t *found = NULL;
        int rc = idn2_lookup_u8((const uint8_t *)name, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

        switch (rc) {
        case IDN2_OK:
                *ret = (char *)found;
                return ERR_OK;
        case IDN2_MALLOC:
                return fail(ERR_NOMEM, why_memory, ret_why);
        case IDN2_TOO_BIG_LABEL:
        case IDN2_PUNYCODE_BIG_OUTPUT: /* the same, of a U-label */
                return fail(ERR_SYNTAX, why_label_long, ret_why);
        case IDN2_TOO_BIG_DOMAIN:
                return fail(ERR_LIMIT, why_long, ret_why);
        default:
                return fail(ERR_SYNTAX, why_idn, ret_why);
        }
}

/* There and back again: an A-label is valid only when its U-label gives the same A-label (RFC 5891 §5.4),
 * which also refuses "xn--example-" and A-labels of characters that the mapping would have changed. */
static enum err check_round_trip(const char *ascii, const char **ret_why)
{
        CLEANUP(idnp) char *unicode = NULL;
        CLEANUP(idnp) char *again = NULL;
        int rc = idn2_to_unicode_8z8z(ascii, &unicode, IDN2_NONTRANSITIONAL);

        if (rc != IDN2_OK)
                return fail(rc == IDN2_MALLOC ? ERR_NOMEM : ERR_SYNTAX,
                            rc == IDN2_MALLOC ? why_memory : why_idn, ret_why);
        TRY(lookup(unicode, &again, ret_why));
        return strcmp(ascii, again) == 0 ? ERR_OK : fail(ERR_SYNTAX, why_idn, ret_why);
}

/* Writes the folded ASCII name without a trailing dot. */
static enum err convert(const char *name, size_t len, char ret[WRITTEN_MAX + 1], size_t *ret_len,
                        const char **ret_why)
{
        char written[WRITTEN_MAX + 1];
        CLEANUP(idnp) char *ascii = NULL;

        if (is_plain(name, len)) {
                for (size_t i = 0; i < len; i++)
                        ret[i] = lower(name[i]);
        } else {
                memcpy(written, name, len);
                written[len] = '\0';
                TRY(lookup(written, &ascii, ret_why));
                TRY(check_round_trip(ascii, ret_why));
                len = strlen(ascii);
                if (len > WRITTEN_MAX)
                        return fail(ERR_LIMIT, why_long, ret_why);
                memcpy(ret, ascii, len);
        }
        if (len > 0 && ret[len - 1] == '.')
                len--;
        ret[len] = '\0';
        *ret_len = len;
        return ERR_OK;
}

/* "*" and one of the four dots of UTS 46; 0 when the name is no wildcard. */
static size_t wildcard_prefix(const char *name, size_t len)
{
        static const char *const prefixes[] = {"*.", "*\u3002", "*\uff0e", "*\uff61"};

        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
                size_t n = strlen(prefixes[i]);

                if (len >= n && memcmp(name, prefixes[i], n) == 0)
                        return n;
        }
        return 0;
}

enum err domain_canonical(const char *name, size_t len, char ret[DOMAIN_SIZE], const char **ret_why)
{
        char ascii[WRITTEN_MAX + 1];
        size_t prefix, ascii_len;

        if (len == 0)
                return fail(ERR_SYNTAX, why_empty, ret_why);
        prefix = wildcard_prefix(name, len);
        if (len - prefix > WRITTEN_MAX)
                return fail(ERR_LIMIT, why_long, ret_why);
        if (memchr(name + prefix, '*', len - prefix) != NULL)
                return fail(ERR_SYNTAX, why_star, ret_why);
        if (memchr(name, '\0', len) != NULL)
                return fail(ERR_SYNTAX, why_character, ret_why);
        if (!text_is_utf8(name, len))
                return fail(ERR_SYNTAX, why_utf8, ret_why);
        if (prefix > 0 && prefix == len)
                return fail(ERR_SYNTAX, why_star_high, ret_why);
        if (is_ip_literal(name, len))
                return fail(ERR_SYNTAX, why_address, ret_why);
        TRY(convert(name + prefix, len - prefix, ascii, &ascii_len, ret_why));
        TRY(check_ascii(ascii, ascii_len, prefix > 0, ret_why));
        if (prefix > 0)
                memcpy(ret, "*.", 2);
        memcpy(ret + (prefix > 0 ? 2 : 0), ascii, ascii_len + 1);
        return ERR_OK;
}

enum err domain_to_ask(const char *domain, char ret[DOMAIN_SIZE], const char **ret_why)
{
        static const char below[] = "signet-verify"; /* in the place of the '*' */
        char canonical[DOMAIN_SIZE];
        size_t len;

        TRY(domain_canonical(domain, strlen(domain), canonical, ret_why));
        len = strlen(canonical);
        if (canonical[0] != '*') {
                memcpy(ret, canonical, len + 1);
                return ERR_OK;
        }
        if (len - 1 + strlen(below) > DOMAIN_MAX)
                return fail(ERR_LIMIT, "no name below it is short enough to ask for", ret_why);
        memcpy(ret, below, strlen(below));
        memcpy(ret + strlen(below), canonical + 1, len); /* with its NUL */
        return ERR_OK;
}

/* Empty and overlong labels are refused although no table has them: "..example.com" must not meet a wildcard.
 */
bool domain_from_sni(const unsigned char *name, size_t len, char ret[DOMAIN_SIZE], size_t *ret_len)
{
        size_t label = 0; /* where the current one begins */
        bool number = true;

        if (len > 0 && name[len - 1] == '.')
                len--;
        if (len == 0 || len > DOMAIN_MAX)
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = lower((char)name[i]);

                if (c == '.') {
                        if (i == label || i - label > LABEL_MAX)
                                return false;
                        label = i + 1;
                        number = true;
                } else if (is_allowed(c)) {
                        number = number && is_digit(c);
                } else {
                        return false;
                }
                ret[i] = c;
        }
        if (len == label || len - label > LABEL_MAX || number)
                return false;
        ret[len] = '\0';
        *ret_len = len;
        return true;
}
