/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/export.h"

#include "common/cleanup.h"
#include "ctl/client.h"
#include "ctl/config_file.h"
#include "ctl/field.h"
#include "ctl/file.h"
#include "ctl/instance.h"
#include "ctl/leaf.h"
#include "ctl/mapping.h"
#include "ctl/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 24 };

struct exporting {
        struct client *client;
        json_t *config;
        json_t *references; /* CertId as text → {Certificate, Sha256} */
};

static enum err add_tags(const json_t *tags, json_t *ret)
{
        json_t *list = json_array();
        const json_t *tag;
        size_t i;

        if (json_array_size(tags) == 0) {
                json_decref(list);
                return ERR_OK;
        }
        TRY(field_set(ret, "Tags", list));
        json_array_foreach(tags, i, tag)
        {
                TRY(field_append(list, json_pack("{s:s, s:s}", "Key", field_text(tag, "TagKey"), "Value",
                                                 field_text(tag, "TagValue"))));
        }
        return ERR_OK;
}

/* *ret is the reference to it, borrowed from `references`. */
static enum err add_certificate(struct exporting *x, const char *key, json_int_t id, json_t **ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_CAS, "GetUserCertificateDetail");
        CLEANUP(jsonp) json_t *detail = NULL;
        CLEANUP(jsonp) json_t *certificate = json_object();
        char sha256[LEAF_SHA256_SIZE];

        TRY(question_add_number(&q, "CertId", id));
        TRY(client_ask(x->client, &q, &detail));
        leaf_sha256_read(field_text(detail, "Sha2"), sha256);
        TRY(field_set(certificate, "Sha256", json_string(sha256)));
        TRY(add_tags(json_object_get(detail, "Tags"), certificate));
        TRY(field_set(certificate, "Cert", json_string(field_text(detail, "Cert"))));
        TRY(field_set(json_object_get(x->config, "ServerCertificates"), field_text(detail, "Name"),
                      json_incref(certificate)));
        *ret = json_pack("{s:s, s:s}", "Certificate", field_text(detail, "Name"), "Sha256", sha256);
        return field_set(x->references, key, *ret);
}

static enum err reference_to(struct exporting *x, json_int_t id, json_t **ret)
{
        char key[KEY_SIZE];

        (void)snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, id);
        *ret = json_object_get(x->references, key);
        return *ret != NULL ? ERR_OK : add_certificate(x, key, id, ret);
}

/* Whether a key is encrypted is known from the entries that came with its password. */
static enum err mark_encrypted(struct exporting *x, const json_t *reference)
{
        json_t *certificate = json_object_get(json_object_get(x->config, "ServerCertificates"),
                                              field_text(reference, "Certificate"));

        return field_set(certificate, "KeyEncrypted", json_true());
}

static enum err add_domains(struct exporting *x, const struct mapping *m)
{
        json_t *domains = json_object_get(x->config, "Domains"), *reference = NULL;
        const json_t *row;
        size_t i;

        if (m->default_id != 0)
                TRY(reference_to(x, m->default_id, &reference));
        TRY(field_set(x->config, "DefaultCertificate",
                      reference != NULL ? json_incref(reference) : json_null()));
        json_array_foreach(m->rows, i, row)
        {
                TRY(reference_to(x, field_number(row, "CertId"), &reference));
                TRY(field_set(domains, field_text(row, "Domain"), json_incref(reference)));
                if (json_is_true(json_object_get(row, "HasPassword")))
                        TRY(mark_encrypted(x, reference));
        }
        return ERR_OK;
}

static enum err read_instance(struct exporting *x, const char *instance)
{
        static const char *const same[] = {"MqttInstanceId", "InstanceName", "Edition", "AuthenticationMode"};
        CLEANUP(mapping) struct mapping m = {0};
        CLEANUP(jsonp) json_t *described = NULL;
        json_t *cas = NULL;

        TRY(instance_describe(x->client, instance, &described));
        for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
                TRY(field_set(x->config, same[i], json_string(field_text(described, same[i]))));
        TRY(field_set(x->config, "LoginRequired",
                      json_boolean(json_is_true(json_object_get(described, "LoginRequired")))));
        TRY(mapping_read(x->client, instance, &m));
        TRY(add_domains(x, &m));
        TRY(instance_cas(x->client, instance, field_text(described, "Edition"), &cas));
        return field_set(x->config, "CaCertificates", cas);
}

static enum err read_config(struct client *c, const char *instance, struct buf *ret)
{
        CLEANUP(jsonp)
        json_t *config = json_pack("{s:i, s:{}, s:{}}", "SignetConfiguration", (int)CONFIG_VERSION, "Domains",
                                   "ServerCertificates");
        CLEANUP(jsonp) json_t *references = json_object();
        struct exporting x = {c, config, references};

        if (config == NULL || references == NULL)
                return ERR_NOMEM;
        TRY(read_instance(&x, instance));
        return config_write(config, ret);
}

static enum err write_file(const char *path, const struct buf *text, struct failure *f)
{
        enum err e = file_write(path, text);

        return e == ERR_IO ? failure_set(f, EXIT_USAGE, "%.200s: %s", path, strerror(errno)) : e;
}

enum exit_status export_run(const struct ctl_settings *settings, const struct options *o)
{
        const char *path = o->count > 0 ? o->arguments[0] : "-";
        CLEANUP(buf) struct buf text = BUF_UP_TO(CONFIG_TEXT_MAX);
        CLEANUP(client) struct client c = {0};
        struct failure f = {0};
        enum err e = client_open(settings, &f, &c);

        if (e == ERR_OK)
                e = read_config(&c, settings->instance, &text);
        if (e == ERR_OK && strcmp(path, "-") == 0)
                return print_text(&text);
        if (e == ERR_OK)
                e = write_file(path, &text, &f);
        return failure_exit(&f, e);
}
