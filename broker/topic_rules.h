/* SPDX-License-Identifier: Apache-2.0 */
/* topic_rules: what the product asks of topics and client IDs, for the preset `strict` (docs/strict.md).
 * Pure. Source: ApsaraMQ for MQTT, "Terms" and "Limits". */
#ifndef SIGNET_BROKER_TOPIC_RULES_H
#define SIGNET_BROKER_TOPIC_RULES_H

#include "broker/login_map.h"
#include "broker/mqtt_reason.h"
#include "broker/refusal.h"
#include "common/wire.h"

#include <stdbool.h>

enum { PRODUCT_TOPIC_MIN = 3, PRODUCT_TOPIC_MAX = 64, PRODUCT_CLIENT_ID_MAX = 64 };

/* Of a valid topic or, when `is_filter`, topic filter: 3 to 64 letters, digits, '-', '_' and '/' (and
 * wildcards as whole levels of a filter), the first level a parent topic that exists, whatever its case. Of a
 * P2P topic only the first level. MQTT_SUCCESS; MQTT_TOPIC_NAME_INVALID or MQTT_TOPIC_FILTER_INVALID;
 * MQTT_NOT_AUTHORIZED_5: no such parent topic. */
enum mqtt_reason topic_rules_topic(const struct login_map *logins, struct bytes topic, bool is_filter);
/* `<GroupID>@@@<DeviceID>` of at most 64 characters, with a group that exists. */
enum refusal topic_rules_client(const struct login_map *logins, struct bytes client_id);

#endif
