/* SPDX-License-Identifier: Apache-2.0 */
/* authority_rows: rows of CA certificates, their revocation lists and devices, as the API writes them.
 * Everything here ends the test when it fails. */
#ifndef SIGNET_TESTS_AUTHORITY_ROWS_H
#define SIGNET_TESTS_AUTHORITY_ROWS_H

#include "certificate_maker.h"
#include "scratch_database.h"

#include <stdbool.h>
#include <stdint.h>

#define INSTANCE "mqtt-test"

/* Of INSTANCE, active, with the revision that the instance is at. Its sn is ca_sn(id). */
void ca_row(struct scratch_database *d, int64_t id, const struct made *ca);
const char *ca_sn(int64_t id); /* until the next call */
/* What the API does to a CA that is removed: with its devices; the row stays as a mark. */
void ca_row_remove(struct scratch_database *d, int64_t id);

/* The CA's row gets the revision too. `next_update`: seconds since 1970; 0: none. */
void list_row(struct scratch_database *d, int64_t ca_id, struct bytes der, int64_t next_update);
/* A CertificateList of the serial numbers `first` to `last`. */
struct buf list_made(long first, long last);
void serial_digest(long serial, uint8_t ret[32]); /* as a CA's list knows it */

/* Device n of a CA: active, as one that has registered itself. Its certificate is nothing but its digest. */
void device_row(struct scratch_database *d, int64_t ca_id, int n);
void device_rows(struct scratch_database *d, int64_t ca_id, int first, int last);
void device_row_set(struct scratch_database *d, int64_t ca_id, int n, bool active);
void device_row_remove(struct scratch_database *d, int64_t ca_id, int n); /* leaves its mark */
void device_digest(int n, uint8_t ret[32]);

#endif
