/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pem.h"
#include "ctl/config_file.h"
#include "ctl/field.h"
#include "ctl/leaf.h"
#include "ctl/print.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static enum err read_text(const char *text, json_t **ret, struct failure *f)
{
        return config_read(text, strlen(text), ret, f);
}

static void assert_wrong(const char *text, const char *reason)
{
        struct failure f = {0};
        json_t *config = NULL;

        cr_assert_eq(read_text(text, &config, &f), ERR_REFUSED, "%s", text);
        cr_assert_eq(f.status, EXIT_USAGE);
        cr_assert_not_null(strstr(f.text, reason), "%s\n-> %s", text, f.text);
        cr_assert_null(config);
}

/* The file with `members` behind what every file needs. */
#define FILE_WITH(members)                                                                                   \
        "{\"SignetConfiguration\": 1, \"MqttInstanceId\": \"i\", \"DefaultCertificate\": "                   \
        "{\"Certificate\": \"d\"}, " members "}"
#define DOMAINS(entries)      FILE_WITH("\"Domains\": {" entries "}")
#define CERTIFICATES(entries) FILE_WITH("\"Domains\": {}, \"ServerCertificates\": {" entries "}")
#define CAS(entries)          FILE_WITH("\"Domains\": {}, \"CaCertificates\": {" entries "}")

Test(config_file, what_is_no_json_is_told_by_its_line)
{
        assert_wrong("", "line 1: ");
        assert_wrong("{\n\"a\": 1,\n}", "line 3: ");
        assert_wrong("{\"SignetConfiguration\": 1,\n\"SignetConfiguration\": 1}",
                     "line 2: duplicate object key");
        assert_wrong("[]", "the entry: is no object");
        assert_wrong("{} x", "line 1: ");
        assert_wrong("{\"a\": \"\\u0000\"}", "line 1: ");
}

Test(config_file, a_field_that_is_missing_unknown_or_of_another_type_is_named)
{
        assert_wrong("{}", "SignetConfiguration: is missing");
        assert_wrong("{\"SignetConfiguration\": 2}", "SignetConfiguration: is no version");
        assert_wrong("{\"SignetConfiguration\": 1}", "MqttInstanceId: is missing");
        assert_wrong("{\"MqttInstanceID\": \"x\"}",
                     "MqttInstanceID: there is no such field; did you mean MqttInstanceId?");
        assert_wrong("{\"MqttInstanceId\": 1}", "MqttInstanceId: is no text");
        assert_wrong("{\"MqttInstanceId\": \"\"}", "MqttInstanceId: is empty");
        assert_wrong("{\"DefaultCertificate\": \"x\"}", "DefaultCertificate, the entry: is no object");
        assert_wrong("{\"DefaultCertificate\": {}}", "DefaultCertificate, Certificate: is missing");
        assert_wrong("{\"Domains\": []}", "Domains: is no object");
}

Test(config_file, a_domain_is_checked_with_its_certificate)
{
        assert_wrong(DOMAINS("\"localhost\": {\"Certificate\": \"c\"}"),
                     "Domains, localhost, the domain: the name has a single label");
        assert_wrong(DOMAINS("\"a.example.com\": {}"), "Domains, a.example.com, Certificate: is missing");
        assert_wrong(DOMAINS("\"a.example.com\": \"c\""), "Domains, a.example.com, the entry: is no object");
        assert_wrong(DOMAINS("\"a.example.com\": {\"Certificate\": \"c\", \"Sha256\": \"ab\"}"),
                     "Domains, a.example.com, Sha256: is not 64 hex digits");
        assert_wrong(DOMAINS("\"a.example.com\": {\"Certificate\": \"c\"}, \"A.example.COM\": "
                             "{\"Certificate\": \"c\"}"),
                     "Domains, A.example.COM, the domain: is there twice");
        assert_wrong("{\"SignetConfiguration\": 1, \"MqttInstanceId\": \"i\", \"DefaultCertificate\": null, "
                     "\"Domains\": {\"a.example.com\": {\"Certificate\": \"c\"}}}",
                     "DefaultCertificate: is null, but there are domains");
}

Test(config_file, a_server_certificate_is_read_and_its_hash_compared)
{
        assert_wrong(CERTIFICATES("\"c\": {\"Cert\": \"x\"}"),
                     "ServerCertificates, c, Cert: no CERTIFICATE block");
        assert_wrong(CERTIFICATES("\"c\": {\"Cert\": \"-----BEGIN PRIVATE KEY-----\"}"),
                     "ServerCertificates, c, Cert: holds a private key; name its file in KeyFile");
        assert_wrong(CERTIFICATES("\"c\": {\"Key\": \"x\"}"),
                     "ServerCertificates, c, Key: there is no such field");
        assert_wrong(CERTIFICATES("\"\": {}"), "ServerCertificates, , the name: is empty");
        assert_wrong(CERTIFICATES("\"c\": {\"KeyEncrypted\": 1}"), "KeyEncrypted: is neither true nor false");
        assert_wrong(CERTIFICATES("\"c\": {\"Tags\": {}}"), "Tags: is no list of up to 20");
        assert_wrong(CERTIFICATES("\"c\": {\"Tags\": [{\"Key\": \"k\"}]}"), "Tags: is not made of");
}

Test(config_file, a_ca_has_a_serial_number_and_a_state)
{
        assert_wrong(CAS("\"XY\": {\"Status\": \"1\"}"),
                     "CaCertificates, XY, the serial number: is not in lower-case hex");
        assert_wrong(CAS("\"01\": {\"Status\": \"2\"}"), "CaCertificates, 01, Status: is neither");
        assert_wrong(CAS("\"01\": {}"), "CaCertificates, 01, Status: is missing");
        assert_wrong(CAS("\"01\": {\"Status\": \"1\", \"CaContent\": \"x\"}"),
                     "CaCertificates, 01, CaContent: no CERTIFICATE");
}

static X509 *certificate_new(EVP_PKEY *key)
{
        X509 *c = X509_new();

        cr_assert_not_null(c);
        cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(c), 7), 1);
        cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(c), -3600));
        cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(c), 10 * 24 * 3600 + 60));
        cr_assert_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"a\nb", -1, -1, 0),
                     1);
        cr_assert_eq(X509_set_issuer_name(c, X509_get_subject_name(c)), 1);
        cr_assert_eq(X509_set_pubkey(c, key), 1);
        cr_assert_gt(X509_sign(c, key, EVP_sha256()), 0);
        return c;
}

/* A whole file, written as export writes it. */
static void whole_file(struct buf *ret, char sha256[LEAF_SHA256_SIZE])
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = EVP_EC_gen("P-256");
        CLEANUP(x509p) X509 *certificate = certificate_new(key);
        CLEANUP(buf) struct buf pem = BUF_UP_TO(PEM_TEXT_MAX);

        cr_assert_eq(pem_certificate_text(certificate, &pem), ERR_OK);
        cr_assert_eq(pem_certificate_sha256(certificate, sha256), ERR_OK);
        CLEANUP(jsonp)
        json_t *config = json_pack(
                "{s:i, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:{s:s, s:s}, s:{s:s, s:s}}, s:{s:{s:s, s:s, "
                "s:s}}, "
                "s:{s:{s:s, s:[{s:s, s:s}], s:b, s:s}}}",
                "SignetConfiguration", (int)CONFIG_VERSION, "MqttInstanceId", "i", "InstanceName", "n",
                "Edition", "platinum", "AuthenticationMode", "mutual", "DefaultCertificate", "Certificate",
                "c", "Sha256", sha256, "Domains", "b.example.com", "Certificate", "c", "Sha256", sha256,
                "*.example.com", "Certificate", "c", "Sha256", sha256, "CaCertificates", "01ff", "CaName",
                "ca", "Status", "0", "CaContent", buf_text(&pem), "ServerCertificates", "c", "Sha256", sha256,
                "Tags", "Key", "k", "Value", "", "KeyEncrypted", 1, "Cert", buf_text(&pem));

        cr_assert_not_null(config);
        cr_assert_eq(config_write(config, ret), ERR_OK);
}

Test(config_file, what_was_written_is_read_and_written_the_same)
{
        CLEANUP(buf) struct buf first = BUF_UP_TO(CONFIG_TEXT_MAX);
        CLEANUP(buf) struct buf second = BUF_UP_TO(CONFIG_TEXT_MAX);
        CLEANUP(jsonp) json_t *config = NULL;
        struct failure f = {0};
        char sha256[LEAF_SHA256_SIZE];

        whole_file(&first, sha256);
        cr_assert_eq(config_read(buf_text(&first), first.len, &config, &f), ERR_OK, "%s", f.text);
        cr_assert_eq(config_write(config, &second), ERR_OK);
        cr_assert_str_eq(buf_text(&first), buf_text(&second));
}

Test(config_file, an_entry_is_a_line_and_its_pem_another)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(CONFIG_TEXT_MAX);
        char sha256[LEAF_SHA256_SIZE], line[256];

        whole_file(&text, sha256);
        (void)snprintf(
                line, sizeof line,
                "  \"Domains\": {\n    \"*.example.com\": {\"Certificate\": \"c\", \"Sha256\": \"%s\"},\n"
                "    \"b.example.com\": ",
                sha256);
        cr_assert_not_null(strstr(buf_text(&text), line), "%s", buf_text(&text));
        cr_assert_not_null(strstr(buf_text(&text), "\"KeyEncrypted\": true,\n      \"Cert\": \"-----BEGIN"),
                           "%s", buf_text(&text));
        cr_assert_str_eq(buf_text(&text) + text.len - 9, "\"}\n  }\n}\n");
}

Test(config_file, reads_domains_and_hashes_in_one_form)
{
        CLEANUP(jsonp) json_t *config = NULL;
        struct failure f = {0};
        const json_t *entry;

        cr_assert_eq(
                read_text(DOMAINS("\"B\xc3\xbc"
                                  "cher.Example.\": {\"Certificate\": \"c\", \"Sha256\": \"" HASH_B "\"}, "
                                  "\"a.example.com\": {\"Certificate\": \"c\", \"Sha256\": \"" HASH_A "\"}"),
                          &config, &f),
                ERR_OK, "%s", f.text);
        entry = json_object_get(json_object_get(config, "Domains"), "xn--bcher-kva.example");
        cr_assert_not_null(entry);
        cr_assert_eq(strspn(field_text(entry, "Sha256"), "b"), 64);
}

Test(config_file, the_hash_of_a_certificate_may_be_left_out)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(CONFIG_TEXT_MAX);
        CLEANUP(jsonp) json_t *config = NULL;
        struct failure f = {0};
        char sha256[LEAF_SHA256_SIZE], *at;
        json_t *certificate;

        whole_file(&text, sha256);
        at = strstr(strstr((char *)text.data, "\"ServerCertificates\""), "\"Sha256\": ");
        memcpy(at, "\"KeyFile\":", strlen("\"KeyFile\":"));
        cr_assert_eq(config_read(buf_text(&text), text.len, &config, &f), ERR_OK, "%s", f.text);
        certificate = json_object_get(json_object_get(config, "ServerCertificates"), "c");
        cr_assert_str_eq(field_text(certificate, "Sha256"), sha256);
        memcpy(at, "\"Sha256\": \"0", strlen("\"Sha256\": \"0"));
        at[strlen("\"Sha256\": \"")] = sha256[0] == '0' ? '1' : '0';
        assert_wrong(buf_text(&text), "ServerCertificates, c, Sha256: is not that of Cert");
}

/* Every byte of a whole file, cut there or turned into something else: refused with a reason, or read. */
Test(config_file, survives_any_damage)
{
        static const char others[] = {'\0', '"', '}', '{', ',', '0', (char)0xff};
        CLEANUP(buf) struct buf text = BUF_UP_TO(CONFIG_TEXT_MAX);
        char sha256[LEAF_SHA256_SIZE];

        whole_file(&text, sha256);
        for (size_t i = 0; i < text.len; i++) {
                char kept = (char)text.data[i];

                for (size_t j = 0; j <= sizeof others; j++) {
                        CLEANUP(jsonp) json_t *config = NULL;
                        struct failure f = {0};
                        enum err e;

                        if (j < sizeof others)
                                text.data[i] = (uint8_t)others[j];
                        e = config_read(buf_text(&text), j < sizeof others ? text.len : i, &config, &f);
                        text.data[i] = (uint8_t)kept;
                        cr_assert(e == ERR_OK || (e == ERR_REFUSED && f.text[0] != '\0'), "byte %zu", i);
                        cr_assert_eq(e == ERR_OK, config != NULL);
                }
        }
}

Test(leaf, says_what_the_certificate_says)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = EVP_EC_gen("P-256");
        CLEANUP(x509p) X509 *certificate = certificate_new(key);
        CLEANUP(jsonp) json_t *seen = json_object();

        cr_assert_eq(leaf_describe(certificate, (int64_t)time(NULL), seen), ERR_OK);
        cr_assert_str_eq(field_text(seen, "Subject"), "CN = a\\0Ab");
        cr_assert_str_eq(field_text(seen, "Serial"), "07");
        cr_assert_eq(field_number(seen, "DaysLeft"), 10);
        cr_assert(json_is_false(json_object_get(seen, "Expired")));
        cr_assert_eq(strlen(field_text(seen, "NotAfter")), 20);
        cr_assert_eq(leaf_describe(certificate, (int64_t)time(NULL) + 30 * 24 * 3600, seen), ERR_OK);
        cr_assert_eq(field_number(seen, "DaysLeft"), 0);
        cr_assert(json_is_true(json_object_get(seen, "Expired")));
}

Test(leaf, takes_the_hash_of_the_api_only_when_it_is_one)
{
        char sha256[LEAF_SHA256_SIZE];

        leaf_sha256_read(HASH_B, sha256);
        cr_assert_eq(strspn(sha256, "b"), 64);
        leaf_sha256_read("xyz", sha256);
        cr_assert_str_eq(sha256, "");
}
