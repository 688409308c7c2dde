/* SPDX-License-Identifier: Apache-2.0 */
/* Two topic filters and a topic, one a line: whoever may subscribe to what is covered sees nothing else, and
 * what is denied is met by every filter through which it would come. */
#include "broker/topic.h"
#include "broker/topic_cover.h"
#include "broker/topic_rules.h"

#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
        if (!condition)
                abort();
}

static struct bytes line(struct bytes *rest)
{
        const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
        struct bytes ret = {rest->data, end == NULL ? rest->len : (size_t)(end - rest->data)};
        size_t used = end == NULL ? rest->len : ret.len + 1;

        rest->data += used;
        rest->len -= used;
        return ret;
}

static int matches(struct bytes filter, struct bytes topic)
{
        return topic_matches((const char *)filter.data, filter.len, (const char *)topic.data, topic.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes rest = {data, size}, wide = line(&rest), filter = line(&rest), topic = line(&rest);

        if (wide.len == 0 || filter.len == 0 || topic.len == 0 ||
            !topic_filter_valid((const char *)wide.data, wide.len) ||
            !topic_filter_valid((const char *)filter.data, filter.len))
                return 0;
        require(topic_covers(filter, filter));
        require(topics_meet(wide, filter) == topics_meet(filter, wide));
        require(!topic_covers(wide, filter) || topics_meet(wide, filter));
        require(topic_rules_topic(NULL, filter, true) != MQTT_SUCCESS);
        (void)topic_rules_client(NULL, filter);
        if (!topic_name_valid((const char *)topic.data, topic.len))
                return 0;
        require(topic_covers(filter, topic) == matches(filter, topic));
        if (matches(filter, topic)) {
                require(!topic_covers(wide, filter) || matches(wide, topic));
                require(!matches(wide, topic) || topics_meet(wide, filter));
        }
        return 0;
}
