/* SPDX-License-Identifier: Apache-2.0 */
/* raw_request: the bytes of an HTTP request, as they were on a socket, made into the struct that the API
 * reads. */
#ifndef SIGNET_TEST_RAW_REQUEST_H
#define SIGNET_TEST_RAW_REQUEST_H

#include "api/request.h"

/* Not parsed yet. Chunked bodies are put together. A test that hands in broken bytes fails. */
struct request raw_request(const char *bytes);
/* The same, parsed; fails unless it can be. */
struct request raw_request_parsed(const char *bytes);

#endif
