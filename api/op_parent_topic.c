/* SPDX-License-Identifier: Apache-2.0 */
/* CreateParentTopic, DeleteParentTopic, ListParentTopic. */
#include "api/answer.h"
#include "api/operation.h"
#include "api/store_instance.h"
#include "api/store_parent_topic.h"

static enum err changed(struct op_call *call, const char *topic, int64_t revision)
{
        call_changed(call, revision);
        return answer_add(call->answer,
                          json_pack("{s:s, s:I}", "Topic", topic, "Revision", (json_int_t)revision));
}

static const struct {
        enum err e;
        enum fault_id fault;
} refusals[] = {{ERR_NOT_FOUND, FAULT_INSTANCE_NOT_FOUND},
                {ERR_CONFLICT, FAULT_PARENT_TOPIC_EXISTS},
                {ERR_REFUSED, FAULT_PARENT_TOPIC_NOT_FOUND}};

static enum err refused(struct op_call *call, enum err e)
{
        if (e == ERR_LIMIT)
                return fault_set(&call->fault, FAULT_QUOTA,
                                 "%s The instance has %d parent topics, as many as it may.",
                                 fault_message(FAULT_QUOTA), PARENT_TOPICS_MAX);
        for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
                if (e == refusals[i].e)
                        return fault_set(&call->fault, refusals[i].fault, NULL);
        return e;
}

enum err op_create_parent_topic(struct op_call *call)
{
        const char *topic = call_text(call, "Topic");
        int64_t revision = 0;

        TRY(refused(call,
                    store_parent_topic_put(call->db, &call->actor, call->instance->id, topic, &revision)));
        return changed(call, topic, revision);
}

enum err op_delete_parent_topic(struct op_call *call)
{
        char topic[PARENT_TOPIC_MAX + 1];
        int64_t revision = 0;

        TRY(refused(call, store_parent_topic_remove(call->db, &call->actor, call->instance->id,
                                                    call_text(call, "Topic"), topic, &revision)));
        return changed(call, topic, revision);
}

enum err op_list_parent_topic(struct op_call *call)
{
        json_t *list = json_array();
        enum err e = list == NULL ? ERR_NOMEM : store_parent_topic_list(call->db, call->instance->id, list);

        if (e != ERR_OK) {
                json_decref(list);
                return e;
        }
        return answer_add(call->answer,
                          json_pack("{s:s, s:o}", "MqttInstanceId", call->instance->id, "Topics", list));
}
