/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/topic_rules.h"

#include "broker/topic.h"

#include <string.h>

static const char separator[] = "@@@";

static bool is_letter_or_digit(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(struct bytes text)
{
        for (size_t n = 0; n < text.len; n++)
                if (!is_letter_or_digit(text.data[n]) && text.data[n] != '-' && text.data[n] != '_')
                        return false;
        return text.len > 0;
}

static bool well_formed(struct bytes topic, bool is_filter)
{
        if (topic.len < PRODUCT_TOPIC_MIN || topic.len > PRODUCT_TOPIC_MAX)
                return false;
        for (size_t n = 0; n < topic.len; n++) {
                uint8_t c = topic.data[n];
                bool wildcard = is_filter && (c == '+' || c == '#');

                if (!is_letter_or_digit(c) && memchr("-_/", c, 3) == NULL && !wildcard)
                        return false;
        }
        return true;
}

static struct bytes first_level(struct bytes topic)
{
        const uint8_t *slash = memchr(topic.data, '/', topic.len);

        return (struct bytes){topic.data, slash == NULL ? topic.len : (size_t)(slash - topic.data)};
}

static bool parent_exists(const struct login_map *logins, struct bytes parent)
{
        uint8_t lower[PRODUCT_TOPIC_MAX];

        if (parent.len > sizeof lower || !is_name(parent))
                return false;
        for (size_t n = 0; n < parent.len; n++) {
                uint8_t c = parent.data[n];

                lower[n] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
        }
        return login_map_find(logins, LOGIN_PARENT_TOPIC, (struct bytes){lower, parent.len}) != NULL;
}

enum mqtt_reason topic_rules_topic(const struct login_map *logins, struct bytes topic, bool is_filter)
{
        const char *client_id;
        size_t len;

        if (!topic_p2p((const char *)topic.data, topic.len, &client_id, &len) &&
            !well_formed(topic, is_filter))
                return is_filter ? MQTT_TOPIC_FILTER_INVALID : MQTT_TOPIC_NAME_INVALID;
        return parent_exists(logins, first_level(topic)) ? MQTT_SUCCESS : MQTT_NOT_AUTHORIZED_5;
}

enum refusal topic_rules_client(const struct login_map *logins, struct bytes client_id)
{
        const size_t len = sizeof separator - 1;
        const uint8_t *at =
                client_id.len < len ? NULL : memmem(client_id.data, client_id.len, separator, len);
        struct bytes group, device;

        if (at == NULL || client_id.len > PRODUCT_CLIENT_ID_MAX)
                return REFUSAL_CLIENT_ID_FORM;
        group = (struct bytes){client_id.data, (size_t)(at - client_id.data)};
        device = (struct bytes){at + len, client_id.len - group.len - len};
        if (group.len == 0 || device.len == 0)
                return REFUSAL_CLIENT_ID_FORM;
        return login_map_find(logins, LOGIN_GROUP, group) == NULL ? REFUSAL_GROUP_UNKNOWN : REFUSAL_NONE;
}
