/* SPDX-License-Identifier: Apache-2.0 */
/* topic_rule: which texts a broker would take as a topic (MQTT 5 §4.7). Brokers judge for themselves; this is
 * for saying so to who asks the API. Pure. */
#ifndef SIGNET_API_TOPIC_RULE_H
#define SIGNET_API_TOPIC_RULE_H

#include <stdbool.h>

enum { TOPIC_RULE_LEVELS_MAX = 256 }; /* as brokers: TOPIC_LEVELS_MAX */

/* Each: NULL, or why not: a sentence's end without its point. Texts are UTF-8 of at least one character. */
/* A filter: '+' only as a whole level, '#' only as the whole last one. */
const char *topic_rule_filter(const char *filter);
/* A topic to publish to: no wildcards, and none of the server's own ('$' at its beginning, §4.7.2). */
const char *topic_rule_name(const char *topic);

/* U+0001 to U+001F and U+007F to U+009F: a broker may refuse them ([MQTT-1.5.4-2] and what follows it), and
 * U+001F separates the columns of keys. */
bool topic_rule_has_control(const char *text);

#endif
