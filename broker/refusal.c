/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/refusal.h"

const struct refusal_row refusal_table[REFUSALS] = {[REFUSAL_NONE] = {"", "", STAGE_ACCEPT, 0, MQTT_ACCEPTED},
#define REFUSAL_ROW(name, label, stage, verify_error, connack, text)                                         \
        [REFUSAL_##name] = {label, text, stage, verify_error, connack},
                                                    REFUSAL_LIST(REFUSAL_ROW)
#undef REFUSAL_ROW
};
