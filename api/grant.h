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
/* Whether the key can give everything: admin on the account. Without a key that can, nobody could ever be
 * given what nobody has. */
bool grants_administer(const struct grants *g);

/* Who may give keys and grants gives no more than he has. The first of `wanted` that `held` does not hold,
 * NULL when it holds all. A level is held by a level at least as high; an action's name, or all names with a
 * beginning, by that name, a beginning of it, or admin (not by read or write: which level a name stands for
 * is the business of each operation, and of brokers); on that instance, or on all. */
const struct grant *grants_lacking(const struct grants *held, const struct grants *wanted);

/* Sorted, each once: the form in which two can be compared. */
void grants_tidy(struct grants *g);
/* Of tidy ones. */
bool grants_equal(const struct grants *a, const struct grants *b);
MUST_CHECK enum err grants_copy(const struct grants *from, struct grants *ret);
static inline void cleanup_grants(struct grants *g)
{
        grants_done(g);
}

#endif
