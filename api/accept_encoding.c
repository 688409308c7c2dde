/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept_encoding.h"
#include "common/text.h"

#include <string.h>
#include <strings.h>

enum { WEIGHT_FULL = 1000, NOT_SAID = -1 };

static const char blanks[] = " \t";

/* "0", "0.5", "0.123", "1", "1.000" (12.4.2); NOT_SAID for anything else. */
static int weight_read(const char *text, size_t len)
{
        int weight = 0, digit = 100;

        if (len == 0 || len > 5 || (text[0] != '0' && text[0] != '1') || (len > 1 && text[1] != '.'))
                return NOT_SAID;
        for (size_t i = 2; i < len; i++, digit /= 10) {
                if (text[i] < '0' || text[i] > '9')
                        return NOT_SAID;
                weight += (text[i] - '0') * digit;
        }
        if (text[0] == '0')
                return weight;
        return weight == 0 ? WEIGHT_FULL : NOT_SAID;
}

/* What stands behind the coding's name: nothing, or ";q=<weight>". */
static int weight_of(const char *text, size_t len)
{
        size_t skip;

        if (len == 0)
                return WEIGHT_FULL;
        if (*text != ';')
                return NOT_SAID;
        skip = 1 + strspn(text + 1, blanks);
        if (len < skip + 2 || strncasecmp(text + skip, "q=", 2) != 0)
                return NOT_SAID;
        return weight_read(text + skip + 2, len - skip - 2);
}

static void take(struct accepted *a, int *rest, const char *name, size_t len, int weight)
{
        static const struct {
                const char *name;
                enum coding coding;
        } names[] = {{"identity", CODING_IDENTITY},
                     {"gzip", CODING_GZIP},
                     {"x-gzip", CODING_GZIP},
                     {"br", CODING_BR}};

        if (len == 1 && *name == '*')
                *rest = weight;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strlen(names[i].name) == len && strncasecmp(name, names[i].name, len) == 0)
                        a->weight[names[i].coding] = weight;
}

struct accepted accept_encoding_read(const char *header)
{
        struct accepted a = {{NOT_SAID, NOT_SAID, NOT_SAID}};
        int rest = NOT_SAID;

        for (const char *at = header == NULL ? "" : header; *at != '\0';) {
                at += strspn(at, " \t,");
                size_t len = strcspn(at, ","), name = strcspn(at, " \t;,");
                size_t gap = name + strspn(at + name, blanks), end = text_trimmed(at, len);
                int weight = weight_of(at + gap, end > gap ? end - gap : 0);

                if (name > 0 && weight != NOT_SAID)
                        take(&a, &rest, at, name, weight);
                at += len;
        }
        for (int i = 0; i < CODINGS; i++)
                if (a.weight[i] == NOT_SAID)
                        a.weight[i] = rest != NOT_SAID ? rest : i == CODING_IDENTITY ? 1 : 0;
        return a;
}

enum coding accept_encoding_choose(const struct accepted *a, const bool there[CODINGS])
{
        enum coding best = CODING_IDENTITY;

        for (int i = CODING_GZIP; i < CODINGS; i++)
                if (there[i] && a->weight[i] > 0 && a->weight[i] >= a->weight[best])
                        best = (enum coding)i;
        return best;
}

bool if_none_match_has(const char *header, const char *etag)
{
        size_t len = strlen(etag);

        for (const char *at = header; *at != '\0';) {
                at += strspn(at, " \t,");
                if (strncmp(at, "W/", 2) == 0)
                        at += 2; /* compared weakly (8.8.3.2) */
                size_t item = *at == '"' ? strcspn(at + 1, "\"") + 1 : strcspn(at, ",");

                if (*at == '"' && at[item] == '"')
                        item++;
                bool whole = at[item] == '\0' || strchr(" \t,", at[item]) != NULL;

                if ((whole && item == len && memcmp(at, etag, len) == 0) ||
                    (text_trimmed(at, item) == 1 && *at == '*'))
                        return true;
                at += item;
        }
        return false;
}
