/* SPDX-License-Identifier: Apache-2.0 */
#include "api/settings.h"
#include "common/conf.h"
#include "common/home.h"

#include <stddef.h>
#include <string.h>

#define AT(field) offsetof(struct api_settings, field)

static const struct setting table[] = {
        {"SIGNET_HOME", SETTING_TEXT, AT(home), "./.signet", 0, 0, "directory of this installation's files"},
        {"SIGNET_API_LISTEN", SETTING_TEXT, AT(listen), "127.0.0.1:8080", 0, 0,
         "address and port; port 0 lets the system choose"},
        {"SIGNET_API_TLS_CERT", SETTING_TEXT, AT(tls_cert), "", 0, 0,
         "PEM file, chain included; HTTPS with _KEY"},
        {"SIGNET_API_TLS_KEY", SETTING_TEXT, AT(tls_key), "", 0, 0,
         "PEM file of the private key, not encrypted"},
        {"SIGNET_DATABASE_URL", SETTING_TEXT, AT(database_url), "", 0, 0,
         "libpq URL or connection string; empty: the cluster of SIGNET_HOME"},
        {"SIGNET_DATABASE_PASSWORD_FILE", SETTING_TEXT, AT(database_password_file), "", 0, 0,
         "file whose first line is the database password"},
        {"SIGNET_MASTER_KEY_FILE", SETTING_TEXT, AT(master_key_file), "", 0, 0,
         "64 hex digits, mode 0600; empty: SIGNET_HOME/master.key"},
        {"SIGNET_RUN_DIR", SETTING_TEXT, AT(run_dir), "", 0, 0,
         "directory of the brokers' control sockets; empty: SIGNET_HOME/run"},
        {"SIGNET_USER", SETTING_TEXT, AT(user), "", 0, 0, "user to become once sockets and keys are open"},
        {"SIGNET_API_THREADS", SETTING_INT, AT(threads), "8", 1, 256,
         "operations at work at a time, a database connection each"},
        {"SIGNET_API_CONNECTIONS", SETTING_INT, AT(connections_max), "1024", 1, 100000,
         "HTTP connections at most"},
        {"SIGNET_API_BODY_MAX", SETTING_INT, AT(body_max), "17825792", 1024, 1073741824,
         "bytes of one request body"},
        {"SIGNET_API_BODY_TOTAL_MAX", SETTING_INT, AT(body_total_max), "268435456", 1024, 1099511627776,
         "bytes of all request bodies held at a time"},
        {"SIGNET_API_IDLE_SECONDS", SETTING_INT, AT(idle_s), "75", 1, 3600,
         "seconds until a silent connection is closed"},
        {"SIGNET_HISTORY_REVISIONS", SETTING_INT, AT(history_max), "1000", 1, 1000000,
         "configuration revisions kept per instance"},
        {"SIGNET_AUDIT_EVENTS", SETTING_INT, AT(audit_max), "1000000", 1, 1000000000,
         "changes kept per account in the audit trail"},
        {"SIGNET_API_THROTTLE_PERCENT", SETTING_INT, AT(throttle_percent), "100", 0, 10000,
         "of the documented calls a second; 0: no limit"},
        {"SIGNET_CA_CERTIFICATES", SETTING_INT, AT(ca_max), "10000", 1, 100000,
         "CA certificates of one instance"},
        {"SIGNET_CUSTOM_AUTH_ROWS", SETTING_INT, AT(custom_auth_max), "100000", 1, 1000000,
         "identities, permissions and black-listed client IDs of one instance, each"},
        {"SIGNET_CA_SN_UNIQUE", SETTING_TEXT, AT(ca_sn_scope), "account", 0, 0,
         "where a CA may be registered once: account, or instance"},
        {"SIGNET_OCSP", SETTING_BOOL, AT(ocsp), "on", 0, 0,
         "on: OCSP responses for server certificates are fetched, for brokers to staple"},
        {"SIGNET_OCSP_PRIVATE", SETTING_BOOL, AT(ocsp_private), "off", 0, 0,
         "on: also from responders at loopback, link-local and private addresses"},
        {"SIGNET_CONSOLE_DIR", SETTING_TEXT, AT(console_dir), "", 0, 0,
         "directory of the built console, served at /console/; empty: no console"},
        {"SIGNET_CONSOLE_IDLE_SECONDS", SETTING_INT, AT(console_idle_s), "1800", 1, 86400,
         "seconds until a session of the console that does nothing ends"},
        {"SIGNET_CONSOLE_SESSION_SECONDS", SETTING_INT, AT(console_lasts_s), "43200", 1, 2592000,
         "seconds until any session of the console ends"},
};
enum { COUNT = sizeof table / sizeof table[0] };

enum err api_settings_read(struct api_settings *ret, char why[256])
{
        struct api_settings s = {0};

        why[0] = '\0';
        TRY(conf_read(table, COUNT, &s, why));
        const struct home_settings home = {&s.home, &s.run_dir, &s.master_key_file, &s.database_url};
        enum err e = home_derive(&home, "signet_api");

        if (e == ERR_OK && (s.tls_cert[0] == '\0') != (s.tls_key[0] == '\0')) {
                e = ERR_SYNTAX;
                (void)snprintf(why, 256, "SIGNET_API_TLS_CERT and SIGNET_API_TLS_KEY go together");
        }
        if (e == ERR_OK && strcmp(s.ca_sn_scope, "account") != 0 && strcmp(s.ca_sn_scope, "instance") != 0) {
                e = ERR_SYNTAX;
                (void)snprintf(why, 256, "SIGNET_CA_SN_UNIQUE must be account or instance");
        }
        if (e != ERR_OK) {
                api_settings_done(&s);
                return e;
        }
        *ret = s;
        return ERR_OK;
}

void api_settings_done(struct api_settings *s)
{
        conf_done(table, COUNT, s);
}

void api_settings_help(FILE *out)
{
        conf_help(table, COUNT, out);
}
