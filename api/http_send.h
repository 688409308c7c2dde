/* SPDX-License-Identifier: Apache-2.0 */
/* http_send: a reply on its way. Called on a polling thread, while libmicrohttpd waits for an answer. */
#ifndef SIGNET_API_HTTP_SEND_H
#define SIGNET_API_HTTP_SEND_H

#include "api/reply.h"
#include "api/route.h"

#include <microhttpd.h>
#include <stdbool.h>

/* What the reply holds stays its own: libmicrohttpd is done with it before the request is completed. */
enum MHD_Result http_send(struct MHD_Connection *connection, const struct reply *r, enum route route,
                          bool closes);

#endif
