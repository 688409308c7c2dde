/* SPDX-License-Identifier: Apache-2.0 */
/* A variable that is set but empty: an empty text (so that a listener can be turned off), the default of a
 * number or a bool (so that `X=${X:-}` in a compose file does no harm). Reasons never quote a value: it may
 * be a secret. */
#include "common/conf.h"

#include "common/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 4096, WHY_SIZE = 256, PASSWD_BYTES = 16384 };

static const struct {
        const char *word;
        bool value;
} bool_words[] = {
        {"1", true},  {"true", true},   {"yes", true}, {"on", true},
        {"0", false}, {"false", false}, {"no", false}, {"off", false},
};

/* Digits with an optional sign and nothing else. */
static bool read_number(const char *text, int64_t *ret)
{
        const char *digits = text + (*text == '-' || *text == '+');
        long long value;
        char *end;

        if (*digits < '0' || *digits > '9')
                return false;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno != 0 || *end != '\0')
                return false;
        *ret = value;
        return true;
}

static enum err read_int(const struct setting *s, const char *text, int64_t *ret, char why[WHY_SIZE])
{
        int64_t value = 0;

        if (*text != '\0' && (!read_number(text, &value) || value < s->min || value > s->max)) {
                snprintf(why, WHY_SIZE, "%s must be a whole number from %" PRId64 " to %" PRId64, s->name,
                         s->min, s->max);
                return ERR_SYNTAX;
        }
        *ret = value;
        return ERR_OK;
}

static enum err read_bool(const struct setting *s, const char *text, bool *ret, char why[WHY_SIZE])
{
        if (*text == '\0') {
                *ret = false;
                return ERR_OK;
        }
        for (size_t i = 0; i < sizeof bool_words / sizeof bool_words[0]; i++)
                if (text_same(text, bool_words[i].word)) {
                        *ret = bool_words[i].value;
                        return ERR_OK;
                }
        snprintf(why, WHY_SIZE, "%s must be one of 1, 0, true, false, yes, no, on, off", s->name);
        return ERR_SYNTAX;
}

static enum err read_text(const struct setting *s, const char *text, char **ret, char why[WHY_SIZE])
{
        char *copy;

        if (strnlen(text, TEXT_MAX_BYTES + 1) > TEXT_MAX_BYTES) {
                snprintf(why, WHY_SIZE, "%s must not be longer than %d bytes", s->name, TEXT_MAX_BYTES);
                return ERR_SYNTAX;
        }
        copy = strdup(text);
        if (copy == NULL) {
                snprintf(why, WHY_SIZE, "%s: out of memory", s->name);
                return ERR_NOMEM;
        }
        *ret = copy;
        return ERR_OK;
}

static enum err read_one(const struct setting *s, void *settings, char why[WHY_SIZE])
{
        void *field = (char *)settings + s->offset;
        const char *text = getenv(s->name);

        if (text == NULL || (*text == '\0' && s->type != SETTING_TEXT))
                text = s->default_value == NULL ? "" : s->default_value;
        switch (s->type) {
        case SETTING_INT:
                return read_int(s, text, field, why);
        case SETTING_BOOL:
                return read_bool(s, text, field, why);
        case SETTING_TEXT:
                return read_text(s, text, field, why);
        }
        return ERR_INTERNAL;
}

static char **text_field(const struct setting *s, void *settings)
{
        void *field = (char *)settings + s->offset;

        return field;
}

enum err conf_read(const struct setting *table, size_t count, void *settings, char why[256])
{
        for (size_t i = 0; i < count; i++)
                if (table[i].type == SETTING_TEXT)
                        *text_field(&table[i], settings) = NULL;
        for (size_t i = 0; i < count; i++) {
                enum err e = read_one(&table[i], settings, why);

                if (e != ERR_OK) {
                        conf_done(table, count, settings);
                        return e;
                }
        }
        return ERR_OK;
}

void conf_done(const struct setting *table, size_t count, void *settings)
{
        for (size_t i = 0; i < count; i++) {
                char **field;

                if (table[i].type != SETTING_TEXT)
                        continue;
                field = text_field(&table[i], settings);
                if (*field != NULL)
                        explicit_bzero(*field, strlen(*field)); /* a URL may hold a password */
                free(*field);
                *field = NULL;
        }
}

static const char *default_shown(const struct setting *s)
{
        return s->default_value == NULL || s->default_value[0] == '\0' ? "-" : s->default_value;
}

static int range_shown(const struct setting *s, char *ret, size_t size)
{
        if (s->type == SETTING_INT)
                return snprintf(ret, size, "%" PRId64 "..%" PRId64, s->min, s->max);
        return snprintf(ret, size, "%s", s->type == SETTING_BOOL ? "yes/no" : "text");
}

static int wider(int width, int other)
{
        return other > width ? other : width;
}

void conf_help(const struct setting *table, size_t count, FILE *out)
{
        int name = sizeof "VARIABLE" - 1, standard = sizeof "DEFAULT" - 1, range = sizeof "RANGE" - 1;
        char text[48];

        for (size_t i = 0; i < count; i++) {
                name = wider(name, (int)strlen(table[i].name));
                standard = wider(standard, (int)strlen(default_shown(&table[i])));
                range = wider(range, range_shown(&table[i], text, sizeof text));
        }
        fprintf(out, "  %-*s  %-*s  %-*s  %s\n", name, "VARIABLE", standard, "DEFAULT", range, "RANGE",
                "MEANING");
        for (size_t i = 0; i < count; i++) {
                range_shown(&table[i], text, sizeof text);
                fprintf(out, "  %-*s  %-*s  %-*s  %s\n", name, table[i].name, standard,
                        default_shown(&table[i]), range, text, table[i].help);
        }
}

/* Literals only, so that no name server is asked before a listener opens; "localhost" is 127.0.0.1. */
enum err conf_address(const char *text, struct conf_address *ret)
{
        unsigned char address[sizeof(struct in6_addr)];
        struct conf_address found = {.port = 0};
        const char *colon = strrchr(text, ':');
        bool v6 = text[0] == '[';
        size_t len;

        if (colon == NULL || (v6 && (colon - text < 3 || colon[-1] != ']')))
                return ERR_SYNTAX;
        len = (size_t)(colon - text) - (v6 ? 2 : 0);
        if (len == 0 || len >= sizeof found.host)
                return ERR_SYNTAX;
        memcpy(found.host, text + (v6 ? 1 : 0), len);
        if (!v6 && text_same(found.host, "localhost"))
                memcpy(found.host, "127.0.0.1", sizeof "127.0.0.1");
        if (inet_pton(v6 ? AF_INET6 : AF_INET, found.host, address) != 1)
                return ERR_SYNTAX;
        if (strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
            strspn(colon + 1, "0123456789") != strlen(colon + 1))
                return ERR_SYNTAX;
        found.port = (int)strtol(colon + 1, NULL, 10);
        if (found.port > 65535)
                return ERR_SYNTAX;
        *ret = found;
        return ERR_OK;
}

void conf_address_text(const char *host, int port, char ret[CONF_ADDRESS_SIZE])
{
        (void)snprintf(ret, CONF_ADDRESS_SIZE, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

const char *conf_reachable(const char *host)
{
        if (strcmp(host, "0.0.0.0") == 0)
                return "127.0.0.1";
        return strcmp(host, "::") == 0 ? "::1" : host;
}

struct account { /* strings live in `strings` */
        struct passwd entry;
        char strings[PASSWD_BYTES];
};

/* A name first, then a number, as chown(1) does. */
static enum err account_find(const char *user, struct account *ret)
{
        struct passwd *found = NULL;
        int64_t number;
        int rc = getpwnam_r(user, &ret->entry, ret->strings, sizeof ret->strings, &found);

        if (found == NULL && read_number(user, &number) && number >= 0 && number < UINT32_MAX)
                rc = getpwuid_r((uid_t)number, &ret->entry, ret->strings, sizeof ret->strings, &found);
        if (found != NULL)
                return ERR_OK;
        return rc == ERANGE ? ERR_LIMIT : ERR_NOT_FOUND;
}

static bool is_only(uid_t uid, gid_t gid)
{
        uid_t user[3];
        gid_t group[3];

        if (getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0)
                return false;
        for (int i = 0; i < 3; i++)
                if (user[i] != uid || group[i] != gid)
                        return false;
        return true;
}

/* Groups first: without root there is no right to change them. The way back is tried, and must be closed. */
static enum err become(const struct passwd *entry)
{
        if (initgroups(entry->pw_name, entry->pw_gid) != 0 ||
            setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
            setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
                return ERR_REFUSED;
        if (!is_only(entry->pw_uid, entry->pw_gid) || setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ||
            (entry->pw_gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0))
                return ERR_INTERNAL;
        return ERR_OK;
}

enum err conf_drop_privileges(const char *user)
{
        struct account account;
        int64_t number;

        if (user[0] == '\0' || (read_number(user, &number) && number == (int64_t)geteuid()))
                return ERR_OK; /* also a number without an account, as containers use them */
        TRY(account_find(user, &account));
        if (account.entry.pw_uid == geteuid())
                return ERR_OK;
        return geteuid() == 0 ? become(&account.entry) : ERR_REFUSED;
}
