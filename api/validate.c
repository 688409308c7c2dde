/* SPDX-License-Identifier: Apache-2.0 */
#include "api/validate.h"
#include "common/buf.h"
#include "common/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report {
        char first[PARAM_NAME_MAX + 1]; /* "" while all is right */
        bool missing;                   /* about the first */
        struct buf *text;               /* sentences; what does not fit is left out */
};

/* `field` is of the document and decides, with `missing`, the Code; `name` is what the caller wrote, an item
 * of a list perhaps. `what` NULL: it is not there. */
static void report_add(struct report *r, const char *field, const char *name, bool missing, const char *what)
{
        CLEANUP(buf) struct buf sentence = BUF_UP_TO(FAULT_MESSAGE_MAX);
        enum err e;

        if (r->first[0] == '\0') {
                (void)snprintf(r->first, sizeof r->first, "%s", field);
                r->missing = missing;
        }
        if (what == NULL)
                e = buf_addf(&sentence, "%s%s is mandatory for this action.", r->text->len > 0 ? " " : "",
                             name);
        else
                e = buf_addf(&sentence, "%sSpecified parameter %s is not valid: %s.",
                             r->text->len > 0 ? " " : "", name, what);
        if (e == ERR_OK)
                e = buf_add(r->text, sentence.data, sentence.len);
        (void)e;
}

static size_t characters(const char *text, size_t len)
{
        size_t count = 0;

        for (size_t i = 0; i < len; i++)
                count += ((unsigned char)text[i] & 0xC0) != 0x80;
        return count;
}

static bool among(const json_t *choices, const char *text)
{
        const json_t *choice;
        size_t i;

        json_array_foreach(choices, i, choice)
        {
                if (strcmp(json_string_value(choice), text) == 0)
                        return true;
        }
        return false;
}

static void list_choices(const json_t *choices, char *ret, size_t size)
{
        const json_t *choice;
        size_t i;
        int at = snprintf(ret, size, "it must be one of");

        json_array_foreach(choices, i, choice)
        {
                if (at < 0 || (size_t)at >= size)
                        return;
                at += snprintf(ret + at, size - (size_t)at, "%s %s", i == 0 ? "" : ",",
                               json_string_value(choice));
        }
}

/* Each of the three says in `what` why the value is wrong, "" when it is right. */
static void check_string(const struct field *field, const struct param *p, char *what, size_t size)
{
        int64_t len = (int64_t)characters(param_value(p), param_value_len(p));

        if (len < field->min_len)
                (void)snprintf(what, size, "it must have at least %" PRId64 " characters", field->min_len);
        else if (len > field->max_len)
                (void)snprintf(what, size, "it must have at most %" PRId64 " characters", field->max_len);
        else if (field->choices != NULL && !among(field->choices, param_value(p)))
                list_choices(field->choices, what, size);
        else if (field->pattern != NULL && regexec(&field->regex, param_value(p), 0, NULL, 0) != 0)
                (void)snprintf(what, size, "it must match %s", field->pattern);
}

static bool read_integer(const char *text, int64_t *ret)
{
        const char *digits = text + (*text == '-');
        char *end;

        if (*digits < '0' || *digits > '9' || strlen(digits) > 19) /* strtoll would take blanks and '+' too */
                return false;
        errno = 0;
        *ret = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0';
}

static void check_integer(const struct field *field, const struct param *p, char *what, size_t size)
{
        int64_t number;

        if (!read_integer(param_value(p), &number))
                (void)snprintf(what, size, "it must be a whole number");
        else if (number < field->minimum || number > field->maximum)
                (void)snprintf(what, size, "it must be from %" PRId64 " to %" PRId64, field->minimum,
                               field->maximum);
}

static void check_boolean(const struct field *field, const struct param *p, char *what, size_t size)
{
        (void)field;
        if (!text_same(param_value(p), "true") && !text_same(param_value(p), "false"))
                (void)snprintf(what, size, "it must be true or false");
}

static void check_scalar(const struct field *field, const char *code_field, const struct param *p,
                         struct report *r)
{
        static void (*const checks[])(const struct field *, const struct param *, char *,
                                      size_t) = {[FIELD_STRING] = check_string,
                                                 [FIELD_INTEGER] = check_integer,
                                                 [FIELD_BOOLEAN] = check_boolean};
        char what[512] = "";

        checks[field->type](field, p, what, sizeof what);
        if (what[0] != '\0')
                report_add(r, code_field, param_name(p), false, what);
}

/* Only an unconstrained text may be empty on purpose. */
static bool empty_is_absent(const struct field *field)
{
        return field->type != FIELD_STRING || field->required || field->min_len > 0 ||
               field->choices != NULL || field->pattern != NULL;
}

static const char one_value[] = "it is one value, neither a list nor an object";

/* "DryRun.1=true", or {"DryRun":[true]}: ignored it would do what the caller did not want done. True when
 * there is one. */
static enum err check_no_parts(const struct field *field, const struct param_set *params, struct report *r,
                               bool *ret)
{
        CLEANUP(buf) struct buf prefix = BUF_UP_TO(PARAM_NAME_MAX + 2);
        size_t first;

        TRY(buf_addf(&prefix, "%s.", field->name));
        *ret = param_set_range(params, buf_text(&prefix), &first) > 0;
        if (*ret)
                report_add(r, field->name, field->name, false, one_value);
        return ERR_OK;
}

static enum err check_field(const struct field *field, struct param_set *params, struct report *r)
{
        const struct param *p = param_set_find(params, field->name);
        bool parts = false;

        TRY(check_no_parts(field, params, r, &parts));
        if (parts)
                return ERR_OK;

        if (p != NULL && param_value_len(p) == 0 && empty_is_absent(field)) {
                param_set_remove(params, field->name);
                p = NULL;
        }
        if (p != NULL)
                check_scalar(field, field->name, p, r);
        else if (field->required)
                report_add(r, field->name, field->name, true, NULL);
        return ERR_OK;
}

/* Splits "Tags.12.Key" behind "Tags." into 12 and "Key"; false for another form. */
static bool split_item(const char *rest, int64_t *ret_number, const char **ret_member)
{
        int64_t number = 0;
        const char *p = rest;

        while (*p >= '0' && *p <= '9' && p - rest < 6)
                number = number * 10 + (*p++ - '0');
        if (p == rest || number == 0 || rest[0] == '0' || (*p != '.' && *p != '\0'))
                return false;
        *ret_number = number;
        *ret_member = *p == '.' ? p + 1 : p;
        return true;
}

static const struct field *item_field(const struct field *list, const char *member)
{
        for (size_t i = 0; i < list->item_count; i++)
                if (strcmp(list->items[i].name, member) == 0)
                        return &list->items[i];
        return NULL;
}

/* NULL, or why an item cannot have this member. One that the document does not know is left alone. */
static const char *member_problem(const struct field *list, const char *member)
{
        size_t len = strcspn(member, ".");

        if (list->items[0].name[0] == '\0')
                return member[0] == '\0' ? NULL : one_value;
        if (member[0] == '\0')
                return "an item has members, as in Name.1.Key";
        for (size_t i = 0; i < list->item_count; i++)
                if (strlen(list->items[i].name) == len && strncmp(list->items[i].name, member, len) == 0 &&
                    member[len] == '.')
                        return one_value;
        return NULL;
}

/* A member that must be there in every item that has any. Without it the list is there, and wrong. */
static enum err check_members(const struct field *list, const struct param_set *params, int64_t number,
                              struct report *r)
{
        for (size_t i = 0; i < list->item_count; i++) {
                CLEANUP(buf) struct buf name = BUF_UP_TO(2 * PARAM_NAME_MAX);

                if (!list->items[i].required)
                        continue;
                TRY(buf_addf(&name, "%s.%" PRId64 ".%s", list->name, number, list->items[i].name));
                const char *text = param_set_text(params, buf_text(&name));

                if (text == NULL || text[0] == '\0')
                        report_add(r, list->name, buf_text(&name), false, NULL);
        }
        return ERR_OK;
}

/* 0 when the name has no place in the list; its item's number otherwise. */
static int64_t check_item(const struct field *list, const struct param *p, const char *rest, struct report *r)
{
        const char *member;
        int64_t number;

        if (!split_item(rest, &number, &member) || number > list->max_len) {
                char what[128];

                (void)snprintf(what, sizeof what, "items are numbered from 1 to %" PRId64, list->max_len);
                report_add(r, list->name, param_name(p), false, what);
                return 0;
        }
        const struct field *item = item_field(list, member);
        const char *problem = member_problem(list, member);

        if (problem != NULL && param_value_len(p) > 0)
                report_add(r, list->name, param_name(p), false, problem);
        else if (item != NULL && (param_value_len(p) > 0 || !empty_is_absent(item)))
                check_scalar(item, list->name, p, r);
        return number;
}

static enum err check_items(const struct field *list, const struct param_set *params, const char *prefix,
                            struct report *r)
{
        size_t first, count = param_set_range(params, prefix, &first);
        int64_t highest = 0;

        for (size_t i = first; i < first + count; i++) {
                const struct param *p = &params->rows[i];
                int64_t number = check_item(list, p, param_name(p) + strlen(prefix), r);

                highest = number > highest ? number : highest;
        }
        for (int64_t number = 1; number <= highest; number++)
                TRY(check_members(list, params, number, r));
        if (highest < list->min_len || (highest == 0 && list->required))
                report_add(r, list->name, list->name, true, NULL);
        return ERR_OK;
}

static enum err check_list(const struct field *list, const struct param_set *params, struct report *r)
{
        CLEANUP(buf) struct buf prefix = BUF_UP_TO(PARAM_NAME_MAX + 2);
        const struct param *whole = param_set_find(params, list->name);

        if (whole != NULL && param_value_len(whole) > 0)
                report_add(r, list->name, list->name, false,
                           "it is a list: give its items as Name.1, Name.2 or Name.1.Key");
        TRY(buf_addf(&prefix, "%s.", list->name));
        return check_items(list, params, buf_text(&prefix), r);
}

static enum err fill_defaults(const struct operation_spec *op, struct param_set *params, struct fault *f)
{
        for (size_t i = 0; i < op->field_count; i++) {
                const struct field *field = &op->fields[i];

                if (field->default_text == NULL || param_set_find(params, field->name) != NULL)
                        continue;
                enum err e = param_set_add(params, field->name, field->default_text,
                                           strlen(field->default_text), PARAM_DEFAULT);

                if (e == ERR_LIMIT)
                        return fault_set(f, FAULT_PARAMETER, "The request has too many parameters.");
                TRY(e);
                TRY(param_set_sort(params, f));
        }
        return ERR_OK;
}

static enum err refuse(const struct operation_spec *op, const struct report *r, struct fault *f)
{
        enum fault_id id = r->missing ? FAULT_MISSING : op->invalid;

        if (id == FAULT_MISSING || id == FAULT_INVALID) /* the sentences are their standard messages */
                return fault_set_field(f, id, r->first, "%s", buf_text(r->text));
        return fault_set_field(f, id, r->first, "%s %s", fault_message(id), buf_text(r->text));
}

enum err validate_params(const struct operation_spec *op, struct param_set *params, struct fault *f)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(FAULT_MESSAGE_MAX);
        struct report r = {.text = &text};

        for (size_t i = 0; i < op->field_count; i++)
                if (op->fields[i].type == FIELD_ARRAY)
                        TRY(check_list(&op->fields[i], params, &r));
                else
                        TRY(check_field(&op->fields[i], params, &r));
        if (r.first[0] != '\0')
                return refuse(op, &r, f);
        return fill_defaults(op, params, f);
}
