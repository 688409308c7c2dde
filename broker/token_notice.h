/* SPDX-License-Identifier: Apache-2.0 */
/* token_notice: the JSON of the mode Token's system topics. Pure. Source: ApsaraMQ for MQTT, "Token-based
 * authentication": a client renews a token by a PUBLISH to `$SYS/uploadToken`; it is told at
 * `$SYS/tokenExpireNotice` that one will end and at `$SYS/tokenInvalidNotice` what is wrong with one. */
#ifndef SIGNET_BROKER_TOKEN_NOTICE_H
#define SIGNET_BROKER_TOKEN_NOTICE_H

#include "broker/login_token.h"
#include "common/buf.h"

#define TOKEN_UPLOAD_TOPIC  "$SYS/uploadToken"
#define TOKEN_EXPIRE_TOPIC  "$SYS/tokenExpireNotice"
#define TOKEN_INVALID_TOPIC "$SYS/tokenInvalidNotice"

enum { TOKEN_UPLOAD_MAX = TOKEN_TEXT_MAX + 1024, TOKEN_NOTICE_SIZE = 96 };

/* {"token": "…", "type": "R"|"W"|"RW"}, other members are nobody's business. The token's text is appended.
 * ERR_SYNTAX; ERR_LIMIT: longer than TOKEN_UPLOAD_MAX; ERR_NOMEM. */
MUST_CHECK enum err token_upload_read(struct bytes payload, struct buf *ret_token, uint8_t *ret_type);
/* {"expireTime": <ms since 1970>, "type": "R"}; the length. */
size_t token_notice_expire(char ret[TOKEN_NOTICE_SIZE], int64_t expires_ms, uint8_t type);
/* {"code": 3, "type": "R"} */
size_t token_notice_invalid(char ret[TOKEN_NOTICE_SIZE], enum token_fault fault, uint8_t type);

#endif
