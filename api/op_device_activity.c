/* SPDX-License-Identifier: Apache-2.0 */
/* GetDeviceActivity. */
#include "api/answer.h"
#include "api/operation.h"
#include "api/store_device_activity.h"
#include "api/store_instance.h"

enum err op_get_device_activity(struct op_call *call)
{
        struct device_key key = {.instance = call->instance->id};
        struct device_activity seen = {0};
        enum err e = ERR_NOT_FOUND;

        if (serial_read(call_text(call, "CaSn"), key.ca_sn) &&
            serial_read(call_text(call, "DeviceSn"), key.sn))
                e = store_device_activity(call->db, &key, &seen);
        if (e == ERR_NOT_FOUND)
                return fault_set(&call->fault, FAULT_DEVICE_NOT_FOUND, NULL);
        TRY(e);
        return answer_add(call->answer, json_pack("{s:s, s:s, s:I, s:I}", "CaSn", key.ca_sn, "DeviceSn",
                                                  key.sn, "RegisteredTime", (json_int_t)seen.registered_at,
                                                  "LastSeenTime", (json_int_t)seen.last_seen_at));
}
