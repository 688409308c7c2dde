/* SPDX-License-Identifier: Apache-2.0 */
/* store_device: device certificates, in the order in which they were registered. Blocks on the database. */
#ifndef SIGNET_API_STORE_DEVICE_H
#define SIGNET_API_STORE_DEVICE_H

#include "api/revision.h"
#include "common/db.h"
#include "common/err.h"
#include "common/serial.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Which device: the serial numbers of its CA and its own, as serial_read() writes them. */
struct device_key {
        const char *instance;
        char ca_sn[SERIAL_SIZE], sn[SERIAL_SIZE];
};

/* A page of rows of ListDeviceCertificate, appended to `list`; *ret_total counts all. A page costs the same
 * wherever it is. `ca_sn` NULL: of the whole instance. ERR_NOT_FOUND: the instance has no such CA. */
MUST_CHECK enum err store_device_page(struct db *db, const char *instance, const char *ca_sn, int64_t offset,
                                      int64_t limit, json_t *list, int64_t *ret_total);
/* One such row; the caller owns *ret. ERR_NOT_FOUND. */
MUST_CHECK enum err store_device_get(struct db *db, const struct device_key *key, json_t **ret);

/* For SQL: what such a row is made of, of a device_certificate `d`. */
#define DEVICE_MILLISECONDS(time) "(extract(epoch FROM " time ") * 1000)::bigint::text"
#define DEVICE_ROW                                                                                           \
        "d.sn, d.name, CASE WHEN d.active THEN '1' ELSE '0' END, " DEVICE_MILLISECONDS(                      \
                "d.not_before") ", " DEVICE_MILLISECONDS("d.not_after") ", d.der"
/* Makes it of a row in binary format; `first`: the column of DEVICE_ROW's first. New reference, NULL: out of
 * memory. */
json_t *device_row(const PGresult *rows, int row, const char *ca_sn, int first);

struct device_state {
        int64_t ca_id;
        bool active;
        char *name; /* of the certificate's subject; owned */
};
void device_state_done(struct device_state *s);
static inline void cleanup_device_state(struct device_state *s)
{
        device_state_done(s);
}

/* Within the transaction of revision_lock(), so that it stays as it is found. ERR_NOT_FOUND. */
MUST_CHECK enum err store_device_find(struct db *db, const struct device_key *key, struct device_state *ret);
/* Within the same transaction; the row, or the mark that a deleted one leaves, carries r->number. */
MUST_CHECK enum err store_device_set_active(struct db *db, const struct revision *r, int64_t ca_id,
                                            const char *sn, bool active);
MUST_CHECK enum err store_device_delete(struct db *db, const struct revision *r, int64_t ca_id,
                                        const char *sn);

#endif
