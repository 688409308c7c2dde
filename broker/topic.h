/* SPDX-License-Identifier: Apache-2.0 */
/* topic: rules for topic names and filters (MQTT 3.1.1 §4.7, MQTT 5 §4.7) and the product's P2P topics. Pure.
 */
#ifndef SIGNET_BROKER_TOPIC_H
#define SIGNET_BROKER_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

enum { TOPIC_LEVELS_MAX = 256 };

/* A name to publish to: 1 to 65535 bytes of UTF-8 without U+0000, '+' and '#'; at most TOPIC_LEVELS_MAX
 * levels. */
bool topic_name_valid(const char *topic, size_t len);
/* A filter: '#' only as the whole last level, '+' only as a whole level. */
bool topic_filter_valid(const char *filter, size_t len);
/* Filters that begin with a wildcard do not match topics that begin with '$' (§4.7.2). Both must be valid. */
bool topic_matches(const char *filter, size_t filter_len, const char *topic, size_t topic_len);
/* `<parent>/p2p/<client ID>`: true and the client ID (borrowed from topic) when the second level is "p2p" and
 * something follows. The rest after "/p2p/" is the client ID as a whole. */
bool topic_p2p(const char *topic, size_t len, const char **ret_client_id, size_t *ret_len);

#endif
