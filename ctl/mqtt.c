/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/mqtt.h"

#include "common/crypt.h"
#include "common/text.h"
#include "ctl/credentials.h"
#include "ctl/print.h"

#include <string.h>

static enum exit_status print_password(const struct credentials *key, const char *client_id)
{
        CLEANUP(buf) struct buf password = BUF_UP_TO(64);
        uint8_t mac[SHA1_BYTES];

        crypt_hmac_sha1(buf_text(&key->secret), key->secret.len, client_id, strlen(client_id), mac);
        if (text_base64(mac, sizeof mac, &password) != ERR_OK)
                return exit_because(EXIT_USAGE, "out of memory");
        return print_line(buf_text(&password));
}

enum exit_status mqtt_password(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(credentials) struct credentials key = {BUF_UP_TO(0), BUF_UP_TO(0)};
        const char *client_id = o->values[OPTION_CLIENT_ID];
        char why[256] = "";

        if (client_id == NULL || client_id[0] == '\0')
                return exit_because(EXIT_USAGE, "mqtt-password needs --client-id <id>");
        if (credentials_read(settings, &key, why) != ERR_OK)
                return exit_because(EXIT_USAGE, "%s", why);
        return print_password(&key, client_id);
}

enum exit_status mqtt_user(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(credentials) struct credentials key = {BUF_UP_TO(0), BUF_UP_TO(0)};
        CLEANUP(buf) struct buf user = BUF_UP_TO(1024);
        char why[256] = "";

        (void)o;
        if (credentials_read(settings, &key, why) != ERR_OK)
                return exit_because(EXIT_USAGE, "%s", why);
        if (buf_addf(&user, "Signature|%s|%s", buf_text(&key.id), settings->instance) != ERR_OK)
                return exit_because(EXIT_USAGE, "the instance's name is too long");
        return print_line(buf_text(&user));
}
