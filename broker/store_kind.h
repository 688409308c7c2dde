/* SPDX-License-Identifier: Apache-2.0 */
/* store_kind: what kinds of rows there are in the store, and what their keys mean. The numbers are on disk:
 * they never change. */
#ifndef SIGNET_BROKER_STORE_KIND_H
#define SIGNET_BROKER_STORE_KIND_H

enum store_kind {
        STORE_FORMAT = 1,       /* a = b = 0: version of all of this; the store's own */
        STORE_SESSION = 2,      /* a: session ID */
        STORE_SUBSCRIPTION = 3, /* a: session ID, b: number within the session */
        STORE_OUTGOING = 4,     /* a: session ID, b: order */
        STORE_INCOMING = 5,     /* a: session ID, b: packet ID of a QoS 2 message that was routed */
        STORE_RETAINED = 6      /* a: its number */
};

#endif
