/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt: what an MQTT client sends in CONNECT with a Signature user name. */
#ifndef SIGNET_CTL_MQTT_H
#define SIGNET_CTL_MQTT_H

#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* --client-id <id>. Prints base64(HMAC-SHA1(secret, client ID)). */
enum exit_status mqtt_password(const struct ctl_settings *settings, const struct options *o);
/* Prints Signature|<AccessKeyId>|<instance>. */
enum exit_status mqtt_user(const struct ctl_settings *settings, const struct options *o);

#endif
