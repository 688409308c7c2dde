/* SPDX-License-Identifier: Apache-2.0 */
/* store_custom_permission: what identities of the mode Custom may publish and subscribe to. See
 * store_custom.h. */
#ifndef SIGNET_API_STORE_CUSTOM_PERMISSION_H
#define SIGNET_API_STORE_CUSTOM_PERMISSION_H

#include "api/store_custom.h"

enum permit_action { PERMIT_PUB = 1, PERMIT_SUB = 2, PERMIT_PUB_SUB = 3 };
enum { PERMIT_ACTIONS = 4, PERMISSION_TOPIC_MAX = 4 * 512 }; /* bytes */
/* A broker keeps those of one identity as one value of at most 16 MiB, 3 bytes and the topic each. */
enum { PERMISSIONS_OF_IDENTITY_MAX = 8000 };
extern const char *const permit_actions[PERMIT_ACTIONS]; /* NULL, PUB, SUB, PUB_SUB */

struct custom_permission { /* texts without control characters */
        enum identity_type type;
        const char *identity, *topic;
        enum permit_action action;
        bool allow;
};

/* Adds it, or with change->update gives it another action and effect. *ret_revision: since which it is so.
 * ERR_UNSUPPORTED: the instance has parent topics, and the first level of `topic` is none of them and no
 * wildcard. ERR_LIMIT: also when the identity has PERMISSIONS_OF_IDENTITY_MAX. */
MUST_CHECK enum err store_custom_permission_put(const struct custom_change *change,
                                                const struct custom_permission *permission,
                                                int64_t *ret_revision);
/* `action` and `allow` are not looked at. */
MUST_CHECK enum err store_custom_permission_remove(const struct custom_change *change,
                                                   const struct custom_permission *permission,
                                                   int64_t *ret_revision);

struct custom_permission_filter {
        int type;                     /* -1: any */
        const char *identity, *topic; /* NULL: any */
};
/* Rows of QueryCustomAuthPermission. */
MUST_CHECK enum err store_custom_permission_list(struct db *db, const char *instance,
                                                 const struct custom_permission_filter *filter,
                                                 struct custom_page *ret);

#endif
