/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/config_file.h"

#include "ctl/field.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the file. `entries`: an object whose members are entries, one a line; `long_member` of such
 * an entry has a line of its own. */
static const struct {
        const char *name;
        bool entries;
        const char *long_member;
} members[] = {
        {"SignetConfiguration", false, NULL},  {"MqttInstanceId", false, NULL},
        {"InstanceName", false, NULL},         {"Edition", false, NULL},
        {"AuthenticationMode", false, NULL},   {"LoginRequired", false, NULL},
        {"DefaultCertificate", false, NULL},   {"Domains", true, NULL},
        {"CaCertificates", true, "CaContent"}, {"ServerCertificates", true, "Cert"},
};
enum { MEMBERS = sizeof members / sizeof members[0] };

static enum err add_value(const json_t *value, struct buf *ret)
{
        CLEANUP(freep) char *text = json_dumps(value, JSON_ENCODE_ANY);

        return text != NULL ? buf_add_text(ret, text) : ERR_NOMEM;
}

static enum err add_key(const char *key, struct buf *ret)
{
        CLEANUP(jsonp) json_t *text = json_string(key);

        TRY(add_value(text, ret));
        return buf_add(ret, ": ", 2);
}

/* The entry without its long member, then that on the next line. */
static enum err add_entry(const char *key, const json_t *entry, const char *long_member, struct buf *ret)
{
        CLEANUP(jsonp) json_t *rest = json_copy((json_t *)entry);
        const json_t *long_value = long_member != NULL ? json_object_get(entry, long_member) : NULL;

        if (rest == NULL)
                return ERR_NOMEM;
        TRY(buf_add_text(ret, "    "));
        TRY(add_key(key, ret));
        if (long_value == NULL)
                return add_value(rest, ret);
        (void)json_object_del(rest, long_member);
        TRY(add_value(rest, ret));
        ret->len--; /* the brace at its end */
        TRY(buf_add_text(ret, json_object_size(rest) > 0 ? ",\n      " : "\n      "));
        TRY(add_key(long_member, ret));
        TRY(add_value(long_value, ret));
        return buf_add(ret, "}", 1);
}

static int by_bytes(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err add_entries(const json_t *entries, const char *long_member, struct buf *ret)
{
        size_t count = json_object_size(entries), i = 0;
        const char **keys = calloc(count + 1, sizeof *keys), *key;
        enum err e = keys != NULL ? buf_add_text(ret, count > 0 ? "{\n" : "{") : ERR_NOMEM;
        json_t *entry;

        if (keys == NULL)
                return e;
        json_object_foreach((json_t *)entries, key, entry)
        {
                keys[i++] = key;
        }
        qsort(keys, count, sizeof *keys, by_bytes);
        for (i = 0; e == ERR_OK && i < count; i++) {
                e = add_entry(keys[i], json_object_get(entries, keys[i]), long_member, ret);
                if (e == ERR_OK)
                        e = buf_add_text(ret, i + 1 < count ? ",\n" : "\n  ");
        }
        free(keys);
        return e == ERR_OK ? buf_add(ret, "}", 1) : e;
}

enum err config_write(const json_t *config, struct buf *ret)
{
        const char *before = "{\n  ";

        for (size_t i = 0; i < MEMBERS; i++) {
                const json_t *value = json_object_get(config, members[i].name);

                if (value == NULL)
                        continue;
                TRY(buf_add_text(ret, before));
                before = ",\n  ";
                TRY(add_key(members[i].name, ret));
                TRY(members[i].entries ? add_entries(value, members[i].long_member, ret)
                                       : add_value(value, ret));
        }
        return buf_add_text(ret, "\n}\n");
}
