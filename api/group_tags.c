/* SPDX-License-Identifier: Apache-2.0 */
#include "api/group_tags.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

static const char shape[] = "it must be a JSON list of objects with key and value";

static size_t characters(const char *text)
{
        size_t count = 0;

        for (; *text != '\0'; text++)
                count += ((unsigned char)*text & 0xC0) != 0x80;
        return count;
}

/* `value` NULL: none was given. */
static enum err add_tag(struct op_call *call, json_t *tags, const char *name, const char *key,
                        const char *value)
{
        size_t len = characters(key);

        if (len == 0 || len > GROUP_TAG_KEY_MAX)
                return call_wrong(call, name, "a key has from 1 to 128 characters");
        if (value != NULL && characters(value) > GROUP_TAG_VALUE_MAX)
                return call_wrong(call, name, "a value has at most 128 characters");
        if (json_object_get(tags, key) != NULL)
                return call_wrong(call, name, "a key is there twice");
        if (json_object_size(tags) >= GROUP_TAGS_MAX)
                return call_wrong(call, name, "there may be at most 20 tags");
        json_t *made = value != NULL ? json_string(value) : json_null();

        return made != NULL && json_object_set_new(tags, key, made) == 0 ? ERR_OK : ERR_NOMEM;
}

/* {"key": …, "value": …}; the console's capitals are taken too. */
static json_t *member(const json_t *tag, const char *small, const char *capital)
{
        json_t *found = json_object_get(tag, small);

        return found != NULL ? found : json_object_get(tag, capital);
}

static enum err read_text(struct op_call *call, const char *otherwise, json_t *tags)
{
        const char *text = call_text_or(call, "Tags", NULL);
        CLEANUP(jsonp) json_t *list = NULL;
        json_t *tag;
        size_t i;

        if (text == NULL)
                return ERR_OK;
        list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_array(list))
                return call_wrong(call, "Tags", shape);
        json_array_foreach(list, i, tag)
        {
                const json_t *key = member(tag, "key", "Key"), *value = member(tag, "value", "Value");

                if (!json_is_string(key) || (value != NULL && !json_is_string(value)))
                        return call_wrong(call, "Tags", shape);
                TRY(add_tag(call, tags, "Tags", json_string_value(key),
                            value != NULL ? json_string_value(value) : otherwise));
        }
        return ERR_OK;
}

/* Validated: the items are numbered without a gap, and each has a key. */
static enum err read_items(struct op_call *call, const char *otherwise, json_t *tags)
{
        for (int i = 1; i <= GROUP_TAGS_MAX; i++) {
                char key[32], value[32];
                const char *given;

                (void)snprintf(key, sizeof key, "Tag.%d.Key", i);
                (void)snprintf(value, sizeof value, "Tag.%d.Value", i);
                if (call_text(call, key) == NULL)
                        return ERR_OK;
                given = call_text(call, value);
                TRY(add_tag(call, tags, "Tag", call_text(call, key), given != NULL ? given : otherwise));
        }
        return ERR_OK;
}

enum err group_tags_read(struct op_call *call, const char *otherwise, json_t **ret)
{
        CLEANUP(jsonp) json_t *tags = json_object();

        if (tags == NULL)
                return ERR_NOMEM;
        TRY(read_text(call, otherwise, tags));
        TRY(read_items(call, otherwise, tags));
        *ret = TAKE(tags);
        return ERR_OK;
}
