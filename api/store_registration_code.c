/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_registration_code.h"

#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void new_code(int64_t account_id, char ret[REGISTRATION_CODE_SIZE])
{
        char uuid[UUID_SIZE];

        crypt_uuid(uuid);
        (void)snprintf(ret, REGISTRATION_CODE_SIZE, "%s%016" PRId64, uuid, account_id);
}

/* Codes of an instance are numbered without gaps, so two calls at a time come one after the other. The
 * instance's own lock is not taken for that: a long change would keep codes from being handed out. */
static const char queue_sql[] =
        "SELECT pg_advisory_xact_lock(hashtextextended('registration_code/' || $1::text, 0))";

/* Two statements: a deletion of the instance waits for the old codes' row locks, and the foreign key would
 * wait for that deletion. */
static const char put_sql[] =
        "INSERT INTO registration_code (mqtt_instance_id, code, ordinal)"
        " SELECT $1, $2, coalesce(max(ordinal), 0) + 1 FROM registration_code WHERE mqtt_instance_id = $1"
        " RETURNING ordinal";
static const char forget_sql[] =
        "DELETE FROM registration_code WHERE mqtt_instance_id = $1 AND ordinal <= $2";

enum err store_registration_code_new(struct db *db, int64_t account_id, const char *instance,
                                     char ret[REGISTRATION_CODE_SIZE])
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        char code[REGISTRATION_CODE_SIZE];

        new_code(account_id, code);
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(code)};
        TRY(db_begin(db, &tx));
        TRY(db_query(db, DB_AS_TEXT, NULL, queue_sql, 1, params));
        enum err e = db_query(db, DB_AS_TEXT, &rows, put_sql, 2, params);

        if (e == ERR_CONFLICT)
                return ERR_NOT_FOUND;
        TRY(e);
        const struct db_param oldest[] = {DB_TEXT(instance),
                                          DB_INT(db_int(rows, 0, 0) - REGISTRATION_CODES_MAX)};
        TRY(db_query(db, DB_AS_TEXT, NULL, forget_sql, 2, oldest));
        TRY(db_commit(&tx));
        memcpy(ret, code, sizeof code);
        return ERR_OK;
}

static const char look_sql[] =
        "SELECT used_at IS NOT NULL FROM registration_code WHERE mqtt_instance_id = $1 AND code = $2";

enum err store_registration_code_look(struct db *db, const char *instance, const char *code,
                                      struct ca_standing *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(code)};

        TRY(db_query(db, DB_AS_TEXT, &rows, look_sql, 2, params));
        if (PQntuples(rows) == 0)
                ret->code = CODE_UNKNOWN;
        else
                ret->code = db_bool(rows, 0, 0) ? CODE_USED : CODE_UNUSED;
        return ERR_OK;
}

static const char use_sql[] = "UPDATE registration_code SET used_at = now()"
                              " WHERE mqtt_instance_id = $1 AND code = $2 AND used_at IS NULL";

enum err store_registration_code_use(struct db *db, const char *instance, const char *code)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(code)};

        TRY(db_query(db, DB_AS_TEXT, &rows, use_sql, 2, params));
        return strcmp(PQcmdTuples(rows), "1") == 0 ? ERR_OK : ERR_NOT_FOUND;
}
