/* SPDX-License-Identifier: Apache-2.0 */
/* CreateInstance, DescribeInstance, ListInstances. */
#include "api/answer.h"
#include "api/certificate.h"
#include "api/operation.h"
#include "api/store_instance_change.h"
#include "common/crypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCE_PREFIX "mqtt-cn-"
enum { INSTANCE_RANDOM_CHARS = 11, ID_ATTEMPTS = 5, STATUS_RUNNING = 5 };

/* The numbers of platinum are the product's; the others were not seen and only have to differ. Never expires.
 */
static const struct {
        const char *name, *specification;
        int type;
} editions[] = {{"platinum", "mqtt.p2.1xlarge", 4},
                {"professional", "mqtt.p1.1xlarge", 3},
                {"standard", "mqtt.s1.1xlarge", 1}};
static const int64_t expires_at_ms = INT64_C(4102444800000); /* 2100-01-01 */

CLEANUP_DEFINE(instancep, struct instance *, free)

/* Base 36 without bias: a byte of 252 or more is drawn again. */
static void random_id(char ret[INSTANCE_ID_MAX + 1])
{
        static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        size_t at = strlen(INSTANCE_PREFIX);
        uint8_t byte;

        memcpy(ret, INSTANCE_PREFIX, at);
        for (int i = 0; i < INSTANCE_RANDOM_CHARS; i++) {
                do {
                        crypt_random(&byte, 1);
                } while (byte >= 252);
                ret[at++] = digits[byte % 36];
        }
        ret[at] = '\0';
}

enum err op_create_instance(struct op_call *call)
{
        const char *wanted = call_text_or(call, "MqttInstanceId", NULL);
        const char *edition = call_text_or(call, "Edition", "platinum");
        char drawn[INSTANCE_ID_MAX + 1];
        const char *id = wanted != NULL ? wanted : drawn, *name = NULL;
        enum err e = ERR_CONFLICT;

        for (int i = 0; e == ERR_CONFLICT && i < (wanted != NULL ? 1 : ID_ATTEMPTS); i++) {
                random_id(drawn);
                name = call_text_or(call, "InstanceName", id);
                e = store_instance_put(call->db, &call->actor, id, name, edition);
        }
        if (e == ERR_CONFLICT)
                return fault_set(&call->fault, FAULT_INSTANCE_EXISTS, NULL);
        if (e == ERR_LIMIT)
                return fault_set(&call->fault, FAULT_QUOTA,
                                 "%s The account has %d instances, as many as it may.",
                                 fault_message(FAULT_QUOTA), INSTANCES_PER_ACCOUNT_MAX);
        TRY(e);
        return answer_add(call->answer, json_pack("{s:s, s:s, s:s}", "MqttInstanceId", id, "InstanceName",
                                                  name, "Edition", edition));
}

enum err op_describe_instance(struct op_call *call)
{
        const char *id = call_text(call, "MqttInstanceId");
        char default_id[CERTIFICATE_IDENTIFIER_SIZE];
        json_t *nodes = NULL;
        struct instance_counts counts;
        const struct instance *i = call->instance;

        TRY(store_instance_counts(call->db, id, &counts));
        TRY(store_instance_nodes(call->db, id, &nodes));
        certificate_identifier(i->default_certificate, default_id);
        return answer_add(call->answer,
                          json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:o}",
                                    "MqttInstanceId", i->id, "InstanceName", i->name, "Edition", i->edition,
                                    "AuthenticationMode", authentication_mode_text(i->mode), "LoginRequired",
                                    i->login_required, "DefaultCertificate", default_id, "Revision",
                                    (json_int_t)i->revision, "DomainCount", (json_int_t)counts.domains,
                                    "CaCertificateCount", (json_int_t)counts.ca_certificates, "DeviceCount",
                                    (json_int_t)counts.devices, "CreateTime", (json_int_t)i->created_at,
                                    "Brokers", nodes));
}

static enum err list_row(json_t *list, const struct instance *i)
{
        size_t edition = 0, editions_count = sizeof editions / sizeof editions[0];

        while (edition + 1 < editions_count && strcmp(editions[edition].name, i->edition) != 0)
                edition++;
        return answer_append(list, json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:s, s:s, s:s, s:s, s:[]}",
                                             "InstanceId", i->id, "InstanceName", i->name, "InstanceStatus",
                                             STATUS_RUNNING, "InstanceType", editions[edition].type,
                                             "CreateTime", (json_int_t)i->created_at, "ExpireTime",
                                             (json_int_t)expires_at_ms, "KernelVersion", "V3.3.0", "OrderId",
                                             "0", "RegionId", CERTIFICATE_REGION, "Specific",
                                             editions[edition].specification, "MqttTags"));
}

/* Instances carry no tags, so a filter that names one matches none. */
static enum err read_filter(struct op_call *call, bool *ret_matches)
{
        const char *text = call_text_or(call, "Tags", "[]");
        json_t *tags = json_loads(text, 0, NULL);
        bool is_list = json_is_array(tags);

        *ret_matches = json_array_size(tags) == 0;
        json_decref(tags);
        if (!is_list)
                return fault_set(&call->fault, FAULT_PARAMETER,
                                 "Specified parameter Tags is not valid: it must be a JSON list of objects "
                                 "with key and "
                                 "value.");
        return ERR_OK;
}

enum err op_list_instances(struct op_call *call)
{
        CLEANUP(instancep) struct instance *instances = NULL;
        size_t count = 0;
        bool matches;
        json_t *list;
        enum err e = ERR_OK;

        TRY(read_filter(call, &matches));
        TRY(store_instance_list(call->db, call->actor.account_id, &instances, &count));
        list = json_array();
        for (size_t i = 0; matches && e == ERR_OK && i < count; i++)
                if (grants_allow(call->grants, call->spec->action, call->spec->level, instances[i].id))
                        e = list_row(list, &instances[i]);
        if (e == ERR_OK)
                return answer_add(call->answer,
                                  json_pack("{s:s, s:s, s:s, s:o}", "Code", "200", "Success", "true",
                                            "Message", "operation success.", "Instances", list));
        json_decref(list);
        return e;
}
