/* SPDX-License-Identifier: Apache-2.0 */
/* scratch_database: a database of one test's own, with the real migrations, on the server that
 * SIGNET_TEST_DATABASE_URL names (a superuser's connection), and rows to put into it. Everything here ends
 * the test when it fails. */
#ifndef SIGNET_TESTS_SCRATCH_DATABASE_H
#define SIGNET_TESTS_SCRATCH_DATABASE_H

#include "common/crypt.h"
#include "common/wire.h"

#include <libpq-fe.h>
#include <stdint.h>

struct scratch_database {
        PGconn *admin;  /* superuser, in the scratch database */
        char url[2048]; /* the broker's role, in the scratch database */
        char name[64];
        char key_file[64];
        struct master_key *master;
};

void scratch_open(struct scratch_database *d);
void scratch_close(struct scratch_database *d);
void scratch_sql(struct scratch_database *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A row of server_certificate. The leaf is the bytes of `leaf` (nothing here parses it), the key those of
 * `key`, sealed with `master`; key NULL: no serving key. */
void scratch_certificate(struct scratch_database *d, int64_t id, struct bytes leaf, const struct bytes *chain,
                         int chain_count, const struct bytes *key, const struct master_key *master);
/* Without a grant: nobody signs in with it yet. */
void scratch_access_key(struct scratch_database *d, const char *id, const char *secret,
                        const struct master_key *master);
void scratch_grant(struct scratch_database *d, const char *id, const char *action, const char *instance);
/* A master key that is not the database's; close it with master_key_close(). */
struct master_key *scratch_other_master(void);

#endif
