/* SPDX-License-Identifier: Apache-2.0 */
/* account: the server certificates of the account, to be found by ID, name and SHA-256. */
#ifndef SIGNET_CTL_ACCOUNT_H
#define SIGNET_CTL_ACCOUNT_H

#include "common/err.h"
#include "ctl/client.h"

#include <jansson.h>

/* A row is an object with CertId (integer), Name and Sha256 (lower-case hex). Rows are borrowed. */
struct account {
        json_t *by_id, *by_name; /* key → row */
        json_t *by_sha256;       /* key → list of rows, the lowest ID first */
};

/* Reads all of them, expired ones too. */
MUST_CHECK enum err account_read(struct client *c, struct account *ret);
/* ERR_NOMEM. `sha256` in lower case. */
MUST_CHECK enum err account_add(struct account *a, json_int_t id, const char *name, const char *sha256);
void account_done(struct account *a);
static inline void cleanup_account(struct account *a)
{
        account_done(a);
}

/* NULL when there is none. */
const json_t *account_by_id(const struct account *a, json_int_t id);
const json_t *account_by_name(const struct account *a, const char *name);
/* Of several uploads of one certificate that of the name, else the first. */
const json_t *account_by_sha256(const struct account *a, const char *sha256, const char *name);

#endif
