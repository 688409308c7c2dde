/* SPDX-License-Identifier: Apache-2.0 */
/* sni: the server_name extension of a ClientHello (RFC 6066 §3), as raw bytes. Pure. */
#ifndef SIGNET_BROKER_SNI_H
#define SIGNET_BROKER_SNI_H

#include "common/wire.h"

#include <stddef.h>
#include <stdint.h>

/* The first host_name of the extension's content; empty (len 0) when there is none or the list is malformed:
 * OpenSSL itself refuses a malformed list later. Borrowed from `extension`. */
struct bytes sni_read(const uint8_t *extension, size_t len);

#endif
