/* SPDX-License-Identifier: Apache-2.0 */
/* model: names and limits that the API and the broker share. Plain constants and structs only. */
#ifndef SIGNET_COMMON_MODEL_H
#define SIGNET_COMMON_MODEL_H

#include <stdint.h>

enum {
        INSTANCE_ID_MAX = 64,
        ACCESS_KEY_ID_MAX = 128,
        CLIENT_ID_MAX = 256,      /* MQTT allows 65535; longer ones are refused with CONNACK 0x02 */
        SNI_ENTRIES_MAX = 200000, /* per instance */
        SNI_PASSWORD_MAX = 1024,
        REVISION_MARKS_KEPT = 1000 /* revisions for which removals are remembered; older brokers load all */
};

#define CERTIFICATE_REGION "cn-hangzhou" /* CertIdentifier is <CertId>-cn-hangzhou, as the product's are */
#define NOTIFY_CHANNEL     "signet_instance" /* payload "<MqttInstanceId> <revision>" */

/* Contexts of sealed values (common/crypt.h); %s is the row's key. */
#define SEAL_ACCESS_KEY_SECRET "access_key.secret:%s"          /* AccessKeyId */
#define SEAL_CERTIFICATE_KEY   "server_certificate.key:%s"     /* SHA-256 of the leaf's DER, lower-case hex */
#define SEAL_SERVING_KEY       "server_certificate.serving:%s" /* the same */
#define SEAL_SNI_PASSWORD      "sni_mapping.password:%s"       /* "<MqttInstanceId>/<domain>" */
#define SEAL_TICKET_KEY        "ticket_key:%s"                 /* "<MqttInstanceId>/<name, lower-case hex>" */
#define SEAL_TOKEN_KEY         "token_key:%s"                  /* MqttInstanceId */
#define SEAL_DEVICE_CREDENTIAL "device_credential.secret:%s"   /* "<MqttInstanceId>/<client ID>" */
#define SEAL_CUSTOM_SECRET                                                                                   \
        "custom_identity.secret:%s" /* "<MqttInstanceId>/<0 or 1>/<user name>/<client ID>" */

enum authentication_mode { AUTH_ONE_WAY = 0, AUTH_MUTUAL = 1 };

#endif
