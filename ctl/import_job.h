/* SPDX-License-Identifier: Apache-2.0 */
/* import_job: what the steps of an import share. */
#ifndef SIGNET_CTL_IMPORT_JOB_H
#define SIGNET_CTL_IMPORT_JOB_H

#include "common/err.h"
#include "ctl/account.h"
#include "ctl/client.h"
#include "ctl/import_secret.h"
#include "ctl/mapping.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct import_job { /* everything but `client` and the borrowed texts is its own */
        struct client *client;
        struct secret_places places;
        const char *instance;
        bool dry_run, delete_missing;

        json_t *wanted;         /* the file (config_file.h) */
        json_t *described;      /* DescribeInstance; NULL: there is no instance yet */
        struct mapping mapping; /* what is configured now; empty without an instance */
        json_t *present;        /* its domains: domain → row of the mapping */
        json_t *cas;            /* instance_cas() */
        struct account account;

        json_t *resolved; /* import_reference_key() → the certificate that an entry means
                             (import_certificate.h) */
        json_t *changes;  /* rows of the result: Change, What, Before, After */
        json_t *notes;    /* rows of the result: About, Note */
        json_t *problems; /* rows of the result: About, Problem */
        size_t uploads, added, changed, removed, unchanged;
        bool default_changed;
};

void import_job_done(struct import_job *j);
static inline void cleanup_import_job(struct import_job *j)
{
        import_job_done(j);
}

MUST_CHECK enum err import_change(struct import_job *j, const char *change, const char *what,
                                  const char *before, const char *after);
/* Worth knowing; changes nothing. */
MUST_CHECK enum err import_note(struct import_job *j, const char *about, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The instance will not be what the file says: exit status 1. */
MUST_CHECK enum err import_problem(struct import_job *j, const char *about, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
