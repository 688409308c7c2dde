/* SPDX-License-Identifier: Apache-2.0 */
/* fault: an error as the caller sees it. Code, HTTP status and standard message are written once, in
 * FAULT_LIST; a message of its own says which field or entry and why, and never holds a secret. */
#ifndef SIGNET_API_FAULT_H
#define SIGNET_API_FAULT_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

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
          "Specified parameter DefaultCertificate is not valid.")                                            \
        X(FAULT_FIELD_CHECK, 400, "ParameterFieldCheckFailed",                                               \
          "Failed to validate the parameters. The parameters may be missing or invalid.")                    \
        X(FAULT_INSTANCE_OWNER, 403, "MqttOwnerCheckError", "Failed to validate the instance permission.")   \
        X(FAULT_PERMISSION_CHECK, 403, "PermissionCheckFailed", "Failed to verify API permissions.")         \
        X(FAULT_INSTANCE_PERMISSION, 400, "InstancePermissionCheckFailed",                                   \
          "An error occurred while validating the permissions of the instance. Please verify the account "   \
          "that created the instance and its permissions settings.")                                         \
        X(FAULT_PARAMETER_CHECK, 400, "ParameterCheckFailed",                                                \
          "An error occurred while validating the parameters. The parameters may be missing or invalid.")    \
        X(FAULT_RESOURCE_PERMISSION, 400, "PermissionCheckFailed",                                           \
          "An error occurred while validating the resource permissions. Please check the account that "      \
          "created the instance, topic, and GroupId, and check their permission settings.")                  \
        X(FAULT_PARAMETER_NAMED, 400, "InvalidParameter.%s",                                                 \
          "An error occurred while validating the parameter. The parameter may be missing or invalid.")      \
        X(FAULT_CUSTOM_AUTH_LIMIT, 400, "Customauth.over.capacity", "Over custom auth capacity.")            \
        X(FAULT_SEND_MESSAGE, 417, "SendMessageFailed",                                                      \
          "A storage exception occurred while sending the message. Please try again.")                       \
        X(FAULT_OVERFLOW, 403, "SystemOverFlow",                                                             \
          "An error occurred while processing your request. Please try again.")                              \
        X(FAULT_FORBIDDEN, 403, "Forbidden.RAM",                                                             \
          "User not authorized to operate on the specified resource, or this API doesn't support RAM.")      \
        X(FAULT_PERMISSION_DENIED, 400, "PermissionDenied",                                                  \
          "The access key has no permission for this operation.")                                            \
        X(FAULT_THROTTLED, 400, "Throttling.User", "Request was denied due to user flow control.")           \
        X(FAULT_REGISTER_CODE, 400, "RegisterCodeError", "Register code error in verification certificate.") \
        X(FAULT_REGISTER_CODE_USED, 401, "RegisterCodeUsed", "Register code has been used.")                 \
        X(FAULT_CA_COUNT, 401, "GetCaNumError", "Failed to get ca num. Try again later.")                    \
        X(FAULT_CA_LIMIT, 401, "CaNumExceed", "CA certificate num exceed.")                                  \
        X(FAULT_CA_CONTENT, 401, "CertificateContentError",                                                  \
          "Certificate content error, please check ca/verification certificate content. BasicConstraints "   \
          "extension should be set to true in CA certificate.")                                              \
        X(FAULT_SN_NOT_UNIQUE, 401, "SnNotUnique", "Sn is not unique in global.")                            \
        X(FAULT_CA_NOT_FOUND, 400, "FindCaBySnError",                                                        \
          "Failed to find the CA by the SN. Please check sn is valid.")                                      \
        X(FAULT_DEVICE_NOT_FOUND, 400, "FindDeviceBySnError",                                                \
          "Failed to find the device certificate by the SN. Please check sn is valid")                       \
        X(FAULT_CRL_NOT_FOUND, 400, "CaCrlNotFound", "Specified CA certificate has no revocation list.")     \
        X(FAULT_NO_INSTANCE, 400, "InstanceNotFound",                                                        \
          "Failed to find the instance. The instanceId may be invalid.")                                     \
        X(FAULT_GROUP_EXISTS, 400, "GroupIdAlreadyExsited", "The specified GroupId already exists.")         \
        X(FAULT_GROUP_CREATE, 417, "CreateGroupIdError", "Failed to create GroupId. Try again later.")       \
        X(FAULT_GROUP_DELETE, 417, "DeleteGroupIdError", "Failed to delete GroupId. Try again later.")       \
        X(FAULT_PARENT_TOPIC_EXISTS, 400, "ParentTopicAlreadyExists",                                        \
          "Specified parent topic exists already.")                                                          \
        X(FAULT_PARENT_TOPIC_NOT_FOUND, 400, "ParentTopicNotFound", "Specified parent topic is not found.")  \
        X(FAULT_NO_BROKER, 400, "NoBrokerAnswered", "No broker of the specified instance has answered.")     \
        X(FAULT_INSTANCE_IN_USE, 400, "InstanceInUse", "Specified instance is in use.")                      \
        X(FAULT_REVISION_NOT_FOUND, 400, "RevisionNotFound", "Specified revision is not in the history.")    \
        X(FAULT_REVISION_CHANGED, 409, "ConfigRevisionChanged",                                              \
          "The instance is not at the expected revision any more: somebody has changed it.")                 \
        X(FAULT_ROLLBACK, 400, "RollbackImpossible", "Specified revision cannot be served any more.")        \
        X(FAULT_ACCESS_KEY_UNKNOWN, 404, "EntityNotExist.User.AccessKey",                                    \
          "Specified access key does not exist.")                                                            \
        X(FAULT_ACCESS_KEY_LIMIT, 409, "LimitExceeded.User.AccessKey",                                       \
          "The account has as many access keys as it may.")                                                  \
        X(FAULT_LAST_ADMINISTRATOR, 400, "LastAdministrator",                                                \
          "The account would be left without an access key that may administer it.")                         \
        FAULT_LIST_CONSOLE(X)

/* Of the console's sign-in and sessions: no operation is answered with them where it is signed, so no
 * document has them. */
#define FAULT_LIST_CONSOLE(X)                                                                                \
        X(FAULT_CONSOLE_SECRET, 403, "InvalidAccessKeySecret",                                               \
          "Specified access key ID or access key secret is not right.")                                      \
        X(FAULT_CONSOLE_FAILURES, 429, "TooManySignInFailures",                                              \
          "Too many attempts to sign in have failed. Try again later.")                                      \
        X(FAULT_CONSOLE_DENIED, 403, "ConsoleRequestDenied",                                                 \
          "The request is not one of a page that this server has sent.")                                     \
        X(FAULT_CONSOLE_SESSION, 401, "ConsoleSessionExpired",                                               \
          "Nobody is signed in, or the session has ended.")                                                  \
        X(FAULT_CONSOLE_CSRF, 403, "ConsoleCsrfTokenInvalid",                                                \
          "The header x-signet-csrf is missing, or is not the one of the session.")

#define FAULT_ENUM(id, http, code, message) id,
enum fault_id { FAULT_LIST(FAULT_ENUM) FAULT_COUNT };
#undef FAULT_ENUM

enum { FAULT_MESSAGE_MAX = 4096 };

struct fault {
        enum fault_id id;
        char code[96];
        char message[FAULT_MESSAGE_MAX]; /* cut at the end of a UTF-8 character */
        char denied_action[129];         /* the action that the access key lacks; "" for another reason */
        int64_t account_id;              /* whose the access key is; with denied_action */
        int64_t retry_ms;                /* 0, or when to try again: header x-acs-retry-after */
};

/* Sets the standard message, or `format` instead when not NULL. Always returns ERR_REFUSED, for `return
 * fault_set(…)`. */
MUST_CHECK enum err fault_set(struct fault *f, enum fault_id id, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* FAULT_MISSING, FAULT_INVALID and FAULT_PARAMETER_NAMED with the parameter's name in Code:
 * "MissingMqttInstanceId". */
MUST_CHECK enum err fault_set_field(struct fault *f, enum fault_id id, const char *field, const char *format,
                                    ...) __attribute__((format(printf, 4, 5)));
/* The refusal for want of a grant of `action`: `id` and what AccessDeniedDetail says. */
MUST_CHECK enum err fault_deny(struct fault *f, enum fault_id id, int64_t account_id, const char *action,
                               const char *format, ...) __attribute__((format(printf, 5, 6)));
bool fault_names_field(enum fault_id id); /* its Code does, with fault_set_field() */
int fault_http(const struct fault *f);
const char *fault_message(enum fault_id id); /* the standard one */
/* The fault whose Code this is ("MissingX" and "InvalidX" are rows with a hole); FAULT_NONE when there is
 * none with this Code, HTTP status and standard message. */
enum fault_id fault_find(const char *code, int http, const char *message);

#endif
