/* SPDX-License-Identifier: Apache-2.0 */
/* sni_config: the SniConfig parameter, `<domain>#<certificate-ID>#<password>;…`. Pure; time is linear in the
 * text.
 *
 * Entries end at ';'. Within one, the first '#' ends the domain and the second the certificate ID; all that
 * follows is the password. A password may therefore hold '#' but never ';': the format has no escape. Space,
 * tab, CR and LF around an entry, a domain and a certificate ID are ignored (so a password can begin with a
 * space but not end with one), and so is one ';' behind the last entry. An empty password is no password. An
 * ID is `<digits>-cn-hangzhou` or `<digits>`. */
#ifndef SIGNET_API_SNI_CONFIG_H
#define SIGNET_API_SNI_CONFIG_H

#include "api/fault.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SNI_WRONG_SHOWN = 20,
        SNI_WRONG_DOMAIN_CHARS = 64,
        SNI_WRONG_DOMAIN_SIZE = 4 * SNI_WRONG_DOMAIN_CHARS + 4,
        CERTIFICATE_ID_DIGITS_MAX = 18
};

/* What is wrong, entry by entry: the first SNI_WRONG_SHOWN as text (fewer when they do not fit), all of them
 * counted. Never holds a password. Starts as {0}. */
struct sni_wrong {
        size_t count, shown;
        size_t len;
        char text[FAULT_MESSAGE_MAX - 512]; /* leaves room for a sentence before it and the count behind */
};
/* "entry <number> (<domain>): <format …>". The domain as sni_domain_shown() has it; NULL leaves it out. */
void sni_wrong_add(struct sni_wrong *w, size_t number, const char *domain, size_t domain_len,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
#define SNI_TOO_MANY "more than 200000 entries are not allowed"
/* Fills FAULT_SNI_CONFIG; always ERR_REFUSED. */
MUST_CHECK enum err sni_wrong_fault(const struct sni_wrong *w, struct fault *ret);

/* A domain as somebody wrote it, for a message: cut to SNI_WRONG_DOMAIN_CHARS characters, with '?' for what
 * does not print. */
void sni_domain_shown(const char *domain, size_t len, char ret[SNI_WRONG_DOMAIN_SIZE]);

struct sni_entry {
        const char *domain;     /* canonical (common/domain.h); "" where `why` is about it */
        int64_t certificate_id; /* 0 where `why` is about it */
        const char *password;   /* NULL: none */
        const char *why;        /* what is wrong with it, a static text; NULL: it is well formed */
        size_t twin;            /* the number of an earlier entry with the same domain; 0: none */
        const char *given; /* the domain as it came, where `domain` is ""; NULL when it must not be shown */
        size_t given_len;
};
struct sni_config {
        struct sni_entry *entries; /* entry number n is entries[n - 1] */
        size_t count;
        struct buf domains; /* what entries[].domain points into */
        char *text;         /* what entries[].password and .given point into */
        size_t text_len;
};

/* ERR_SYNTAX when at least one entry is wrong: *ret_wrong says which and why. ERR_NOMEM. Blank text is no
 * entry. */
MUST_CHECK enum err sni_config_parse(const char *text, size_t len, struct sni_config *ret,
                                     struct sni_wrong *ret_wrong);
/* The same for who wants to see wrong entries too: ERR_OK also when ret_wrong->count > 0. There are no
 * entries when there are too many. */
MUST_CHECK enum err sni_config_read(const char *text, size_t len, struct sni_config *ret,
                                    struct sni_wrong *ret_wrong);
void sni_config_done(struct sni_config *c); /* wipes the passwords */
static inline void cleanup_sni_config(struct sni_config *c)
{
        sni_config_done(c);
}

/* A certificate ID as SniConfig and DefaultCertificate have it. False when not well formed. */
bool certificate_id_read(const char *text, size_t len, int64_t *ret);

#endif
