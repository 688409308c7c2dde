/* SPDX-License-Identifier: Apache-2.0 */
/* refusal: every reason for which this broker keeps a client out or cuts it off, in one table: its name in
 * metrics and logs, what people read, the X509_V_ code that makes OpenSSL send the right TLS alert (RFC 8446
 * §6.2) when it is about the device's certificate, and the CONNACK code when it comes after the handshake. */
#ifndef SIGNET_BROKER_REFUSAL_H
#define SIGNET_BROKER_REFUSAL_H

#include "broker/mqtt_write.h"

#include <openssl/x509_vfy.h>

/* Where it is said: before any TLS work, within the handshake, in answer to CONNECT. One that holds for live
 * connections too ends those at a new snapshot. */
enum refusal_stage { STAGE_ACCEPT, STAGE_HANDSHAKE, STAGE_CONNECT };

/* clang-format off */
#define REFUSAL_LIST(X)                                                                                                  \
        X(CONNECTIONS_FULL,   "connections_full",    STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "too many connections")    \
        X(ADDRESS_FULL,       "address_full",        STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "too many connections from this address") \
        X(UNFINISHED_FULL,    "unfinished_full",     STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "too many connections that have not come to CONNECT: this was the one that had waited longest") \
        X(DESCRIPTORS_FULL,   "descriptors_full",    STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "no file descriptor left") \
        X(PROXY_FROM,         "proxy_from",          STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "not one of the balancers that this listener is for") \
        X(PROXY_HEADER,       "proxy_header",        STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "no PROXY header, or a malformed one") \
        X(PROXY_TIMEOUT,      "proxy_timeout",       STAGE_ACCEPT,    0, MQTT_UNAVAILABLE,    "no PROXY header in time") \
        X(NO_CONFIGURATION,   "no_configuration",    STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "no configuration loaded yet") \
        X(NAME_UNKNOWN,       "name_unknown",        STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "no certificate for this name") \
        X(SERVER_CERTIFICATE, "server_certificate",  STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "the server certificate cannot be parsed") \
        X(TLS_PROTOCOL,       "tls_protocol",        STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "the TLS handshake failed") \
        X(HANDSHAKE_LEFT,     "handshake_left",      STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "closed by the client during the handshake") \
        X(HANDSHAKE_TIMEOUT,  "handshake_timeout",   STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "handshake took too long") \
        X(KEY_UPDATES,        "key_updates",         STAGE_HANDSHAKE, 0, MQTT_UNAVAILABLE,    "too many key updates") \
        X(NO_CERTIFICATE,     "no_certificate",      STAGE_HANDSHAKE, 0, MQTT_NOT_AUTHORIZED, "no device certificate")   \
        X(CHAIN_TOO_LONG,     "chain_too_long",      STAGE_HANDSHAKE, X509_V_ERR_CERT_CHAIN_TOO_LONG, MQTT_NOT_AUTHORIZED, "the device's certificate chain is too long") \
        X(UNKNOWN_CA,         "unknown_ca",          STAGE_HANDSHAKE, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, MQTT_NOT_AUTHORIZED, "no registered CA certificate has issued the device certificate") \
        X(CA_INACTIVE,        "ca_inactive",         STAGE_HANDSHAKE, X509_V_ERR_CERT_REVOKED, MQTT_NOT_AUTHORIZED, "the CA certificate is inactive") \
        X(CA_REMOVED,         "ca_removed",          STAGE_HANDSHAKE, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, MQTT_NOT_AUTHORIZED, "the CA certificate has been deleted") \
        X(DEVICE_INACTIVE,    "device_inactive",     STAGE_HANDSHAKE, X509_V_ERR_CERT_REVOKED, MQTT_NOT_AUTHORIZED, "the device certificate is inactive") \
        X(DEVICE_REMOVED,     "device_removed",      STAGE_HANDSHAKE, X509_V_ERR_CERT_REVOKED, MQTT_NOT_AUTHORIZED, "the device certificate has been deleted") \
        X(REVOKED,            "revoked",             STAGE_HANDSHAKE, X509_V_ERR_CERT_REVOKED, MQTT_NOT_AUTHORIZED, "the certificate is on its CA's revocation list") \
        X(NOT_YET_VALID,      "not_yet_valid",       STAGE_HANDSHAKE, X509_V_ERR_CERT_NOT_YET_VALID, MQTT_NOT_AUTHORIZED, "a certificate of the device's chain is not valid yet") \
        X(EXPIRED,            "expired",             STAGE_HANDSHAKE, X509_V_ERR_CERT_HAS_EXPIRED, MQTT_NOT_AUTHORIZED, "a certificate of the device's chain has expired") \
        X(WRONG_PURPOSE,      "wrong_purpose",       STAGE_HANDSHAKE, X509_V_ERR_INVALID_PURPOSE, MQTT_NOT_AUTHORIZED, "the certificate is not for client authentication") \
        X(WEAK_KEY,           "weak_key",            STAGE_HANDSHAKE, X509_V_ERR_EE_KEY_TOO_SMALL, MQTT_NOT_AUTHORIZED, "a key of the device's chain is too short") \
        X(WEAK_DIGEST,        "weak_digest",         STAGE_HANDSHAKE, X509_V_ERR_CA_MD_TOO_WEAK, MQTT_NOT_AUTHORIZED, "a signature of the device's chain is too weak") \
        X(BAD_SIGNATURE,      "bad_signature",       STAGE_HANDSHAKE, X509_V_ERR_CERT_SIGNATURE_FAILURE, MQTT_NOT_AUTHORIZED, "a signature of the device's chain is wrong") \
        X(BAD_CERTIFICATE,    "bad_certificate",     STAGE_HANDSHAKE, X509_V_ERR_CERT_REJECTED, MQTT_NOT_AUTHORIZED, "the device certificate is not acceptable") \
        X(NO_MEMORY,          "no_memory",           STAGE_HANDSHAKE, X509_V_ERR_OUT_OF_MEM, MQTT_UNAVAILABLE, "out of memory") \
        X(MODE,               "mode",                STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the authentication mode is mutual now") \
        X(PLAIN,              "plain",               STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "connections without TLS are not let in while the authentication mode is mutual") \
        X(WEBSOCKET,          "websocket",           STAGE_CONNECT,   0, MQTT_UNAVAILABLE,    "no WebSocket as it must be") \
        X(CONNECT_TIMEOUT,    "connect_timeout",     STAGE_CONNECT,   0, MQTT_UNAVAILABLE,    "no CONNECT in time")      \
        X(BAD_CONNECT,        "bad_connect",         STAGE_CONNECT,   0, MQTT_IS_MALFORMED,   "malformed CONNECT")       \
        X(CONNECT_PROTOCOL,   "connect_protocol",    STAGE_CONNECT,   0, MQTT_IS_AGAINST_PROTOCOL, "CONNECT against the protocol") \
        X(AUTH_METHOD,        "auth_method",         STAGE_CONNECT,   0, MQTT_HAS_BAD_METHOD, "no authentication method is supported") \
        X(RETAINED_WILL,      "retained_will",       STAGE_CONNECT,   0, MQTT_WANTS_RETAIN,   "retained messages are not supported") \
        X(WILL,               "will",                STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "will messages are not supported") \
        X(BAD_LEVEL,          "bad_level",           STAGE_CONNECT,   0, MQTT_BAD_LEVEL,      "protocol level not supported") \
        X(BAD_CLIENT_ID,      "bad_client_id",       STAGE_CONNECT,   0, MQTT_BAD_CLIENT_ID,  "client ID empty or too long") \
        X(NO_LOGIN,           "no_login",            STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "no user name or password") \
        X(BAD_LOGIN,          "bad_login",           STAGE_CONNECT,   0, MQTT_BAD_LOGIN,      "bad user name or password") \
        X(ACCESS_KEY_GONE,    "access_key_gone",     STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "access key disabled or removed") \
        X(BLACK_LISTED,       "black_listed",        STAGE_CONNECT,   0, MQTT_IS_BANNED,      "the client ID is on the black list") \
        X(IDENTITY_GONE,      "identity_gone",       STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the identity has been removed") \
        X(TOKEN_NOT_GOOD,     "token_not_good",      STAGE_CONNECT,   0, MQTT_BAD_LOGIN,      "the token is not good here") \
        X(TOKEN_EXPIRED,      "token_expired",       STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the token has expired")   \
        X(TOKEN_REVOKED,      "token_revoked",       STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the token has been revoked") \
        X(TOKEN_KEY_GONE,     "token_key_gone",      STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the access key of the token is disabled, removed or may not apply for tokens") \
        X(CLIENT_ID_FORM,     "client_id_form",      STAGE_CONNECT,   0, MQTT_BAD_CLIENT_ID,  "client ID is not <GroupID>@@@<DeviceID> of at most 64 characters") \
        X(GROUP_UNKNOWN,      "group_unknown",       STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the group of the client ID does not exist") \
        X(WILL_DENIED,        "will_denied",         STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "not allowed to publish its will") \
        X(RIGHT_GONE,         "right_gone",          STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "no longer allowed what it has subscribed to or would leave as its will") \
        X(CLONE,              "clone",               STAGE_CONNECT,   0, MQTT_NOT_AUTHORIZED, "the CA has another certificate with this serial number") \
        X(REGISTRY_AWAY,      "registry_away",       STAGE_CONNECT,   0, MQTT_UNAVAILABLE,    "a new device cannot be registered while the database is away") \
        X(REGISTRY_FULL,      "registry_full",       STAGE_CONNECT,   0, MQTT_UNAVAILABLE,    "too many new devices") \
        X(SESSIONS_FULL,      "sessions_full",       STAGE_CONNECT,   0, MQTT_IS_OVER_QUOTA,  "too many sessions")
/* clang-format on */

enum refusal {
        REFUSAL_NONE,
#define REFUSAL_ENUM(name, label, stage, verify_error, connack, text) REFUSAL_##name,
        REFUSAL_LIST(REFUSAL_ENUM)
#undef REFUSAL_ENUM
                REFUSALS
};

struct refusal_row {
        const char *label, *text; /* static */
        enum refusal_stage stage;
        int verify_error; /* X509_V_…; 0: not about the device's certificate */
        enum mqtt_connack connack;
};
extern const struct refusal_row refusal_table[REFUSALS]; /* row 0 is REFUSAL_NONE's: texts "" */

#endif
