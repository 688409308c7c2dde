/* SPDX-License-Identifier: Apache-2.0 */
/* grant: what an access key may do. A grant is an action on an instance. The action is a level (read, write,
 * admin, each holding the one before) or the name of an operation's action as the vendor's RAM has it
 * ("mq:SetSniConfig"), which may end with '*'. The instance "*" is every instance and what belongs to the
 * account as a whole. There is no deny. Pure. */
#ifndef SIGNET_API_GRANT_H
#define SIGNET_API_GRANT_H

#include "common/err.h"
#include "common/model.h"

#include <stdbool.h>
#include <stddef.h>

enum { GRANT_ACTION_MAX = 128, GRANTS_MAX = 100 };

enum grant_level { GRANT_READ, GRANT_WRITE, GRANT_ADMIN };

struct grant {
        char action[GRANT_ACTION_MAX + 1];
        char instance[INSTANCE_ID_MAX + 1]; /* "*": all, and the account */
};
struct grants {
        struct grant *rows; /* owned */
        size_t count;
};
void grants_done(struct grants *g);

/* "read", "write", "admin"; false for another text. */
bool grant_level_read(const char *text, enum grant_level *ret);
/* Whether an operation that needs `action`, or `level`, may be done on `instance`; NULL: on the account. */
bool grants_allow(const struct grants *g, const char *action, enum grant_level level, const char *instance);
/* The same on at least one instance, or on the account. */
bool grants_allow_somewhere(const struct grants *g, const char *action, enum grant_level level);
/* Whether the key may administer its account: give keys and grants. */
bool grants_administer(const struct grants *g);

#endif
