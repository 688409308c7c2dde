/* SPDX-License-Identifier: Apache-2.0 */
/* mapping: the domains of an instance and their certificates, as GetSniConfig tells them, all pages of one
 * revision. */
#ifndef SIGNET_CTL_MAPPING_H
#define SIGNET_CTL_MAPPING_H

#include "common/err.h"
#include "ctl/client.h"

#include <jansson.h>

struct mapping {
        json_int_t revision;
        json_int_t default_id; /* 0: none */
        json_t *rows;          /* objects with Domain, CertIdentifier, CertId, HasPassword */
};

MUST_CHECK enum err mapping_read(struct client *c, const char *instance, struct mapping *ret);
void mapping_done(struct mapping *m);
static inline void cleanup_mapping(struct mapping *m)
{
        mapping_done(m);
}

/* The number of "<number>-cn-hangzhou"; 0 when it is none. */
json_int_t mapping_certificate_id(const char *identifier);

enum mapping_rule { MAPPING_EXACT, MAPPING_WILDCARD, MAPPING_DEFAULT, MAPPING_NONE };
const char *mapping_rule_name(enum mapping_rule r);
/* Which certificate the broker serves for the server name: the domain's own, else that of the wildcard one
 * label above, else the default one. *ret_id is 0 for MAPPING_NONE. Pure. */
enum mapping_rule mapping_find(const struct mapping *m, const char *server_name, json_int_t *ret_id);

#endif
