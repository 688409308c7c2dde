/* SPDX-License-Identifier: Apache-2.0 */
/* credentials: the access key that signs, from the environment or from <home>/credentials.env. That file is
 * read as NAME=value lines; it is never run by a shell. */
#ifndef SIGNET_CTL_CREDENTIALS_H
#define SIGNET_CTL_CREDENTIALS_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/settings.h"

enum { CREDENTIAL_BYTES_MAX = 256 };

struct credentials {
        struct buf id, secret; /* never empty; wiped by credentials_done */
};

/* On failure `why` (256 bytes) says where it looked. ERR_NOT_FOUND: no key, or only half of one. */
MUST_CHECK enum err credentials_read(const struct ctl_settings *settings, struct credentials *ret,
                                     char why[256]);
void credentials_done(struct credentials *c);
static inline void cleanup_credentials(struct credentials *c)
{
        credentials_done(c);
}

/* Of the text of a credentials file. ERR_NOT_FOUND when one of the two names is missing. */
MUST_CHECK enum err credentials_parse(const char *text, struct credentials *ret);

#endif
