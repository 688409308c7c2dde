/* SPDX-License-Identifier: Apache-2.0 */
/* topic: valid names    a  /  a//b  $SYS/x  sport/tennis           invalid  (empty)  a/+  #
 *        valid filters  #  +  a/#  +/+/#  /+  a//#                 invalid  (empty)  a#  a/#/b  a+/b  +a */
#include "broker/topic.h"

#include "common/text.h"

#include <stdint.h>
#include <string.h>

static bool text_valid(const char *text, size_t len)
{
        size_t levels = 1;

        if (len == 0 || len > UINT16_MAX)
                return false;
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '\0')
                        return false;
                levels += text[i] == '/';
        }
        return levels <= TOPIC_LEVELS_MAX && text_is_utf8(text, len);
}

bool topic_name_valid(const char *topic, size_t len)
{
        return text_valid(topic, len) && memchr(topic, '+', len) == NULL && memchr(topic, '#', len) == NULL;
}

bool topic_filter_valid(const char *filter, size_t len)
{
        if (!text_valid(filter, len))
                return false;
        for (size_t i = 0; i < len; i++) {
                bool first = i == 0 || filter[i - 1] == '/';
                bool last = i + 1 == len || filter[i + 1] == '/';

                if (filter[i] == '#' && !(first && i + 1 == len))
                        return false;
                if (filter[i] == '+' && !(first && last))
                        return false;
        }
        return true;
}

static const char *level_end(const char *level, const char *end)
{
        const char *slash = memchr(level, '/', (size_t)(end - level));

        return slash != NULL ? slash : end;
}

static bool level_is(const char *level, const char *end, char wildcard)
{
        return end - level == 1 && *level == wildcard;
}

bool topic_matches(const char *filter, size_t filter_len, const char *topic, size_t topic_len)
{
        const char *f = filter, *f_end = filter + filter_len, *t = topic, *t_end = topic + topic_len;

        if (*topic == '$' && (*filter == '+' || *filter == '#'))
                return false;
        for (;;) {
                const char *f_stop = level_end(f, f_end), *t_stop = level_end(t, t_end);

                if (level_is(f, f_stop, '#'))
                        return true;
                if (!level_is(f, f_stop, '+') &&
                    (f_stop - f != t_stop - t || memcmp(f, t, (size_t)(t_stop - t)) != 0))
                        return false;
                /* "a/#" matches "a" itself (§4.7.1.2). */
                if (t_stop == t_end)
                        return f_stop == f_end || level_is(f_stop + 1, f_end, '#');
                if (f_stop == f_end)
                        return false;
                f = f_stop + 1;
                t = t_stop + 1;
        }
}

bool topic_p2p(const char *topic, size_t len, const char **ret_client_id, size_t *ret_len)
{
        static const char second[] = "/p2p/";
        const size_t second_len = sizeof second - 1;
        const char *end = topic + len, *slash = level_end(topic, end);

        if (slash == topic || (size_t)(end - slash) <= second_len || memcmp(slash, second, second_len) != 0)
                return false;
        *ret_client_id = slash + second_len;
        *ret_len = (size_t)(end - *ret_client_id);
        return true;
}
