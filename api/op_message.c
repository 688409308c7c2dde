/* SPDX-License-Identifier: Apache-2.0 */
/* SendMessage: through the broker on this machine, which has clients of its own; what brokers elsewhere hear
 * of it is their business. */
#include "api/answer.h"
#include "api/local_broker.h"
#include "api/operation.h"
#include "api/store_instance.h"
#include "api/topic_rule.h"
#include "common/cleanup.h"
#include "common/crypt.h"
#include "common/text.h"

#include <string.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

enum { PAYLOAD_MAX = 64 * 1024, MESSAGE_ID_BYTES = 16 };

static enum err check(struct op_call *call)
{
        const char *why = topic_rule_name(call_text(call, "MqttTopic"));

        if (why != NULL)
                return call_wrong(call, "MqttTopic", why);
        if (strlen(call_text(call, "Payload")) > PAYLOAD_MAX)
                return call_wrong(call, "Payload", "it is longer than 65536 bytes");
        return ERR_OK;
}

static enum err ask(struct op_call *call, json_t **ret)
{
        CLEANUP(jsonp)
        json_t *request =
                json_pack("{s:s, s:s, s:s, s:i}", "op", "publish", "topic", call_text(call, "MqttTopic"),
                          "payload", call_text(call, "Payload"), "qos", 1);
        struct local_broker b;

        if (request == NULL)
                return ERR_NOMEM;
        TRY(local_broker_open(call->settings->run_dir, call->instance->id, &b));
        return local_broker_call(&b, request, ret);
}

/* By the rules that the broker goes by nobody may publish there. */
static bool topic_forbidden(const json_t *answer)
{
        const char *code = json_string_value(json_object_get(answer, "code"));

        return code != NULL && strcmp(code, "topic") == 0;
}

static enum err publish(struct op_call *call)
{
        CLEANUP(jsonp) json_t *answer = NULL;
        enum err e = ask(call, &answer);

        if (e == ERR_NOMEM)
                return e;
        if (e == ERR_OK && json_is_true(json_object_get(answer, "ok")))
                return ERR_OK;
        if (topic_forbidden(answer))
                return fault_set(&call->fault, FAULT_RESOURCE_PERMISSION,
                                 "%s The broker lets nobody publish to MqttTopic.",
                                 fault_message(FAULT_RESOURCE_PERMISSION));
        return fault_set(
                &call->fault, FAULT_SEND_MESSAGE, "%s The broker of the instance on this machine %s.",
                fault_message(FAULT_SEND_MESSAGE), e == ERR_OK ? "has not taken it" : "has not answered");
}

enum err op_send_message(struct op_call *call)
{
        uint8_t id[MESSAGE_ID_BYTES];
        char text[2 * MESSAGE_ID_BYTES + 1];

        TRY(check(call));
        TRY(publish(call));
        crypt_random(id, sizeof id);
        text_hex_upper(id, sizeof id, text);
        return answer_add(call->answer, json_pack("{s:s}", "MsgId", text));
}
