/* SPDX-License-Identifier: Apache-2.0 */
/* control_online: the control operation `online` (docs/control-protocol.md): whether each of some clients is
 * connected. A look-up each on its home worker, however many others are connected. Of device certificates:
 * control_devices.h. */
#ifndef SIGNET_BROKER_CONTROL_ONLINE_H
#define SIGNET_BROKER_CONTROL_ONLINE_H

#include "broker/errand.h"

enum { CONTROL_ONLINE_MAX = 100 };

/* Loop's thread. NULL: it will be answered with this ticket; else why the request is wrong (static text). */
const char *control_online_ask(struct errands *all, const json_t *request, uint64_t ticket);

#endif
