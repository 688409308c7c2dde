/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/settings.h"

#include "common/conf.h"
#include "common/crypt.h"

#include <string.h>

#define AT(field) offsetof(struct ctl_settings, field)

static const struct setting settings[] = {
        {"SIGNET_ENDPOINT", SETTING_TEXT, AT(endpoint), "http://127.0.0.1:8080", 0, 0, "URL of signet-api"},
        {"SIGNET_CACERT", SETTING_TEXT, AT(cacert), "", 0, 0,
         "PEM file of the CAs to trust, of an https endpoint and of the broker (empty: the system's)"},
        {"SIGNET_HOME", SETTING_TEXT, AT(home), "./.signet", 0, 0, "folder with credentials.env and run/"},
        {"SIGNET_RUN_DIR", SETTING_TEXT, AT(run_dir), "", 0, 0,
         "folder of the brokers' control sockets (empty: <home>/run)"},
        {"SIGNET_INSTANCE", SETTING_TEXT, AT(instance), "mqtt-cn-signet00001", 0, 0,
         "instance of status, control, mqtt-user, verify and export"},
        {"SIGNET_TIMEOUT_SECONDS", SETTING_INT, AT(timeout_s), "60", 1, 3600,
         "limit of one call, in seconds"},
        {"SIGNET_MQTTS_LISTEN", SETTING_TEXT, AT(mqtts_listen), "127.0.0.1:8883", 0, 0,
         "where the broker of this machine listens; verify connects there"},
        {"ALIBABA_CLOUD_ACCESS_KEY_ID", SETTING_TEXT, AT(access_key_id), "", 0, 0,
         "access key (empty: from <home>/credentials.env)"},
        {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", SETTING_TEXT, AT(access_key_secret), "", 0, 0, "and its secret"},
};
enum { SETTINGS = sizeof settings / sizeof settings[0] };

enum err ctl_settings_read(struct ctl_settings *ret, char why[256])
{
        return conf_read(settings, SETTINGS, ret, why);
}

void ctl_settings_done(struct ctl_settings *s)
{
        if (s->access_key_secret != NULL)
                crypt_wipe(s->access_key_secret, strlen(s->access_key_secret));
        conf_done(settings, SETTINGS, s);
}

const struct setting *ctl_settings_table(size_t *ret_count)
{
        *ret_count = SETTINGS;
        return settings;
}
