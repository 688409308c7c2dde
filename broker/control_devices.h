/* SPDX-License-Identifier: Apache-2.0 */
/* control_devices: the control operation `online` of device certificates (docs/control-protocol.md): whether
 * each of some is on a connection whose CONNECT was accepted. Every connection is looked at (conn_round.h),
 * once for all that are asked for. */
#ifndef SIGNET_BROKER_CONTROL_DEVICES_H
#define SIGNET_BROKER_CONTROL_DEVICES_H

#include "broker/errand.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_DEVICES_MAX = 100 };

/* Loop's thread. NULL: it will be answered with this ticket; else why the request is wrong (static text). */
const char *control_devices_ask(struct errands *all, const json_t *request, uint64_t ticket);
/* What `online` is answered with, of clients as of devices. Main loop; new reference, NULL: out of memory. */
json_t *control_devices_answer(const bool *online, size_t count);

#endif
