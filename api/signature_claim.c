/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says about itself, before anything is computed; see signature.h. */
#include "api/signature.h"
#include "common/text.h"

#include <string.h>
#include <strings.h>

static bool begins(const char *text, const char *with)
{
        return strncasecmp(text, with, strlen(with)) == 0;
}

static enum err claim_basic(const char *encoded, struct claim *c)
{
        c->scheme = SCHEME_BASIC;
        enum err e = text_unbase64(encoded, strlen(encoded), &c->basic);

        return e == ERR_NOMEM ? e : ERR_OK; /* broken or too long: signature_key finds it empty */
}

/* Not for RPC v1, which signs neither path nor headers: whoever reads a signed request on its way could turn
 * it into another operation. ACS3 signs the path, and an anonymous caller's SDK still names both in headers.
 */
static void claim_unsigned_names(const struct request *q, struct claim *c)
{
        if (c->action == NULL)
                c->action = q->path_action[0] != '\0' ? q->path_action : request_header(q, "x-acs-action");
        if (c->version == NULL)
                c->version =
                        q->path_version[0] != '\0' ? q->path_version : request_header(q, "x-acs-version");
}

enum err signature_claim(const struct request *q, struct claim *ret)
{
        const char *authorization = request_header(q, "authorization");
        enum err e = ERR_OK;

        *ret = (struct claim){.basic = BUF_UP_TO(1024)};
        ret->action = param_set_text(&q->params, "Action");
        ret->version = param_set_text(&q->params, "Version");
        if (q->console_call) { /* whatever else it carries */
                ret->scheme = SCHEME_CONSOLE;
        } else if (authorization != NULL && begins(authorization, "ACS3-")) {
                ret->scheme = begins(authorization, SIGNATURE_ACS3 " ") ? SCHEME_ACS3 : SCHEME_ACS_OTHER;
                ret->action = request_header(q, "x-acs-action");
                ret->version = request_header(q, "x-acs-version");
        } else if (param_set_find(&q->params, "Signature") != NULL) {
                ret->scheme = SCHEME_RPC;
        } else if (request_header(q, "x-acs-bearer-token") != NULL ||
                   param_set_find(&q->params, "BearerToken") != NULL) {
                ret->scheme = SCHEME_BEARER;
        } else if (authorization != NULL && begins(authorization, "Basic ")) {
                e = claim_basic(authorization + strlen("Basic "), ret);
        }
        if (ret->scheme != SCHEME_RPC)
                claim_unsigned_names(q, ret);
        return e;
}

static enum err incomplete(struct fault *f, const char *why)
{
        return fault_set(f, FAULT_INCOMPLETE_SIGNATURE,
                         "The request signature does not conform to Aliyun standards: %s.", why);
}

/* Temporary credentials are an ID that begins with "STS.", its secret, and a token that goes along. */
static enum err refuse_token(struct fault *f)
{
        return fault_set(f, FAULT_SECURITY_TOKEN,
                         "Security tokens are not supported. Sign with an access key of its own, without a "
                         "security token: an administrator of the account makes one with CreateAccessKey.");
}

/* An ID with any other byte cannot exist; nothing odd must reach the log or the database either. */
static enum err take_key_id(struct claim *c, const char *id, size_t len, struct fault *f)
{
        if (len == 0)
                return fault_set_field(f, FAULT_MISSING, "AccessKeyId", NULL);
        if (len > ACCESS_KEY_ID_MAX)
                return fault_set(f, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        memcpy(c->access_key_id, id, len);
        c->access_key_id[len] = '\0';
        if (strspn(c->access_key_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") !=
            len)
                return fault_set(f, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        return begins(c->access_key_id, "STS.") ? refuse_token(f) : ERR_OK;
}

static enum err take_nonce(struct claim *c, const char *nonce, const char *field, struct fault *f)
{
        if (nonce == NULL || nonce[0] == '\0')
                return fault_set_field(f, FAULT_MISSING, field, NULL);
        if (strlen(nonce) > NONCE_MAX)
                return fault_set_field(f, FAULT_INVALID, field,
                                       "Specified parameter %s is not valid: longer than %d bytes.", field,
                                       NONCE_MAX);
        c->nonce = nonce;
        return ERR_OK;
}

static enum err rpc_key(const struct request *q, struct claim *c, struct fault *f)
{
        static const char *const needed[] = {"SignatureMethod", "SignatureNonce", "Timestamp", "Signature"};
        const char *id = param_set_text(&q->params, "AccessKeyId");

        TRY(take_key_id(c, id == NULL ? "" : id, id == NULL ? 0 : strlen(id), f));
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
                const char *value = param_set_text(&q->params, needed[i]);

                if (value == NULL || value[0] == '\0')
                        return fault_set_field(f, FAULT_MISSING, needed[i], NULL);
        }
        return take_nonce(c, param_set_text(&q->params, "SignatureNonce"), "SignatureNonce", f);
}

/* Copies the value of `name=` from "Credential=…,SignedHeaders=…,Signature=…". */
static bool authorization_part(const char *text, const char *name, char *ret, size_t size)
{
        size_t name_len = strlen(name);

        while (*text != '\0') {
                text += strspn(text, " \t,");
                size_t len = strcspn(text, ",");

                if (len > name_len && strncmp(text, name, name_len) == 0 && text[name_len] == '=') {
                        size_t value_len = len - name_len - 1;

                        while (value_len > 0 && text[name_len + value_len] == ' ')
                                value_len--;
                        if (value_len == 0 || value_len >= size)
                                return false;
                        memcpy(ret, text + name_len + 1, value_len);
                        ret[value_len] = '\0';
                        return true;
                }
                text += len;
        }
        return false;
}

static bool list_has(const char *list, const char *name, size_t len)
{
        while (*list != '\0') {
                size_t item = strcspn(list, ";");

                if (item == len && memcmp(list, name, len) == 0)
                        return true;
                list += item + (list[item] == ';');
        }
        return false;
}

/* Every signed header is there exactly once and listed once, and those that matter are listed. */
static enum err signed_headers_check(const struct request *q, const char *list, struct fault *f)
{
        static const char *const needed[] = {"host",       "x-acs-action",          "x-acs-version",
                                             "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"};
        char name[128];

        for (const char *at = list; *at != '\0';) {
                size_t len = strcspn(at, ";");

                if (len == 0 || len >= sizeof name)
                        return incomplete(f, "SignedHeaders is not a list of header names");
                memcpy(name, at, len);
                name[len] = '\0';
                size_t times = request_header_times(q, name);

                if (times != 1)
                        return incomplete(f, times == 0
                                                     ? "a header named in SignedHeaders is not in the request"
                                                     : "a signed header is in the request more than once");
                at += len + (at[len] == ';');
                if (list_has(at, name, len))
                        return incomplete(f, "SignedHeaders names a header twice");
        }
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
                if (!list_has(list, needed[i], strlen(needed[i])))
                        return incomplete(
                                f, "SignedHeaders must name host, x-acs-action, x-acs-version, x-acs-date, "
                                   "x-acs-signature-nonce and x-acs-content-sha256");
        return ERR_OK;
}

static enum err acs3_key(const struct request *q, struct claim *c, struct fault *f)
{
        const char *text = request_header(q, "authorization") + strlen(SIGNATURE_ACS3 " ");
        char credential[256];

        if (!authorization_part(text, "Credential", credential, sizeof credential))
                return incomplete(f, "Authorization has no Credential");
        TRY(take_key_id(c, credential, strlen(credential), f));
        if (!authorization_part(text, "SignedHeaders", c->signed_headers, sizeof c->signed_headers))
                return incomplete(f, "Authorization has no SignedHeaders");
        if (!authorization_part(text, "Signature", c->signature, sizeof c->signature))
                return incomplete(f, "Authorization has no Signature");
        TRY(signed_headers_check(q, c->signed_headers, f));
        return take_nonce(c, request_header(q, "x-acs-signature-nonce"), "SignatureNonce", f);
}

static enum err basic_key(const struct request *q, struct claim *c, struct fault *f)
{
        const char *text = buf_text(&c->basic), *colon = memchr(text, ':', c->basic.len);

        if (!q->private_line)
                return fault_set(f, FAULT_NEED_SSL, NULL);
        if (q->path_action[0] == '\0')
                return incomplete(f, "HTTP Basic is for /<version>/<Action> only");
        if (colon == NULL)
                return incomplete(f, "Authorization is not Basic <AccessKeyId>:<AccessKeySecret>");
        return take_key_id(c, text, (size_t)(colon - text), f);
}

enum err signature_key(const struct request *q, struct claim *c, struct fault *f)
{
        if (request_header_times(q, "authorization") > 1)
                return incomplete(f, "Authorization is in the request more than once");
        if (c->scheme != SCHEME_NONE && (param_set_find(&q->params, "SecurityToken") != NULL ||
                                         request_header(q, "x-acs-security-token") != NULL))
                return refuse_token(f);
        switch (c->scheme) {
        case SCHEME_RPC:
                return rpc_key(q, c, f);
        case SCHEME_ACS3:
                return acs3_key(q, c, f);
        case SCHEME_BASIC:
                return basic_key(q, c, f);
        case SCHEME_ACS_OTHER:
                return fault_set(f, FAULT_SIGNATURE_METHOD, NULL);
        case SCHEME_BEARER:
                return fault_set(f, FAULT_SECURITY_TOKEN, "Bearer tokens are not supported.");
        case SCHEME_CONSOLE: /* has none */
        case SCHEME_NONE:
                break;
        }
        return fault_set_field(f, FAULT_MISSING, "AccessKeyId", NULL);
}

void claim_done(struct claim *c)
{
        buf_done(&c->basic);
}
