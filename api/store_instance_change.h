/* SPDX-License-Identifier: Apache-2.0 */
/* store_instance_change: what an instance's own row goes through after it was made: its authentication mode,
 * and its end. Blocks on the database. */
#ifndef SIGNET_API_STORE_INSTANCE_CHANGE_H
#define SIGNET_API_STORE_INSTANCE_CHANGE_H

#include "api/actor.h"
#include "api/revision.h"
#include "api/store_instance.h"
#include "common/db.h"
#include "common/err.h"
#include "common/model.h"

#include <stdbool.h>
#include <stdint.h>

enum { NODE_ID_SHOWN = 64 };

struct instance_use {
        int64_t nodes;                /* brokers that were alive within the last BROKER_ALIVE_S */
        char node[NODE_ID_SHOWN + 1]; /* the one seen last */
        struct instance_counts counts;
        bool logins; /* groups, parent topics, or what clients sign in with */
};
/* Deletes the instance and all that is its own: mapping, CA and device certificates, history, grants that
 * name it. The audit trail stays. ERR_NOT_FOUND. ERR_REFUSED while a broker is alive, and unless `force`
 * while it has domains, CA certificates or logins; nothing has changed then. *ret says how it is, or was,
 * used. */
MUST_CHECK enum err store_instance_remove(struct db *db, const struct actor *actor, const char *id,
                                          bool force, struct instance_use *ret);

enum mode_refusal {
        MODE_NO_DEFAULT,          /* mutual needs a default certificate */
        MODE_CERTIFICATE_UNKNOWN, /* the account has no such certificate */
        MODE_KEY_LOCKED           /* encrypted, and no password has opened it */
};
struct mode_change {
        const struct actor *actor;
        const char *instance;
        enum authentication_mode mode;
        int64_t certificate;        /* becomes the default; 0: it stays as it is */
        const bool *login_required; /* NULL: it stays as it is */
        int64_t expected_revision;  /* REVISION_ANY: whatever it is now */
};
struct mode_state {
        int64_t revision, default_certificate; /* 0: none */
        bool login_required;
        enum mode_refusal refusal; /* with ERR_REFUSED only */
};
/* One revision, or none when all is so already. ERR_NOT_FOUND: no such instance. ERR_REFUSED. ERR_STALE: it
 * is not at the expected revision. */
MUST_CHECK enum err store_instance_set_mode(struct db *db, const struct mode_change *change,
                                            struct mode_state *ret);

/* "one-way", "mutual" */
const char *authentication_mode_text(enum authentication_mode mode);
bool authentication_mode_read(const char *text, enum authentication_mode *ret);

#endif
