/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/params_name.h"

#include "ctl/nearest.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128, INDEX_DIGITS_MAX = 4 };

/* Letters, digits, '.', '_' and '-': what parameter names of the product are made of (Tags.1.Key). */
static bool name_valid(const char *name, size_t len)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

        return len > 0 && len < NAME_SIZE && strspn(name, allowed) >= len;
}

static enum err unknown(const struct catalog_operation *op, const char *name, struct failure *f)
{
        struct nearest near = {.wanted = name};
        char hint[NEAREST_HINT_SIZE];

        for (size_t i = 0; i < op->parameter_count; i++)
                nearest_offer(&near, op->parameters[i].name);
        nearest_hint(&near, "--", hint);
        return failure_set(f, EXIT_USAGE, "%s has no parameter --%s%s (see signetctl %s %s --help)", op->name,
                           name, hint, product_name(op->product), op->name);
}

static enum err unknown_member(const struct catalog_parameter *p, const char *name, const char *member,
                               struct failure *f)
{
        struct nearest near = {.wanted = member};
        char hint[NEAREST_HINT_SIZE];
        const char *key;
        json_t *schema;

        json_object_foreach(p->members, key, schema)
        {
                nearest_offer(&near, key);
        }
        nearest_hint(&near, "", hint);
        return failure_set(f, EXIT_USAGE, "--%s: the items of %s have no %s%s", name, p->name, member, hint);
}

static bool index_valid(const char *digits, size_t len)
{
        return len > 0 && len <= INDEX_DIGITS_MAX && digits[0] != '0' && strspn(digits, "0123456789") >= len;
}

static const char *some_member(const struct catalog_parameter *p)
{
        const char *key = json_object_iter_key(json_object_iter(p->members));

        return key != NULL ? key : "";
}

/* `rest` is what follows the name of the list: ".1" or ".1.Member". */
static enum err read_item(const char *rest, const char *name, struct params_name *ret, struct failure *f)
{
        const struct catalog_parameter *p = ret->parameter;
        size_t digits = rest[0] == '.' ? strcspn(rest + 1, ".") : 0;
        const char *behind = rest[0] == '.' ? rest + 1 + digits : rest;

        if (!index_valid(rest + 1, digits) || (*behind == '.') != (p->members != NULL))
                return failure_set(f, EXIT_USAGE, "--%s: %s is a list, give --%s.1%s%s", name, p->name,
                                   p->name, p->members != NULL ? "." : "", some_member(p));
        if (p->members == NULL)
                return ERR_OK;
        ret->member = json_object_iter_key(json_object_iter_at(p->members, behind + 1));
        return ret->member != NULL ? ERR_OK : unknown_member(p, name, behind + 1, f);
}

enum err params_name_read(const struct catalog_operation *op, const char *text, size_t len,
                          struct params_name *ret, struct failure *f)
{
        struct params_name found = {.text = text, .len = len};
        char name[NAME_SIZE];
        size_t first;

        if (!name_valid(text, len))
                return failure_set(f, EXIT_USAGE, "--%.*s is no parameter name", len < 100 ? (int)len : 100,
                                   text);
        memcpy(name, text, len);
        name[len] = '\0';
        first = strcspn(name, ".");
        found.parameter = catalog_parameter_find(op, name, first);
        if (found.parameter == NULL || (!found.parameter->list && first < len))
                return unknown(op, name, f);
        if (found.parameter->list)
                TRY(read_item(name + first, name, &found, f));
        *ret = found;
        return ERR_OK;
}
