/* SPDX-License-Identifier: Apache-2.0 */
/* client: signed calls of the API, one after the other. */
#ifndef SIGNET_CTL_CLIENT_H
#define SIGNET_CTL_CLIENT_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/credentials.h"
#include "ctl/failure.h"
#include "ctl/http.h"
#include "ctl/params.h"
#include "ctl/product.h"
#include "ctl/settings.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { CLIENT_CODE_SIZE = 96 };

struct client {
        const struct ctl_settings *settings;
        struct credentials key;
        struct buf host;
        struct http *http;
        struct failure *failure;     /* where every function of this module says why not */
        char code[CLIENT_CODE_SIZE]; /* of the last refusal: "MqttInstanceNotFound"; "" when none came */
        char rollout[16];            /* of the last answer: applied, pending, none or "" */
};

/* `settings` and `f` outlive the client. ERR_REFUSED when the endpoint or the credentials are wrong. */
MUST_CHECK enum err client_open(const struct ctl_settings *settings, struct failure *f, struct client *ret);
void client_done(struct client *c);
static inline void cleanup_client(struct client *c) /* CLEANUP(client) struct client c = {0} */
{
        client_done(c);
}

struct question {
        enum product product;
        const char *operation;
        struct buf body; /* form-encoded; may hold secrets, so it is wiped */
};
#define QUESTION(product_, operation_) ((struct question){product_, operation_, BUF_UP_TO(PARAMS_BODY_MAX)})
static inline void cleanup_question(struct question *q)
{
        buf_done(&q->body);
}
MUST_CHECK enum err question_add(struct question *q, const char *name, const char *value);
MUST_CHECK enum err question_add_number(struct question *q, const char *name, int64_t value);

/* The answer of a call that has succeeded. ERR_REFUSED otherwise: c->failure names operation, Code, Message,
 * status and request, c->code is the Code. */
MUST_CHECK enum err client_call(struct client *c, const struct question *q, json_t **ret);
/* The same, but a call refused for being one of too many is sent again, until the time of one call is over.
 */
MUST_CHECK enum err client_ask(struct client *c, const struct question *q, json_t **ret);

#endif
