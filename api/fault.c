/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fault.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
        int http;
        const char *code, *message;
} faults[FAULT_COUNT] = {
#define FAULT_ROW(id, http, code, message) [id] = {http, code, message},
        FAULT_LIST(FAULT_ROW)
#undef FAULT_ROW
};

/* Cuts a text that filled its array in front of a UTF-8 character that did not fit whole. */
static void cut_at_character(char *text, size_t size)
{
        size_t len = strlen(text), at = len;

        if (len + 1 < size)
                return;
        while (at > 0 && len - at < 4 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
                at--;
        if (at == 0 || ((unsigned char)text[at - 1] & 0xC0) != 0xC0)
                return;
        unsigned char lead = (unsigned char)text[at - 1];
        size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;

        if (len - (at - 1) < want)
                text[at - 1] = '\0';
}

/* Writes `template` with its "%s", if it has one, replaced by `field`. */
static void expand(const char *template, const char *field, char *ret, size_t size)
{
        const char *hole = strstr(template, "%s");

        if (hole == NULL)
                (void)snprintf(ret, size, "%s", template);
        else
                (void)snprintf(ret, size, "%.*s%s%s", (int)(hole - template), template, field, hole + 2);
        cut_at_character(ret, size);
}

static void set(struct fault *f, enum fault_id id, const char *field)
{
        if ((unsigned)id >= FAULT_COUNT)
                id = FAULT_INTERNAL;
        f->id = id;
        expand(faults[id].code, field, f->code, sizeof f->code);
        expand(faults[id].message, field, f->message, sizeof f->message);
}

__attribute__((format(printf, 2, 0))) static void set_message(struct fault *f, const char *format,
                                                              va_list args)
{
        if (format == NULL)
                return; /* the standard message stands */
        (void)vsnprintf(f->message, sizeof f->message, format, args);
        cut_at_character(f->message, sizeof f->message);
}

enum err fault_set(struct fault *f, enum fault_id id, const char *format, ...)
{
        va_list args;

        set(f, id, "");
        va_start(args, format);
        set_message(f, format, args);
        va_end(args);
        return ERR_REFUSED;
}

enum err fault_set_field(struct fault *f, enum fault_id id, const char *field, const char *format, ...)
{
        va_list args;

        set(f, id, field);
        va_start(args, format);
        set_message(f, format, args);
        va_end(args);
        return ERR_REFUSED;
}

enum err fault_deny(struct fault *f, enum fault_id id, int64_t account_id, const char *action,
                    const char *format, ...)
{
        va_list args;

        set(f, id, "");
        va_start(args, format);
        set_message(f, format, args);
        va_end(args);
        f->account_id = account_id;
        (void)snprintf(f->denied_action, sizeof f->denied_action, "%s", action);
        return ERR_REFUSED;
}

bool fault_names_field(enum fault_id id)
{
        return strstr(faults[id].code, "%s") != NULL;
}

int fault_http(const struct fault *f)
{
        return (unsigned)f->id < FAULT_COUNT ? faults[f->id].http : faults[FAULT_INTERNAL].http;
}

const char *fault_message(enum fault_id id)
{
        return faults[(unsigned)id < FAULT_COUNT ? id : FAULT_INTERNAL].message;
}

/* Code and message as `id` gives them for the field that `code` names. */
static bool row_is(enum fault_id id, const char *code, int http, const char *message)
{
        const char *hole = strstr(faults[id].code, "%s");
        size_t front = hole == NULL ? 0 : (size_t)(hole - faults[id].code);
        struct fault f = {0};

        if (hole != NULL && strncmp(code, faults[id].code, front) != 0)
                return false;
        set(&f, id, code + front);
        return faults[id].http == http && strcmp(f.code, code) == 0 && strcmp(f.message, message) == 0;
}

/* A Code with a row of its own is that row's, also where a row with a hole could make it. */
enum fault_id fault_find(const char *code, int http, const char *message)
{
        enum fault_id found = FAULT_NONE;

        for (unsigned id = FAULT_NONE + 1; id < FAULT_COUNT; id++)
                if (row_is((enum fault_id)id, code, http, message) &&
                    (found == FAULT_NONE || strstr(faults[id].code, "%s") == NULL))
                        found = (enum fault_id)id;
        return found;
}
