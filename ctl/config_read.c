/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/config_file.h"

#include "common/crypt.h"
#include "common/domain.h"
#include "common/pem.h"
#include "common/text.h"
#include "ctl/field.h"
#include "ctl/leaf.h"
#include "ctl/nearest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ID_MAX = 64, NAME_MAX_BYTES = 256, TAGS_MAX = 20, PATH_MAX_BYTES = 4096 };

enum kind {
        KIND_TEXT,
        KIND_SHA256,
        KIND_PEM,
        KIND_STATUS,
        KIND_TRUE,
        KIND_TAGS,
        KIND_NUMBER,
        KIND_ENTRY,
        KIND_OBJECT
};

struct rule {
        const char *name;
        enum kind kind;
        bool required;
        size_t most; /* bytes of a text; members of an object */
};

/* Where in the file, for a failure. */
struct place {
        const char *section, *key; /* key NULL: a member of the file itself */
        struct failure *f;
};

static const struct rule top_rules[] = {
        {"SignetConfiguration", KIND_NUMBER, true, 0},
        {"MqttInstanceId", KIND_TEXT, true, ID_MAX},
        {"InstanceName", KIND_TEXT, false, NAME_MAX_BYTES},
        {"Edition", KIND_TEXT, false, ID_MAX},
        {"AuthenticationMode", KIND_TEXT, false, ID_MAX},
        {"LoginRequired", KIND_TRUE, false, 0},
        {"DefaultCertificate", KIND_ENTRY, true, 0},
        {"Domains", KIND_OBJECT, true, CONFIG_DOMAINS_MAX},
        {"CaCertificates", KIND_OBJECT, false, CONFIG_CAS_MAX},
        {"ServerCertificates", KIND_OBJECT, false, CONFIG_CERTIFICATES_MAX},
};
static const struct rule reference_rules[] = {
        {"Certificate", KIND_TEXT, true, NAME_MAX_BYTES},
        {"Sha256", KIND_SHA256, false, 0},
};
static const struct rule ca_rules[] = {
        {"CaName", KIND_TEXT, false, NAME_MAX_BYTES},
        {"Status", KIND_STATUS, true, 0},
        {"CaContent", KIND_PEM, false, PEM_TEXT_MAX},
};
static const struct rule certificate_rules[] = {
        {"Sha256", KIND_SHA256, false, 0},
        {"KeyEncrypted", KIND_TRUE, false, 0},
        {"Tags", KIND_TAGS, false, TAGS_MAX},
        {"KeyFile", KIND_TEXT, false, PATH_MAX_BYTES},
        {"PasswordFile", KIND_TEXT, false, PATH_MAX_BYTES},
        {"PasswordEnvironment", KIND_TEXT, false, NAME_MAX_BYTES},
        {"Cert", KIND_PEM, false, PEM_TEXT_MAX},
};
#define COUNT(rules) (sizeof(rules) / sizeof(rules)[0])

static enum err wrong(const struct place *at, const char *field, const char *what)
{
        if (at->key == NULL)
                return failure_set(at->f, EXIT_USAGE, "%.64s: %s", field, what);
        return failure_set(at->f, EXIT_USAGE, "%s%s%.80s, %.64s: %s", at->section,
                           at->section[0] != '\0' ? ", " : "", at->key, field, what);
}

/* ---- values ---- */

static enum err check_text(const struct place *at, const struct rule *r, const json_t *value)
{
        size_t len = json_string_length(value);

        if (!json_is_string(value))
                return wrong(at, r->name, "is no text");
        if (len == 0 || len > r->most)
                return wrong(at, r->name, len == 0 ? "is empty" : "is longer than allowed");
        return ERR_OK;
}

/* Written in lower case afterwards. */
static enum err check_sha256(const struct place *at, const struct rule *r, json_t *value)
{
        uint8_t digest[SHA256_BYTES];
        char text[2 * SHA256_BYTES + 1];

        if (!json_is_string(value) ||
            text_unhex(json_string_value(value), json_string_length(value), digest, sizeof digest) != ERR_OK)
                return wrong(at, r->name, "is not 64 hex digits");
        text_hex(digest, sizeof digest, text);
        return json_string_set(value, text) == 0 ? ERR_OK : ERR_NOMEM;
}

static enum err check_pem(const struct place *at, const struct rule *r, const json_t *value)
{
        CLEANUP(pem_chain) struct pem_chain chain = {{NULL}, 0};
        const char *why = "it is larger than allowed";

        TRY(check_text(at, r, value));
        if (strstr(json_string_value(value), "PRIVATE KEY-----") != NULL)
                return wrong(at, r->name, "holds a private key; name its file in KeyFile");
        if (pem_read_chain(json_string_value(value), json_string_length(value), &chain, &why) != ERR_OK)
                return wrong(at, r->name, why);
        return ERR_OK;
}

static bool tag_valid(const json_t *tag)
{
        const json_t *key = json_object_get(tag, "Key"), *value = json_object_get(tag, "Value");

        return json_object_size(tag) == 2 && json_is_string(key) && json_is_string(value) &&
               json_string_length(key) > 0 && json_string_length(key) <= 4 * 128 &&
               json_string_length(value) <= 4 * 256;
}

static enum err check_tags(const struct place *at, const struct rule *r, const json_t *value)
{
        const json_t *tag;
        size_t i;

        if (!json_is_array(value) || json_array_size(value) > r->most)
                return wrong(at, r->name, "is no list of up to 20");
        json_array_foreach(value, i, tag)
        {
                if (!tag_valid(tag))
                        return wrong(at, r->name, "is not made of {\"Key\": …, \"Value\": …}");
        }
        return ERR_OK;
}

static enum err check_members(const struct place *at, const struct rule *rules, size_t count, json_t *object);

static enum err check_value(const struct place *at, const struct rule *r, json_t *value)
{
        const struct place inside = {at->section, r->name, at->f};
        const char *text = json_string_value(value);

        switch (r->kind) {
        case KIND_TEXT:
                return check_text(at, r, value);
        case KIND_SHA256:
                return check_sha256(at, r, value);
        case KIND_PEM:
                return check_pem(at, r, value);
        case KIND_STATUS:
                return text != NULL && (strcmp(text, "0") == 0 || strcmp(text, "1") == 0)
                               ? ERR_OK
                               : wrong(at, r->name, "is neither \"0\" (inactive) nor \"1\" (active)");
        case KIND_TRUE:
                return json_is_boolean(value) ? ERR_OK : wrong(at, r->name, "is neither true nor false");
        case KIND_TAGS:
                return check_tags(at, r, value);
        case KIND_NUMBER:
                return json_is_integer(value) && json_integer_value(value) == CONFIG_VERSION
                               ? ERR_OK
                               : wrong(at, r->name, "is no version that this signetctl can read (1)");
        case KIND_ENTRY: /* the default certificate: there may be none */
                return json_is_null(value)
                               ? ERR_OK
                               : check_members(&inside, reference_rules, COUNT(reference_rules), value);
        case KIND_OBJECT:
                if (!json_is_object(value))
                        return wrong(at, r->name, "is no object");
                return json_object_size(value) <= r->most
                               ? ERR_OK
                               : wrong(at, r->name, "has more entries than allowed");
        }
        return ERR_INTERNAL;
}

/* ---- objects ---- */

static enum err unknown_member(const struct place *at, const struct rule *rules, size_t count,
                               const char *name)
{
        struct nearest near = {.wanted = name};
        char hint[NEAREST_HINT_SIZE], what[NEAREST_HINT_SIZE + 32];

        for (size_t i = 0; i < count; i++)
                nearest_offer(&near, rules[i].name);
        nearest_hint(&near, "", hint);
        (void)snprintf(what, sizeof what, "there is no such field%s", hint);
        return wrong(at, name, what);
}

static const struct rule *rule_of(const struct rule *rules, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(rules[i].name, name) == 0)
                        return &rules[i];
        return NULL;
}

static enum err check_members(const struct place *at, const struct rule *rules, size_t count, json_t *object)
{
        const char *name;
        json_t *value;

        if (!json_is_object(object))
                return wrong(at, "the entry", "is no object");
        json_object_foreach(object, name, value)
        {
                const struct rule *r = rule_of(rules, count, name);

                if (r == NULL)
                        return unknown_member(at, rules, count, name);
                TRY(check_value(at, r, value));
        }
        for (size_t i = 0; i < count; i++)
                if (rules[i].required && json_object_get(object, rules[i].name) == NULL)
                        return wrong(at, rules[i].name, "is missing");
        return ERR_OK;
}

/* The keys become canonical names, so two ways of writing one domain are one domain. */
static enum err read_domains(json_t *config, struct failure *f)
{
        json_t *domains = json_object(), *entry;
        const char *key, *why = "out of memory";
        struct place at = {"Domains", NULL, f};
        enum err e = domains != NULL ? ERR_OK : ERR_NOMEM;

        json_object_foreach(json_object_get(config, "Domains"), key, entry)
        {
                char canonical[DOMAIN_SIZE];

                at.key = key;
                e = check_members(&at, reference_rules, COUNT(reference_rules), entry);
                if (e == ERR_OK && domain_canonical(key, strlen(key), canonical, &why) != ERR_OK)
                        e = wrong(&at, "the domain", why);
                if (e == ERR_OK && json_object_get(domains, canonical) != NULL)
                        e = wrong(&at, "the domain", "is there twice");
                if (e == ERR_OK && json_object_set(domains, canonical, entry) != 0)
                        e = ERR_NOMEM;
                if (e != ERR_OK)
                        break;
        }
        if (e == ERR_OK)
                return field_set(config, "Domains", domains);
        json_decref(domains);
        return e;
}

static bool is_serial(const char *text)
{
        size_t len = strlen(text);

        return len > 0 && len <= 128 && strspn(text, "0123456789abcdef") == len;
}

static enum err read_cas(const json_t *config, struct failure *f)
{
        const char *key;
        json_t *entry;

        json_object_foreach(json_object_get(config, "CaCertificates"), key, entry)
        {
                const struct place at = {"CaCertificates", key, f};

                if (!is_serial(key))
                        return wrong(&at, "the serial number", "is not in lower-case hex digits");
                TRY(check_members(&at, ca_rules, COUNT(ca_rules), entry));
        }
        return ERR_OK;
}

/* The certificate's own SHA-256, which may have been left out. */
static enum err hash_certificate(const struct place *at, json_t *entry)
{
        CLEANUP(pem_chain) struct pem_chain chain = {{NULL}, 0};
        const char *text = field_text(entry, "Cert"), *given = field_text(entry, "Sha256"), *why;
        char sha256[LEAF_SHA256_SIZE];

        if (text[0] == '\0')
                return ERR_OK;
        TRY(pem_read_chain(text, strlen(text), &chain, &why));
        TRY(pem_certificate_sha256(chain.certificates[0], sha256));
        if (given[0] != '\0' && strcmp(given, sha256) != 0)
                return wrong(at, "Sha256", "is not that of Cert");
        return field_set(entry, "Sha256", json_string(sha256));
}

static enum err read_certificates(const json_t *config, struct failure *f)
{
        const char *key;
        json_t *entry;

        json_object_foreach(json_object_get(config, "ServerCertificates"), key, entry)
        {
                const struct place at = {"ServerCertificates", key, f};

                if (key[0] == '\0' || strlen(key) > NAME_MAX_BYTES)
                        return wrong(&at, "the name", key[0] == '\0' ? "is empty" : "is longer than allowed");
                TRY(check_members(&at, certificate_rules, COUNT(certificate_rules), entry));
                TRY(hash_certificate(&at, entry));
        }
        return ERR_OK;
}

enum err config_read(const char *text, size_t len, json_t **ret, struct failure *f)
{
        const struct place top = {"", NULL, f};
        json_error_t error;
        CLEANUP(jsonp) json_t *config = NULL;

        if (len > CONFIG_TEXT_MAX)
                return failure_set(f, EXIT_USAGE, "larger than %d MiB", CONFIG_TEXT_MAX >> 20);
        config = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        if (config == NULL)
                return failure_set(f, EXIT_USAGE, "line %d: %s", error.line, error.text);
        TRY(check_members(&top, top_rules, COUNT(top_rules), config));
        TRY(read_domains(config, f));
        TRY(read_cas(config, f));
        TRY(read_certificates(config, f));
        if (json_is_null(json_object_get(config, "DefaultCertificate")) &&
            json_object_size(json_object_get(config, "Domains")) > 0)
                return wrong(&top, "DefaultCertificate", "is null, but there are domains");
        *ret = TAKE(config);
        return ERR_OK;
}
