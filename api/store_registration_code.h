/* SPDX-License-Identifier: Apache-2.0 */
/* store_registration_code: codes that are handed out for the common name of a verification certificate, each
 * for one instance and one registration. Blocks on the database. */
#ifndef SIGNET_API_STORE_REGISTRATION_CODE_H
#define SIGNET_API_STORE_REGISTRATION_CODE_H

#include "api/ca_proof.h"
#include "common/db.h"
#include "common/err.h"

#include <stdint.h>

enum { REGISTRATION_CODES_MAX = 10000 }; /* of an instance, used ones too; the oldest go */

/* A new one: a lower-case UUID and the account ID in 16 digits. ERR_NOT_FOUND: the instance is gone. */
MUST_CHECK enum err store_registration_code_new(struct db *db, int64_t account_id, const char *instance,
                                                char ret[REGISTRATION_CODE_SIZE]);
/* CODE_UNKNOWN, CODE_UNUSED or CODE_USED. */
MUST_CHECK enum err store_registration_code_look(struct db *db, const char *instance, const char *code,
                                                 struct ca_standing *ret);
/* Within the caller's transaction. ERR_NOT_FOUND unless it was unused. */
MUST_CHECK enum err store_registration_code_use(struct db *db, const char *instance, const char *code);

#endif
