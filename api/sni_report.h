/* SPDX-License-Identifier: Apache-2.0 */
/* sni_report: SetSniConfig with DryRun. Everything is checked as if it were to be done, each entry is told
 * what is wrong with it and what a client would find, and nothing changes. Reads the database. */
#ifndef SIGNET_API_SNI_REPORT_H
#define SIGNET_API_SNI_REPORT_H

#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { REPORT_ROWS_MAX = 10000 };

struct sni_question {
        struct db *db;
        const struct master_key *master;
        int64_t account_id;
        const char *instance;
        const char *config;              /* SniConfig as it came */
        const char *default_certificate; /* the same of DefaultCertificate */
};
/* Adds Success, DryRun, the counts and Report to `answer`. Entries that are wrong are part of the answer, not
 * a failure. Never holds a password. */
MUST_CHECK enum err sni_report(const struct sni_question *question, json_t *answer);

#endif
