/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_certificate.h"

#include "common/pem.h"
#include "ctl/field.h"

#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 512, NAMED_MAX = 20 };

static const json_t *file_entry(const struct import_job *j, const char *name)
{
        return json_object_get(json_object_get(j->wanted, "ServerCertificates"), name);
}

/* Of the reference, or of what the file says about the name. */
static const char *wanted_sha256(const struct import_job *j, const json_t *reference)
{
        const char *given = field_text(reference, "Sha256");

        return given[0] != '\0' ? given
                                : field_text(file_entry(j, field_text(reference, "Certificate")), "Sha256");
}

static void reference_key(const struct import_job *j, const json_t *reference, char ret[KEY_SIZE])
{
        (void)snprintf(ret, KEY_SIZE, "%s %s", wanted_sha256(j, reference),
                       field_text(reference, "Certificate"));
}

json_t *import_resolved(const struct import_job *j, const json_t *reference)
{
        char key[KEY_SIZE];

        reference_key(j, reference, key);
        return json_object_get(j->resolved, key);
}

static json_t *resolved_new(json_int_t id, const char *name, const char *sha256, const char *file_name)
{
        return json_pack("{s:I, s:s, s:s, s:s}", "CertId", id, "Name", name, "Sha256", sha256, "FileName",
                         file_name);
}

/* The key is tried here, so that a wrong one stops the import before it has changed anything. */
static enum err check_key(struct import_job *j, const char *name, const json_t *entry, const struct buf *key)
{
        CLEANUP(pem_chain) struct pem_chain chain = {{NULL}, 0};
        CLEANUP(evp_pkeyp) EVP_PKEY *read = NULL;
        CLEANUP(buf) struct buf password = BUF_UP_TO(2 * SECRET_PASSWORD_MAX);
        const char *cert = field_text(entry, "Cert"), *why;
        bool encrypted = pem_key_is_encrypted(buf_text(key), key->len);
        enum err e;

        TRY(pem_read_chain(cert, strlen(cert), &chain, &why));
        if (encrypted)
                TRY(secret_password(&j->places, name, entry, &password, j->client->failure));
        e = pem_read_key(buf_text(key), key->len, encrypted ? buf_text(&password) : NULL, &read);
        if (e == ERR_OK)
                e = pem_key_matches(chain.certificates[0], read);
        return e == ERR_OK ? ERR_OK
                           : failure_set(j->client->failure, EXIT_USAGE,
                                         "server certificate %.80s: its key: %s", name, err_text(e));
}

/* *ret stays NULL when no private key is given. */
static enum err try_upload(struct import_job *j, const char *name, const char *sha256, json_t **ret)
{
        CLEANUP(buf) struct buf key = BUF_UP_TO(SECRET_KEY_MAX);
        const json_t *entry = file_entry(j, name);

        if (strcmp(field_text(entry, "Sha256"), sha256) != 0 || field_text(entry, "Cert")[0] == '\0')
                return ERR_OK;
        TRY(secret_key(&j->places, name, entry, &key, j->client->failure));
        if (key.len == 0)
                return ERR_OK;
        TRY(check_key(j, name, entry, &key));
        if (account_by_name(&j->account, name) != NULL)
                return failure_set(j->client->failure, EXIT_USAGE,
                                   "server certificate %.80s: the account has another one of this name; give "
                                   "this one another name",
                                   name);
        *ret = resolved_new(0, name, sha256, name);
        j->uploads++;
        return *ret != NULL ? import_change(j, "upload", name, "", sha256) : ERR_NOMEM;
}

/* *ret stays NULL when there is no way. */
static enum err find_way(struct import_job *j, const char *name, const char *sha256, json_t **ret)
{
        const json_t *row = sha256[0] != '\0' ? account_by_sha256(&j->account, sha256, name) : NULL;

        if (row == NULL && sha256[0] != '\0')
                TRY(try_upload(j, name, sha256, ret));
        if (*ret != NULL)
                return ERR_OK;
        if (row == NULL && (row = account_by_name(&j->account, name)) == NULL)
                return ERR_OK;
        if (sha256[0] != '\0' && strcmp(field_text(row, "Sha256"), sha256) != 0)
                TRY(import_note(j, name, "found by its name; its SHA-256 is %s, in the file %s",
                                field_text(row, "Sha256"), sha256));
        *ret = resolved_new(field_number(row, "CertId"), field_text(row, "Name"), field_text(row, "Sha256"),
                            name);
        return *ret != NULL ? ERR_OK : ERR_NOMEM;
}

/* `missing` collects the names that there is no way to. */
static enum err resolve(struct import_job *j, const json_t *reference, json_t *missing)
{
        const char *name = field_text(reference, "Certificate");
        char key[KEY_SIZE];
        json_t *found = NULL;

        reference_key(j, reference, key);
        if (json_object_get(j->resolved, key) != NULL || json_object_get(missing, name) != NULL)
                return ERR_OK;
        TRY(find_way(j, name, wanted_sha256(j, reference), &found));
        return found != NULL ? field_set(j->resolved, key, found) : field_set(missing, name, json_true());
}

static enum err name_missing(struct import_job *j, const json_t *missing)
{
        CLEANUP(buf) struct buf names = BUF_UP_TO(FAILURE_TEXT_SIZE);
        size_t count = json_object_size(missing), shown = 0;
        const char *name;
        json_t *value;

        json_object_foreach((json_t *)missing, name, value)
        {
                if (shown < NAMED_MAX)
                        TRY(buf_addf(&names, "%s%.64s", shown++ > 0 ? ", " : "", name));
        }
        return failure_set(
                j->client->failure, EXIT_USAGE,
                "%zu server certificates are not in the account, and no private key is given to upload "
                "them (KeyFile, --keys): %s%s",
                count, buf_text(&names), count > shown ? ", …" : "");
}

enum err import_resolve(struct import_job *j)
{
        CLEANUP(jsonp) json_t *missing = json_object();
        const json_t *first = json_object_get(j->wanted, "DefaultCertificate");
        const char *domain;
        json_t *reference;

        if (json_is_object(first))
                TRY(resolve(j, first, missing));
        json_object_foreach(json_object_get(j->wanted, "Domains"), domain, reference)
        {
                TRY(resolve(j, reference, missing));
        }
        return json_object_size(missing) == 0 ? ERR_OK : name_missing(j, missing);
}

/* ---- upload ---- */

static enum err add_tags(const json_t *tags, struct question *q)
{
        const json_t *tag;
        size_t i;

        json_array_foreach(tags, i, tag)
        {
                char name[32];

                (void)snprintf(name, sizeof name, "Tags.%zu.Key", i + 1);
                TRY(question_add(q, name, field_text(tag, "Key")));
                (void)snprintf(name, sizeof name, "Tags.%zu.Value", i + 1);
                TRY(question_add(q, name, field_text(tag, "Value")));
        }
        return ERR_OK;
}

static enum err upload_one(struct import_job *j, json_t *resolved)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_CAS, "UploadUserCertificate");
        CLEANUP(buf) struct buf key = BUF_UP_TO(SECRET_KEY_MAX);
        CLEANUP(jsonp) json_t *answer = NULL;
        const char *name = field_text(resolved, "FileName");
        const json_t *entry = file_entry(j, name);

        TRY(secret_key(&j->places, name, entry, &key, j->client->failure));
        TRY(question_add(&q, "Name", name));
        TRY(question_add(&q, "Cert", field_text(entry, "Cert")));
        TRY(question_add(&q, "Key", buf_text(&key)));
        TRY(add_tags(json_object_get(entry, "Tags"), &q));
        TRY(client_ask(j->client, &q, &answer));
        TRY(account_add(&j->account, field_number(answer, "CertId"), name, field_text(resolved, "Sha256")));
        return field_set(resolved, "CertId", json_integer(field_number(answer, "CertId")));
}

enum err import_upload(struct import_job *j)
{
        const char *key;
        json_t *resolved;

        json_object_foreach(j->resolved, key, resolved)
        {
                if (field_number(resolved, "CertId") == 0)
                        TRY(upload_one(j, resolved));
        }
        return ERR_OK;
}
