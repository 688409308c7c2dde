/* SPDX-License-Identifier: Apache-2.0 */
/* login_name: the user name of a CONNECT: `<Mode>|<AccessKeyId>|<MqttInstanceId>`, or a name of the mode
 * Custom, which is everything else. Pure. */
#ifndef SIGNET_BROKER_LOGIN_NAME_H
#define SIGNET_BROKER_LOGIN_NAME_H

#include "common/wire.h"

enum login_mode { LOGIN_BY_NAME, LOGIN_BY_SIGNATURE, LOGIN_BY_TOKEN, LOGIN_BY_CREDENTIAL };

struct login_name { /* borrowed from the user name */
        enum login_mode mode;
        struct bytes access_key_id, instance; /* not of LOGIN_BY_NAME */
};

/* Three parts with a mode's name in front are of that mode, with whatever parts. */
struct login_name login_name_read(struct bytes user_name);

#endif
