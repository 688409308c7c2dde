/* SPDX-License-Identifier: Apache-2.0 */
/* store_ca: the CA certificates of instances. Every change is a transaction of its own with its revision and
 * its audit event. Serial numbers are canonical (common/serial.h). Blocks on the database. */
#ifndef SIGNET_API_STORE_CA_H
#define SIGNET_API_STORE_CA_H

#include "api/actor.h"
#include "api/ca_proof.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Adds to `ret` the fields of a row of ListCaCertificate. ERR_NOT_FOUND. */
MUST_CHECK enum err store_ca_get(struct db *db, const char *instance, const char *sn, json_t *ret);
/* Appends such rows to `list`, in the order of registration. */
MUST_CHECK enum err store_ca_list(struct db *db, const char *instance, int64_t offset, int64_t limit,
                                  json_t *list, int64_t *ret_total);

struct ca_change {
        const struct actor *actor;
        const char *instance;
};

/* How the proof stands; nothing is locked or changed. */
MUST_CHECK enum err store_ca_look(struct db *db, const struct ca_change *change, const struct ca_proof *proof,
                                  struct ca_standing *ret);
/* Uses the code up and adds the CA, which is active. `proof` has no problems. ERR_REFUSED: *ret_standing says
 * why; it is set then only. ERR_NOT_FOUND: no such instance. */
MUST_CHECK enum err store_ca_put(struct db *db, const struct ca_change *change, const struct ca_proof *proof,
                                 const char *name, struct ca_standing *ret_standing, int64_t *ret_revision);
/* *ret_revision: the present one when that was its state already. ERR_NOT_FOUND. */
MUST_CHECK enum err store_ca_set_active(struct db *db, const struct ca_change *change, const char *sn,
                                        bool active, int64_t *ret_revision);
/* With its devices and its revocation list. The row stays as a mark for brokers. ERR_NOT_FOUND. */
MUST_CHECK enum err store_ca_remove(struct db *db, const struct ca_change *change, const char *sn,
                                    int64_t *ret_revision);

#endif
