/* SPDX-License-Identifier: Apache-2.0 */
/* settings: what signetctl reads from its environment (table in settings.c, printed by --help). */
#ifndef SIGNET_CTL_SETTINGS_H
#define SIGNET_CTL_SETTINGS_H

#include "common/conf.h"
#include "common/err.h"

#include <stdint.h>

struct ctl_settings {
        char *endpoint;          /* SIGNET_ENDPOINT: URL of signet-api */
        char *cacert;            /* SIGNET_CACERT: PEM file of CAs for an https endpoint; "": the system's */
        char *home;              /* SIGNET_HOME: where credentials.env and run/ are */
        char *run_dir;           /* SIGNET_RUN_DIR: control sockets; "<home>/run" when empty */
        char *instance;          /* SIGNET_INSTANCE: for status and control */
        char *access_key_id;     /* ALIBABA_CLOUD_ACCESS_KEY_ID; "": from <home>/credentials.env */
        char *access_key_secret; /* ALIBABA_CLOUD_ACCESS_KEY_SECRET */
        char *mqtts_listen;      /* SIGNET_MQTTS_LISTEN: where verify finds the broker */
        int64_t timeout_s;       /* SIGNET_TIMEOUT_SECONDS, of one call */
};

MUST_CHECK enum err ctl_settings_read(struct ctl_settings *ret, char why[256]);
void ctl_settings_done(struct ctl_settings *s); /* wipes the secret */
const struct setting *ctl_settings_table(size_t *ret_count);

#endif
