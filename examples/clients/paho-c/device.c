/* SPDX-License-Identifier: Apache-2.0 */
/* A device with the Paho C client: connects with its certificate, subscribes, sends itself a message and
 * ends. The server name (SNI) is the host of the URL. Settings: ../README.md. */
#include <MQTTClient.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QOS = 1, WAIT_MS = 20000, PATH_SIZE = 4096 };
#define TOPIC   "demo/paho-c"
#define MESSAGE "hello from paho-c"

static const char *setting(const char *name, const char *otherwise)
{
        const char *value = getenv(name);

        return value != NULL && value[0] != '\0' ? value : otherwise;
}

/* A file of scripts/up unless the variable names another. */
static const char *file(const char *name, const char *otherwise, char buffer[PATH_SIZE])
{
        snprintf(buffer, PATH_SIZE, "%s/pki/%s", setting("SIGNET_HOME", ".signet"), otherwise);
        return setting(name, buffer);
}

/* User name and password of the mode Signature: base64(HMAC-SHA1(AccessKeySecret, client ID)). */
static void sign(const char *key_id, const char *secret, const char *client_id, char user[256],
                 char password[64])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;

        HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)client_id, strlen(client_id),
             digest, &len);
        EVP_EncodeBlock((unsigned char *)password, digest, (int)len);
        snprintf(user, 256, "Signature|%s|%s", key_id, setting("SIGNET_INSTANCE", "mqtt-cn-signet00001"));
}

static int say_hello(MQTTClient client)
{
        MQTTClient_message *message = NULL;
        char *topic = NULL;
        int topic_len = 0;
        int code = MQTTClient_subscribe(client, TOPIC, QOS);

        if (code == MQTTCLIENT_SUCCESS)
                code = MQTTClient_publish(client, TOPIC, (int)strlen(MESSAGE), MESSAGE, QOS, 0, NULL);
        if (code == MQTTCLIENT_SUCCESS)
                code = MQTTClient_receive(client, &topic, &topic_len, &message, WAIT_MS);
        if (code != MQTTCLIENT_SUCCESS || message == NULL)
                return code != MQTTCLIENT_SUCCESS ? code : MQTTCLIENT_FAILURE;
        printf("%.*s\n", message->payloadlen, (const char *)message->payload);
        MQTTClient_freeMessage(&message);
        MQTTClient_free(topic);
        return MQTTCLIENT_SUCCESS;
}

/* OpenSSL's own words: the TLS alert of the broker is among them. */
static int print_tls_error(const char *text, size_t len, void *unused)
{
        (void)unused;
        fprintf(stderr, "%.*s", (int)len, text);
        return 1;
}

int main(void)
{
        char ca[PATH_SIZE], certificate[PATH_SIZE], key[PATH_SIZE], url[512], user[256], password[64];
        const char *client_id = setting("MQTT_CLIENT_ID", "GID_demo@@@paho-c");
        const char *secret = setting("ALIBABA_CLOUD_ACCESS_KEY_SECRET", NULL);
        MQTTClient client;
        MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
        MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
        int code;

        tls.trustStore = file("MQTT_CA", "ca.crt", ca);
        tls.keyStore = file("MQTT_CERT", "device_chain.crt",
                            certificate); /* the device's own first, then what issued it */
        tls.privateKey = file("MQTT_KEY", "device.key", key);
        tls.verify = 1; /* the host name too; 0 unless it is asked for */
        tls.ssl_error_cb = print_tls_error;
        options.ssl = &tls;
        options.MQTTVersion = MQTTVERSION_3_1_1;
        if (secret != NULL) { /* else by the certificate alone */
                sign(setting("ALIBABA_CLOUD_ACCESS_KEY_ID", ""), secret, client_id, user, password);
                options.username = user;
                options.password = password;
        }
        snprintf(url, sizeof url, "ssl://%s:%s", setting("MQTT_HOST", "localhost"),
                 setting("MQTT_PORT", "8883"));
        code = MQTTClient_create(&client, url, client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
        if (code == MQTTCLIENT_SUCCESS)
                code = MQTTClient_connect(client, &options);
        if (code == MQTTCLIENT_SUCCESS)
                code = say_hello(client);
        if (code != MQTTCLIENT_SUCCESS) {
                fprintf(stderr, "%s: %s (%d)\n", url, MQTTClient_strerror(code), code);
                return EXIT_FAILURE;
        }
        MQTTClient_disconnect(client, WAIT_MS);
        MQTTClient_destroy(&client);
        return EXIT_SUCCESS;
}
