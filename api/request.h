/* SPDX-License-Identifier: Apache-2.0 */
/* request: one HTTP request, first as it came (target, headers, body), then parsed into parameters. All
 * decoding is done here, not in libmicrohttpd: both signatures are over the exact bytes. Owned by one thread
 * at a time. */
#ifndef SIGNET_API_REQUEST_H
#define SIGNET_API_REQUEST_H

#include "api/fault.h"
#include "api/param_set.h"
#include "common/buf.h"
#include "common/crypt.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_VALUES_MAX = 16 * PARAM_COUNT_MAX };
enum { HEADER_COUNT_MAX = 200, METHOD_MAX = 15, HOST_MAX = 255, OPERATION_NAME_MAX = 64 };

/* In front of /<version>/<Action> when the console's page calls. */
#define CONSOLE_CALLS "/console/api/"

struct header {
        char *name;  /* lower-case */
        char *value; /* without blanks around it */
};

struct request {
        char method[METHOD_MAX + 1];
        char *target; /* as sent: path and query */
        size_t path_len;
        struct header *headers;
        size_t header_count, header_cap;
        struct buf body;                   /* empty again once parsed */
        uint8_t body_sha256[SHA256_BYTES]; /* set by request_parse, as the parameters are */
        struct param_set params;
        char path_version[11];                    /* /<version>/<Action>; "" at / */
        char path_action[OPERATION_NAME_MAX + 1]; /* the same */
        bool console_call;                        /* the path begins with CONSOLE_CALLS */
        char source_ip[64];
        bool private_line; /* HTTPS, or the peer is on the loopback: HTTP Basic is allowed */
        bool tls;
        int64_t began_ms;
};

/* `target` is copied; path_version and path_action are set when it is /<version>/<Action>, or that behind
 * CONSOLE_CALLS. */
MUST_CHECK enum err request_init(struct request *q, const char *target, size_t body_max);
void request_set_method(struct request *q, const char *method);
MUST_CHECK enum err request_add_header(struct request *q, const char *name, size_t name_len,
                                       const char *value, size_t value_len);
/* Reads query and body into params, hashes the body and lets go of it. ERR_REFUSED with `f` set. */
MUST_CHECK enum err request_parse(struct request *q, struct fault *f);
/* Whether Format=XML was asked for, also when request_parse() has failed: then the query is looked at as it
 * came. */
bool request_asks_xml(const struct request *q, bool parsed);
/* A proxy in front may see other headers, or other requests in the same bytes, than we do (RFC 9112 5.1, 5.2,
 * 6.3): two lengths, a length and chunks, another coding than chunked, a name that is no token, two hosts. */
bool request_is_ambiguous(const struct request *q);
bool request_path_is(const struct request *q, const char *path);
/* First value of a header (lower-case name), NULL when absent; and how many there are. */
const char *request_header(const struct request *q, const char *name);
size_t request_header_times(const struct request *q, const char *name);
/* Whether the value of a Content-Type (NULL: there is none) is of `type`, whatever its parameters are. */
bool request_media_type_is(const char *header, const char *type);
/* The endpoint the caller used: the Host header when it is made of host characters, else "signet". */
void request_host(const struct request *q, char ret[HOST_MAX + 1]);
void request_done(struct request *q); /* wipes */
static inline void cleanup_request(struct request *q)
{
        request_done(q);
}

#endif
