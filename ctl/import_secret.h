/* SPDX-License-Identifier: Apache-2.0 */
/* import_secret: private keys and passwords that a configuration file refers to. They are never in it. */
#ifndef SIGNET_CTL_IMPORT_SECRET_H
#define SIGNET_CTL_IMPORT_SECRET_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/failure.h"

#include <jansson.h>

enum { SECRET_KEY_MAX = 64 * 1024, SECRET_PASSWORD_MAX = 1024 };

struct secret_places {
        const char *config_path; /* relative paths begin at its folder; "-": where we are */
        const char *keys;        /* folder; NULL: none */
};

/* `entry`: of ServerCertificates, may be NULL. Appends; nothing is appended when none is given. ERR_REFUSED
 * (EXIT_USAGE) when what is named cannot be read. */
MUST_CHECK enum err secret_key(const struct secret_places *p, const char *name, const json_t *entry,
                               struct buf *ret, struct failure *f);
/* Without the line feed at its end. */
MUST_CHECK enum err secret_password(const struct secret_places *p, const char *name, const json_t *entry,
                                    struct buf *ret, struct failure *f);

#endif
