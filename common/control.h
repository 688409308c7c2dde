/* SPDX-License-Identifier: Apache-2.0 */
/* control: the protocol on a broker's UNIX socket, as docs/control-protocol.md describes it, and its client.
 * One JSON object a line in both directions, at most CONTROL_LINE_MAX bytes with its line feed:
 *   {"op":"reload","revision":42}        → {"ok":true,"applied":42}       sent when every worker serves 42
 * (or later)
 *   {"op":"status"}                      → {"ok":true,"instance":…,"applied":42,"node":…,…}
 *   anything else                        → {"ok":false,"error":"…"}
 * The socket file is <run directory>/<MqttInstanceId>.sock, mode 0600; both ends check SO_PEERCRED (same user
 * or root). */
#ifndef SIGNET_COMMON_CONTROL_H
#define SIGNET_COMMON_CONTROL_H

#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { CONTROL_LINE_MAX = 1024 * 1024, CONTROL_PATH_MAX = 107, ROLLOUT_WAIT_MS = 2000 };

/* <run_dir>/<instance>.sock; ERR_LIMIT over 107 bytes (sun_path). */
MUST_CHECK enum err control_path(const char *run_dir, const char *instance, char ret[CONTROL_PATH_MAX + 1]);
/* Sends `request`, waits for one answer line. ERR_NOT_FOUND: nobody listens there; ERR_TIMEOUT; ERR_SYNTAX:
 * no JSON object came back; ERR_REFUSED: the peer is another user (root asks the broker of whoever owns the
 * run directory). *ret is the caller's. Blocks up to timeout_ms in all. */
MUST_CHECK enum err control_call(const char *path, json_t *request, int timeout_ms, json_t **ret);

#endif
