/* SPDX-License-Identifier: Apache-2.0 */
/* authority: may this connection go on? Asked when its CONNECT comes, at every new snapshot, and when the
 * certificate of its device ends: whatever the handshake said then, what holds is what the snapshot says now.
 */
#ifndef SIGNET_BROKER_AUTHORITY_H
#define SIGNET_BROKER_AUTHORITY_H

#include "broker/conn.h"
#include "broker/refusal.h"

/* REFUSAL_NONE: it may. Its worker's thread; a snapshot is there. Before CONNECT its login is not looked at.
 */
MUST_CHECK enum refusal authority_of(const struct conn *c);

#endif
