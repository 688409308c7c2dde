/* SPDX-License-Identifier: Apache-2.0 */
/* settings: what signet-api reads from its environment (table in settings.c, printed by --help). */
#ifndef SIGNET_API_SETTINGS_H
#define SIGNET_API_SETTINGS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct api_settings {
        char *home;   /* SIGNET_HOME, "./.signet" */
        char *listen; /* SIGNET_API_LISTEN, "127.0.0.1:8080" */
        char *tls_cert,
                *tls_key;   /* SIGNET_API_TLS_CERT, SIGNET_API_TLS_KEY: PEM files; HTTPS when both are set */
        char *database_url; /* SIGNET_DATABASE_URL, "host=<home>/run dbname=signet user=signet_api" when empty
                             */
        char *database_password_file; /* SIGNET_DATABASE_PASSWORD_FILE, "" */
        char *master_key_file;        /* SIGNET_MASTER_KEY_FILE, "<home>/master.key" when empty */
        char *run_dir;   /* SIGNET_RUN_DIR, "<home>/run" when empty: control sockets of the brokers */
        char *user;      /* SIGNET_USER, "": becomes this user once sockets and keys are open */
        int64_t threads; /* SIGNET_API_THREADS, 8 (1 … 256): operations at work at a time, a database
                            connection each */
        int64_t connections_max; /* SIGNET_API_CONNECTIONS, 1024 (1 … 100000) */
        int64_t body_max;        /* SIGNET_API_BODY_MAX, 17825792 (17 MiB) bytes of one request body */
        int64_t body_total_max; /* SIGNET_API_BODY_TOTAL_MAX, 268435456: of all bodies being read at a time */
        int64_t idle_s;         /* SIGNET_API_IDLE_SECONDS, 75 (1 … 3600): keep-alive connections */
        int64_t history_max;    /* SIGNET_HISTORY_REVISIONS, 1000 (1 … 1000000) kept per instance */
        int64_t audit_max;      /* SIGNET_AUDIT_EVENTS, 1000000 (1 … 1000000000) kept per account */
        int64_t throttle_percent; /* SIGNET_API_THROTTLE_PERCENT, 100 (0 … 10000): of the documented rates; 0:
                                     no limit */
        int64_t ca_max;           /* SIGNET_CA_CERTIFICATES, 10000 (1 … 100000) per instance */
        int64_t custom_auth_max; /* SIGNET_CUSTOM_AUTH_ROWS, 100000 (1 … 1000000) per instance and table */
        char *ca_sn_scope;       /* SIGNET_CA_SN_UNIQUE, "account": a CA on one instance of an account only;
                                    "instance" */
        bool ocsp;               /* SIGNET_OCSP, on: fetches OCSP responses for brokers to staple */
        char *console_dir;       /* SIGNET_CONSOLE_DIR, "": files of the console; none when empty */
        int64_t console_idle_s;  /* SIGNET_CONSOLE_IDLE_SECONDS, 1800 (1 … 86400) */
        int64_t console_lasts_s; /* SIGNET_CONSOLE_SESSION_SECONDS, 43200 (1 … 2592000) */
        bool ocsp_private; /* SIGNET_OCSP_PRIVATE, off: also from responders at addresses that are not public
                            */
};

MUST_CHECK enum err api_settings_read(struct api_settings *ret,
                                      char why[256]); /* from the environment, empty ones derived */
void api_settings_done(struct api_settings *s);
void api_settings_help(FILE *out);

#endif
