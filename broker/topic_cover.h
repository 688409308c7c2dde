/* SPDX-License-Identifier: Apache-2.0 */
/* topic_cover: what one topic filter says about another (MQTT 5 §4.7), for whoever judges a SUBSCRIBE. Pure;
 * both filters are valid (topic_filter_valid()), without `$share/<group>/`. */
#ifndef SIGNET_BROKER_TOPIC_COVER_H
#define SIGNET_BROKER_TOPIC_COVER_H

#include "common/wire.h"

#include <stdbool.h>

/* Every topic that matches `filter` matches `wide` too: "a/#" covers "a", "a/+" and "a/b/#"; "a/+" does not
 * cover "a/#"; what begins with a wildcard covers nothing that begins with '$'. */
bool topic_covers(struct bytes wide, struct bytes filter);
/* There is a topic that matches both: "a/+/c" and "a/b/#" meet in "a/b/c". */
bool topics_meet(struct bytes a, struct bytes b);

#endif
