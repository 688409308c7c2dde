/* SPDX-License-Identifier: Apache-2.0 */
/* fault: an error as the caller sees it. Code, HTTP status and standard message are written once, in
 * FAULT_LIST; a message of its own says which field or entry and why, and never holds a secret. */
#ifndef SIGNET_API_FAULT_H
#define SIGNET_API_FAULT_H

#include "common/err.h"

/* id, HTTP status, Code, standard Message */
#define FAULT_LIST(X)                                                                                        \
        X(FAULT_NONE, 200, "OK", "")                                                                         \
        X(FAULT_ACCESS_KEY_NOT_FOUND, 404, "InvalidAccessKeyId.NotFound",                                    \
          "Specified access key is not found.")                                                              \
        X(FAULT_ACCESS_KEY_INACTIVE, 400, "InvalidAccessKeyId.Inactive",                                     \
          "Specified access key is disabled.")                                                               \
        X(FAULT_SIGNATURE, 400, "SignatureDoesNotMatch",                                                     \
          "Specified signature is not matched with our calculation. server string to sign is:")              \
        X(FAULT_INCOMPLETE_SIGNATURE, 400, "IncompleteSignature",                                            \
          "The request signature does not conform to Aliyun standards.")                                     \
        X(FAULT_SIGNATURE_METHOD, 400, "InvalidSignatureMethod",                                             \
          "Specified signature method is not supported.")                                                    \
        X(FAULT_NONCE_USED, 400, "SignatureNonceUsed", "Specified signature nonce was used already.")        \
        X(FAULT_TIME_FORMAT, 400, "InvalidTimeStamp.Format",                                                 \
          "Specified time stamp or date value is not well formatted.")                                       \
        X(FAULT_TIME_EXPIRED, 400, "InvalidTimeStamp.Expired",                                               \
          "Specified time stamp or date value is expired.")                                                  \
        X(FAULT_ACTION_NOT_FOUND, 404, "InvalidAction.NotFound",                                             \
          "Specified api is not found, please check your url and method.")                                   \
        X(FAULT_VERSION, 400, "InvalidVersion", "Specified parameter Version is not valid.")                 \
        X(FAULT_METHOD, 405, "UnsupportedHTTPMethod", "This http method is not supported.")                  \
        X(FAULT_MISSING, 400, "Missing%s", "%s is mandatory for this action.")                               \
        X(FAULT_INVALID, 400, "Invalid%s", "Specified parameter %s is not valid.")                           \
        X(FAULT_PARAMETER, 400, "InvalidParameter", "Specified parameter is not valid.")                     \
        X(FAULT_NEED_SSL, 403, "InvalidProtocol.NeedSsl", "Your request is denied as lack of ssl protect.")  \
        X(FAULT_SECURITY_TOKEN, 400, "InvalidSecurityToken.Unsupported",                                     \
          "Security tokens are not supported.")                                                              \
        X(FAULT_TOO_LARGE, 413, "RequestEntityTooLarge", "The request is larger than allowed.")              \
        X(FAULT_BUSY, 503, "ServiceUnavailable",                                                             \
          "The request has failed due to a temporary failure of the server.")                                \
        X(FAULT_INTERNAL, 500, "InternalError",                                                              \
          "The request processing has failed due to some unknown error.")                                    \
        X(FAULT_INSTANCE_NOT_FOUND, 400, "MqttInstanceNotFound", "Specified instance is not found.")         \
        X(FAULT_INSTANCE_EXISTS, 400, "InstanceAlreadyExists", "Specified instance exists already.")         \
        X(FAULT_CERTIFICATE_NOT_FOUND, 400, "NotFound", "Specified certificate is not found.")               \
        X(FAULT_CERTIFICATE_NAME, 400, "NameRepeat", "Specified certificate name is taken already.")         \
        X(FAULT_CERTIFICATE_PARSE, 400, "ParseCertificateFailed", "Specified certificate cannot be parsed.") \
        X(FAULT_CERTIFICATE_IN_USE, 400, "InvalidStatus.DeleteProtection",                                   \
          "Specified certificate is in use.")                                                                \
        X(FAULT_QUOTA, 400, "InsufficientQuota", "The quota is used up.")                                    \
        X(FAULT_SNI_CONFIG, 400, "InvalidSniConfig", "Specified parameter SniConfig is not valid.")          \
        X(FAULT_DEFAULT_CERTIFICATE, 400, "InvalidDefaultCertificate",                                       \
          "Specified parameter DefaultCertificate is not valid.")

#define FAULT_ENUM(id, http, code, message) id,
enum fault_id { FAULT_LIST(FAULT_ENUM) FAULT_COUNT };
#undef FAULT_ENUM

enum { FAULT_MESSAGE_MAX = 4096 };

struct fault {
        enum fault_id id;
        char code[96];
        char message[FAULT_MESSAGE_MAX]; /* cut at the end of a UTF-8 character */
};

/* Sets the standard message, or `format` instead when not NULL. Always returns ERR_REFUSED, for `return
 * fault_set(…)`. */
MUST_CHECK enum err fault_set(struct fault *f, enum fault_id id, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* FAULT_MISSING and FAULT_INVALID with the parameter's name in Code: "MissingMqttInstanceId". */
MUST_CHECK enum err fault_set_field(struct fault *f, enum fault_id id, const char *field, const char *format,
                                    ...) __attribute__((format(printf, 4, 5)));
int fault_http(const struct fault *f);

#endif
