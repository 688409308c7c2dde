/* SPDX-License-Identifier: Apache-2.0 */
/* store_custom_black: client IDs that may not connect (connect_black). A row has no values: putting one that
 * is there changes nothing. See store_custom.h. */
#ifndef SIGNET_API_STORE_CUSTOM_BLACK_H
#define SIGNET_API_STORE_CUSTOM_BLACK_H

#include "api/store_custom.h"

/* `client_id` has no control characters. *ret_revision: since which it is so. */
MUST_CHECK enum err store_custom_black_put(const struct custom_change *change, const char *client_id,
                                           int64_t *ret_revision);
MUST_CHECK enum err store_custom_black_remove(const struct custom_change *change, const char *client_id,
                                              int64_t *ret_revision);
/* Rows of QueryCustomAuthConnectBlack; `client_id` NULL: any. */
MUST_CHECK enum err store_custom_black_list(struct db *db, const char *instance, const char *client_id,
                                            struct custom_page *ret);

#endif
