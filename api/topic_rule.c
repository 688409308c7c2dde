/* SPDX-License-Identifier: Apache-2.0 */
#include "api/topic_rule.h"

#include <stddef.h>
#include <string.h>

bool topic_rule_has_control(const char *text)
{
        for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
                if (*p < 0x20 || *p == 0x7F || (p[0] == 0xC2 && p[1] < 0xA0)) /* in UTF-8 */
                        return true;
        return false;
}

static const char *check_text(const char *topic)
{
        size_t levels = 1;

        for (const char *p = topic; *p != '\0'; p++)
                levels += *p == '/';
        if (levels > TOPIC_RULE_LEVELS_MAX)
                return "it has more than 256 levels";
        return topic_rule_has_control(topic) ? "it has control characters" : NULL;
}

static const char *check_level(const char *level, size_t len, bool last)
{
        if (memchr(level, '#', len) != NULL && (len != 1 || !last))
                return "'#' must be the whole last level";
        if (memchr(level, '+', len) != NULL && len != 1)
                return "'+' must be a whole level";
        return NULL;
}

const char *topic_rule_filter(const char *filter)
{
        const char *why = check_text(filter);
        bool last = false;

        for (const char *level = filter; why == NULL && !last;) {
                size_t len = strcspn(level, "/");

                last = level[len] == '\0';
                why = check_level(level, len, last);
                level += len + 1;
        }
        return why;
}

const char *topic_rule_name(const char *topic)
{
        if (strpbrk(topic, "+#") != NULL)
                return "it has wildcards";
        if (topic[0] == '$')
                return "topics that begin with '$' are the server's own";
        return check_text(topic);
}
