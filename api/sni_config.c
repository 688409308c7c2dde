/* SPDX-License-Identifier: Apache-2.0 */
/* Works on a copy of the text that is wiped with the passwords in it. What is wrong is collected, so that an
 * operator with a hundred domains corrects them in one go. A password that holds a ';' (it cannot) falls
 * apart into entries that are wrong, and their text is a piece of a secret: behind an entry with a password,
 * a wrong entry is named by its number only. */
#include "api/sni_config.h"

#include "common/crypt.h"
#include "common/domain.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        DOMAIN_TEXT_MAX = 4 * DOMAIN_SIZE, /* no name is longer as UTF-8 */
        WRONG_ONE_MAX = 512,
        DOMAINS_MAX = SNI_ENTRIES_MAX * DOMAIN_SIZE
};
#define NO_DOMAIN SIZE_MAX
_Static_assert(SNI_PASSWORD_MAX == 1024 && SNI_ENTRIES_MAX == 200000, "texts name these limits");

struct field {
        char *at;
        size_t len;
};

struct parser {
        struct sni_config *config;
        struct sni_wrong *wrong;
        size_t *offsets;  /* of entries[i].domain in config->domains, which moves while it grows */
        uint32_t *places; /* open addressing: entry number, 0 is free */
        size_t places_mask;
        uint64_t seed;
        bool maybe_secret; /* the text at hand may be the rest of a password that held ';' */
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct field trimmed(char *at, char *end)
{
        while (at < end && is_blank(*at))
                at++;
        while (at < end && is_blank(end[-1]))
                end--;
        return (struct field){at, (size_t)(end - at)};
}

/* The length of the printable character at `at`; 0 for a byte that begins none. C1 controls and the
 * characters that reorder or break lines do not count as printable. */
static size_t printable_len(const unsigned char *at, size_t left)
{
        size_t len = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;

        if (at[0] < 0x20 || at[0] == 0x7F || len > left || !text_is_utf8(at, len))
                return 0;
        if (len == 2 && at[0] == 0xC2 && at[1] < 0xA0)
                return 0;
        if (len == 3 && at[0] == 0xE2 && (at[1] == 0x80 || at[1] == 0x81))
                return 0; /* U+2000 … U+207F: every control of direction and the line separators are in there
                           */
        return len;
}

void sni_domain_shown(const char *domain, size_t len, char ret[SNI_WRONG_DOMAIN_SIZE])
{
        const unsigned char *at = (const unsigned char *)domain;
        size_t out = 0, i = 0;

        for (int chars = 0; i < len && chars < SNI_WRONG_DOMAIN_CHARS; chars++) {
                size_t step = printable_len(at + i, len - i);

                if (step == 0)
                        ret[out++] = '?';
                else
                        memcpy(ret + out, at + i, step);
                out += step;
                i += step == 0 ? 1 : step;
        }
        memcpy(ret + out, i < len ? "..." : "", i < len ? 4 : 1);
}

void sni_wrong_add(struct sni_wrong *w, size_t number, const char *domain, size_t domain_len,
                   const char *format, ...)
{
        char shown[SNI_WRONG_DOMAIN_SIZE] = "", reason[WRONG_ONE_MAX / 2], line[WRONG_ONE_MAX * 2];
        va_list args;
        int len;

        w->count++;
        if (w->shown + 1 != w->count || w->shown == SNI_WRONG_SHOWN)
                return;
        va_start(args, format);
        (void)vsnprintf(reason, sizeof reason, format, args);
        va_end(args);
        if (domain != NULL)
                sni_domain_shown(domain, domain_len, shown);
        len = snprintf(line, sizeof line, "%sentry %zu%s%s%s: %s", w->shown > 0 ? "; " : "", number,
                       domain != NULL ? " (" : "", shown, domain != NULL ? ")" : "", reason);
        if (len < 0 || w->len + (size_t)len >= sizeof w->text)
                return;
        memcpy(w->text + w->len, line, (size_t)len + 1);
        w->len += (size_t)len;
        w->shown++;
}

enum err sni_wrong_fault(const struct sni_wrong *w, struct fault *ret)
{
        if (w->count > w->shown)
                return fault_set(ret, FAULT_SNI_CONFIG,
                                 "Specified parameter SniConfig is not valid: %s; and %zu more.", w->text,
                                 w->count - w->shown);
        return fault_set(ret, FAULT_SNI_CONFIG, "Specified parameter SniConfig is not valid: %s.", w->text);
}

bool certificate_id_read(const char *text, size_t len, int64_t *ret)
{
        static const char suffix[] = "-" CERTIFICATE_REGION;
        size_t suffix_len = sizeof suffix - 1;
        int64_t id = 0;

        if (len > suffix_len && memcmp(text + len - suffix_len, suffix, suffix_len) == 0)
                len -= suffix_len;
        if (len == 0 || len > CERTIFICATE_ID_DIGITS_MAX || text[0] == '0')
                return false;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                id = id * 10 + (text[i] - '0');
        }
        *ret = id;
        return true;
}

/* Keyed, so that nobody can choose domains that collide. */
static uint64_t domain_hash(const char *domain, size_t len, uint64_t seed)
{
        uint64_t h = seed ^ len, word;

        for (size_t i = 0; i < len; i += sizeof word) {
                word = 0;
                memcpy(&word, domain + i, len - i < sizeof word ? len - i : sizeof word);
                unsigned __int128 m = (unsigned __int128)(h ^ word) * 0x9E3779B97F4A7C15u;
                h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ (seed << 1);
        }
        return h;
}

/* The number of the entry that has this domain already; else 0, and `number` is remembered for it. */
static size_t domain_place(struct parser *p, const char *domain, size_t number)
{
        size_t at = (size_t)domain_hash(domain, strlen(domain), p->seed) & p->places_mask;

        for (; p->places[at] != 0; at = (at + 1) & p->places_mask) {
                const char *there = buf_text(&p->config->domains) + p->offsets[p->places[at] - 1];

                if (strcmp(there, domain) == 0)
                        return p->places[at];
        }
        p->places[at] = (uint32_t)number;
        return 0;
}

struct reading { /* of one entry */
        struct field domain, id;
        char *password; /* NULL: none */
        size_t password_len;
        char canonical[DOMAIN_SIZE];
};

/* NULL when the entry is cut into its fields, else what is missing. */
static const char *cut_fields(struct field entry, struct reading *ret)
{
        char *end = entry.at + entry.len;
        char *first = entry.len > 0 ? memchr(entry.at, '#', entry.len) : NULL;
        char *second;

        if (entry.len == 0)
                return "it is empty";
        if (first == NULL) {
                ret->domain = entry;
                return "the '#' behind the domain is missing (a password cannot hold ';')";
        }
        second = memchr(first + 1, '#', (size_t)(end - first - 1));
        ret->domain = trimmed(entry.at, first);
        ret->id = trimmed(first + 1, second != NULL ? second : end);
        if (second != NULL && second + 1 < end) {
                ret->password = second + 1;
                ret->password_len = (size_t)(end - ret->password);
                *end = '\0'; /* the ';', a blank, or the end of the copy */
        }
        return NULL;
}

/* An entry that ends as no rest of a password does. */
static bool is_surely_entry(const struct reading *r)
{
        static const char suffix[] = "-" CERTIFICATE_REGION;
        size_t len = sizeof suffix - 1;

        return r->id.len > len && memcmp(r->id.at + r->id.len - len, suffix, len) == 0;
}

static const char *check_domain(struct reading *r)
{
        const char *why = "is longer than allowed";

        if (r->domain.len == 0)
                return "the domain is empty";
        if (r->domain.len > DOMAIN_TEXT_MAX)
                return "the domain is longer than 253 octets";
        if (domain_canonical(r->domain.at, r->domain.len, r->canonical, &why) != ERR_OK)
                return why;
        return NULL;
}

static const char *check_entry(struct field entry, struct reading *r, int64_t *ret_id)
{
        const char *why = cut_fields(entry, r);

        if (why == NULL)
                why = check_domain(r);
        if (why == NULL && !certificate_id_read(r->id.at, r->id.len, ret_id))
                why = "the certificate ID is not well formed (<digits>-" CERTIFICATE_REGION ")";
        return why;
}

/* Nothing that may be the rest of a password is named. */
static void entry_refuse(struct parser *p, size_t number, const struct reading *r, const char *why)
{
        struct sni_entry *entry = &p->config->entries[number - 1];
        bool named = r->domain.len > 0 && (!p->maybe_secret || is_surely_entry(r));

        entry->why = why;
        entry->given = named ? r->domain.at : NULL;
        entry->given_len = named ? r->domain.len : 0;
        sni_wrong_add(p->wrong, number, entry->given, entry->given_len, "%s", why);
}

static enum err parse_entry(struct parser *p, size_t number, struct field text)
{
        static const char too_long[] = "the password is longer than 1024 octets";
        struct reading r = {0};
        struct sni_entry *entry = &p->config->entries[number - 1];
        const char *why = check_entry(text, &r, &entry->certificate_id);

        p->offsets[number - 1] = NO_DOMAIN;
        if (why != NULL) {
                entry_refuse(p, number, &r, why);
                p->maybe_secret |= r.password != NULL;
                return ERR_OK;
        }
        p->maybe_secret = r.password != NULL;
        p->offsets[number - 1] = p->config->domains.len;
        entry->twin = domain_place(p, r.canonical, number);
        TRY(buf_add(&p->config->domains, r.canonical, strlen(r.canonical) + 1));
        if (entry->twin != 0)
                sni_wrong_add(p->wrong, number, r.canonical, strlen(r.canonical),
                              "entry %zu has the same domain", entry->twin);
        if (r.password_len > SNI_PASSWORD_MAX) {
                entry->why = too_long;
                sni_wrong_add(p->wrong, number, r.canonical, strlen(r.canonical), "%s", too_long);
        }
        entry->password = r.password;
        return ERR_OK;
}

static size_t count_entries(const char *at, const char *end)
{
        size_t count = 1;

        while (count <= SNI_ENTRIES_MAX && (at = memchr(at, ';', (size_t)(end - at))) != NULL) {
                count++;
                at++;
        }
        return count;
}

static enum err parser_init(struct parser *p, struct sni_config *config, struct sni_wrong *wrong)
{
        size_t places = 16;

        while (places < 2 * config->count)
                places *= 2;
        config->entries = calloc(config->count, sizeof *config->entries);
        *p = (struct parser){.config = config, .wrong = wrong, .places_mask = places - 1};
        p->offsets = calloc(config->count, sizeof *p->offsets);
        p->places = calloc(places, sizeof *p->places);
        crypt_random(&p->seed, sizeof p->seed);
        return config->entries != NULL && p->offsets != NULL && p->places != NULL ? ERR_OK : ERR_NOMEM;
}

static void cleanup_parser(struct parser *p)
{
        free(p->offsets);
        free(p->places);
}

static enum err parse_entries(struct field all, struct sni_config *config, struct sni_wrong *wrong)
{
        CLEANUP(parser) struct parser p = {0};
        char *at = all.at, *end = all.at + all.len;

        TRY(parser_init(&p, config, wrong));
        for (size_t number = 1; number <= config->count; number++) {
                char *stop = number < config->count ? memchr(at, ';', (size_t)(end - at)) : end;

                TRY(parse_entry(&p, number, trimmed(at, stop)));
                at = stop + 1;
        }
        for (size_t i = 0; i < config->count; i++)
                config->entries[i].domain =
                        p.offsets[i] != NO_DOMAIN ? buf_text(&config->domains) + p.offsets[i] : "";
        return ERR_OK;
}

enum err sni_config_read(const char *text, size_t len, struct sni_config *ret, struct sni_wrong *ret_wrong)
{
        CLEANUP(sni_config) struct sni_config c = {.domains = BUF_UP_TO(DOMAINS_MAX), .text_len = len + 1};
        struct field all;

        *ret_wrong = (struct sni_wrong){0};
        c.text = malloc(len + 1);
        if (c.text == NULL)
                return ERR_NOMEM;
        memcpy(c.text, text, len);
        c.text[len] = '\0';
        all = trimmed(c.text, c.text + len);
        if (all.len > 0) {
                all.len -= all.at[all.len - 1] == ';';
                c.count = count_entries(all.at, all.at + all.len);
                if (c.count > SNI_ENTRIES_MAX) {
                        sni_wrong_add(ret_wrong, SNI_ENTRIES_MAX + 1, NULL, 0, SNI_TOO_MANY);
                        c.count = 0;
                } else {
                        TRY(parse_entries(all, &c, ret_wrong));
                }
        }
        *ret = c;
        c = (struct sni_config){0};
        return ERR_OK;
}

enum err sni_config_parse(const char *text, size_t len, struct sni_config *ret, struct sni_wrong *ret_wrong)
{
        CLEANUP(sni_config) struct sni_config c = {0};

        TRY(sni_config_read(text, len, &c, ret_wrong));
        if (ret_wrong->count > 0)
                return ERR_SYNTAX;
        *ret = c;
        c = (struct sni_config){0};
        return ERR_OK;
}

void sni_config_done(struct sni_config *c)
{
        if (c->text != NULL)
                crypt_wipe(c->text, c->text_len);
        free(c->text);
        free(c->entries);
        buf_done(&c->domains);
        *c = (struct sni_config){0};
}
