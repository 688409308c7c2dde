/* SPDX-License-Identifier: Apache-2.0 */
/* control_publish: the control operation `publish` (docs/control-protocol.md): a message of nobody's goes the
 * way that a client's would, and is answered when it has been routed and, with QoS 1, all who must keep it
 * have. Messages of one topic go through one worker, so they keep their order. */
#ifndef SIGNET_BROKER_CONTROL_PUBLISH_H
#define SIGNET_BROKER_CONTROL_PUBLISH_H

#include "broker/errand.h"

enum { CONTROL_PAYLOAD_MAX = 64 * 1024 };

/* Loop's thread. NULL: it will be answered with this ticket; else why the request is wrong (static text). */
const char *control_publish_ask(struct errands *all, const json_t *request, uint64_t ticket);

#endif
