/* SPDX-License-Identifier: Apache-2.0 */
/* The Eclipse Paho C client (MQTTAsync) for tests: one JSON object a line on standard input is one thing to
 * do, its outcome and whatever arrives are lines on standard output. What can be asked is in
 * tests/harness/real_clients.py. */
#include <MQTTAsync.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINKS_MAX = 256, CONNECT_TIMEOUT_S = 15, INFLIGHT_MAX = 20, PAYLOAD_MAX = 1024 * 1024 };

/* A client under the name that the test gave it. In use while `handle` is there. */
struct link {
        char name[64];
        MQTTAsync handle;
        int version;
};

/* What was asked and is not answered yet; freed with its answer. */
struct call {
        json_int_t id;
};

/* As MQTT.js calls them. */
static const struct {
        const char *name;
        enum MQTTPropertyCodes code;
} property_names[] = {
        {"payloadFormatIndicator", MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR},
        {"messageExpiryInterval", MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL},
        {"contentType", MQTTPROPERTY_CODE_CONTENT_TYPE},
        {"responseTopic", MQTTPROPERTY_CODE_RESPONSE_TOPIC},
        {"correlationData", MQTTPROPERTY_CODE_CORRELATION_DATA},
        {"subscriptionIdentifier", MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER},
        {"sessionExpiryInterval", MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL},
        {"willDelayInterval", MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL},
        {"topicAliasMaximum", MQTTPROPERTY_CODE_TOPIC_ALIAS_MAXIMUM},
        {"topicAlias", MQTTPROPERTY_CODE_TOPIC_ALIAS},
        {"userProperties", MQTTPROPERTY_CODE_USER_PROPERTY},
        {"reasonString", MQTTPROPERTY_CODE_REASON_STRING},
};
enum { PROPERTY_NAMES = sizeof property_names / sizeof property_names[0] };

static struct link links[LINKS_MAX];
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

/* The library's threads and this one both speak. Takes the object. */
static void say(json_t *object)
{
        char *line = json_dumps(object, JSON_COMPACT);

        pthread_mutex_lock(&output);
        if (line == NULL || puts(line) == EOF || fflush(stdout) == EOF)
                exit(EXIT_FAILURE);
        pthread_mutex_unlock(&output);
        free(line);
        json_decref(object);
}

static void answer(struct call *call, json_t *object)
{
        json_object_set_new(object, "id", json_integer(call->id));
        free(call);
        say(object);
}

static const char *text_of(const json_t *from, const char *key)
{
        return json_string_value(json_object_get(from, key));
}

static int number_of(const json_t *from, const char *key)
{
        return (int)json_integer_value(json_object_get(from, key));
}

/* ---- payloads are hex, so that any byte goes through JSON ---- */

static json_t *hex(const unsigned char *bytes, size_t len)
{
        static const char digits[] = "0123456789abcdef";
        char *text = malloc(2 * len + 1);
        json_t *made;

        if (text == NULL)
                return NULL;
        for (size_t n = 0; n < len; n++) {
                text[2 * n] = digits[bytes[n] >> 4];
                text[2 * n + 1] = digits[bytes[n] & 15];
        }
        made = json_stringn(text, 2 * len);
        free(text);
        return made;
}

static int nibble(char c)
{
        return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The caller frees; NULL when it is not there. */
static unsigned char *unhex(const json_t *from, const char *key, int *ret_len)
{
        const json_t *value = json_object_get(from, key);
        const char *text = json_string_value(value);
        size_t len = json_string_length(value) / 2;
        unsigned char *bytes = text == NULL || len > PAYLOAD_MAX ? NULL : malloc(len + 1);

        if (bytes == NULL)
                return NULL;
        for (size_t n = 0; n < len; n++)
                bytes[n] = (unsigned char)(nibble(text[2 * n]) << 4 | nibble(text[2 * n + 1]));
        *ret_len = (int)len;
        return bytes;
}

/* ---- properties ---- */

static MQTTLenString counted(const char *text)
{
        return (MQTTLenString){text == NULL ? 0 : (int)strlen(text), (char *)text};
}

static void add_property(MQTTProperties *to, enum MQTTPropertyCodes code, const json_t *value)
{
        MQTTProperty p = {.identifier = code};

        switch (MQTTProperty_getType(code)) {
        case MQTTPROPERTY_TYPE_BYTE:
                p.value.byte = (unsigned char)json_integer_value(value);
                break;
        case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
                p.value.integer2 = (unsigned short)json_integer_value(value);
                break;
        case MQTTPROPERTY_TYPE_FOUR_BYTE_INTEGER:
        case MQTTPROPERTY_TYPE_VARIABLE_BYTE_INTEGER:
                p.value.integer4 = (unsigned)json_integer_value(value);
                break;
        case MQTTPROPERTY_TYPE_UTF_8_STRING_PAIR:
                p.value.data = counted(json_string_value(json_array_get(value, 0)));
                p.value.value = counted(json_string_value(json_array_get(value, 1)));
                break;
        default:
                p.value.data = counted(json_string_value(value));
        }
        MQTTProperties_add(to, &p); /* copies */
}

static MQTTProperties properties_of(const json_t *from, const char *key)
{
        MQTTProperties made = MQTTProperties_initializer;
        const json_t *given = json_object_get(from, key), *value, *pair;
        size_t at;

        for (int n = 0; n < PROPERTY_NAMES; n++) {
                value = json_object_get(given, property_names[n].name);
                if (property_names[n].code == MQTTPROPERTY_CODE_USER_PROPERTY) {
                        json_array_foreach(value, at, pair) add_property(&made, property_names[n].code, pair);
                } else if (value != NULL) {
                        add_property(&made, property_names[n].code, value);
                }
        }
        return made;
}

static json_t *property_value(const MQTTProperty *p)
{
        switch (MQTTProperty_getType(p->identifier)) {
        case MQTTPROPERTY_TYPE_BYTE:
                return json_integer(p->value.byte);
        case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
                return json_integer(p->value.integer2);
        case MQTTPROPERTY_TYPE_FOUR_BYTE_INTEGER:
        case MQTTPROPERTY_TYPE_VARIABLE_BYTE_INTEGER:
                return json_integer(p->value.integer4);
        case MQTTPROPERTY_TYPE_UTF_8_STRING_PAIR:
                return json_pack("[s%s%]", p->value.data.data, (size_t)p->value.data.len, p->value.value.data,
                                 (size_t)p->value.value.len);
        default:
                return json_stringn(p->value.data.data, (size_t)p->value.data.len);
        }
}

static json_t *properties_told(const MQTTProperties *from)
{
        json_t *told = json_object();

        for (int at = 0; at < from->count; at++) {
                const MQTTProperty *p = &from->array[at];
                const char *name = NULL;

                for (int n = 0; n < PROPERTY_NAMES; n++)
                        name = property_names[n].code == p->identifier ? property_names[n].name : name;
                if (name == NULL)
                        continue;
                if (p->identifier != MQTTPROPERTY_CODE_USER_PROPERTY &&
                    p->identifier != MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER) {
                        json_object_set_new(told, name, property_value(p));
                        continue;
                }
                if (json_object_get(told, name) == NULL)
                        json_object_set_new(told, name, json_array());
                json_array_append_new(json_object_get(told, name), property_value(p));
        }
        return told;
}

/* ---- what the library tells, in its threads ---- */

static void succeeded(void *context, MQTTAsync_successData *got)
{
        (void)got;
        answer(context, json_pack("{s:i}", "reason", 0));
}

static void connected(void *context, MQTTAsync_successData *got)
{
        answer(context, json_pack("{s:i, s:b}", "reason", 0, "present", got->alt.connect.sessionPresent));
}

static void subscribed(void *context, MQTTAsync_successData *got)
{
        answer(context, json_pack("{s:i}", "reason", got->alt.qos));
}

static void failed(void *context, MQTTAsync_failureData *got)
{
        const char *why = got == NULL || got->message == NULL ? "failed" : got->message;

        answer(context, json_pack("{s:s, s:i}", "error", why, "reason", got == NULL ? -1 : got->code));
}

static void succeeded5(void *context, MQTTAsync_successData5 *got)
{
        answer(context, json_pack("{s:i, s:o}", "reason", got->reasonCode, "properties",
                                  properties_told(&got->properties)));
}

static void connected5(void *context, MQTTAsync_successData5 *got)
{
        answer(context,
               json_pack("{s:i, s:b, s:o}", "reason", got->reasonCode, "present",
                         got->alt.connect.sessionPresent, "properties", properties_told(&got->properties)));
}

/* A refused CONNECT has its code in the one field, everything else in the other. */
static void failed5(void *context, MQTTAsync_failureData5 *got)
{
        const char *why = got->message == NULL ? "failed" : got->message;
        int reason = got->reasonCode != 0 ? (int)got->reasonCode : got->code;

        answer(context, json_pack("{s:s, s:i}", "error", why, "reason", reason));
}

static int arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
        const struct link *link = context;
        size_t len = topic_len > 0 ? (size_t)topic_len : strlen(topic);

        say(json_pack("{s:s, s:s, s:s%, s:o, s:i, s:b, s:b, s:o}", "event", "message", "link", link->name,
                      "topic", topic, len, "payload", hex(message->payload, (size_t)message->payloadlen),
                      "qos", message->qos, "retain", message->retained, "dup", message->dup, "properties",
                      properties_told(&message->properties)));
        MQTTAsync_freeMessage(&message);
        MQTTAsync_free(topic);
        return 1;
}

static void lost(void *context, char *cause)
{
        const struct link *link = context;

        (void)cause;
        say(json_pack("{s:s, s:s}", "event", "closed", "link", link->name));
}

static void disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
        const struct link *link = context;

        (void)properties;
        say(json_pack("{s:s, s:s, s:i}", "event", "disconnect", "link", link->name, "reason", reason));
}

/* ---- what can be asked ---- */

static struct link *link_named(const char *name)
{
        for (int n = 0; n < LINKS_MAX; n++) {
                if (links[n].handle != NULL && strcmp(links[n].name, name) == 0)
                        return &links[n];
        }
        return NULL;
}

static struct link *link_new(const char *name)
{
        for (int n = 0; n < LINKS_MAX; n++) {
                if (links[n].handle == NULL) {
                        snprintf(links[n].name, sizeof links[n].name, "%s", name);
                        return &links[n];
                }
        }
        return NULL;
}

static MQTTAsync_responseOptions response_to(const struct link *link, struct call *call)
{
        MQTTAsync_responseOptions r = MQTTAsync_responseOptions_initializer;

        r.context = call;
        if (link->version == MQTTVERSION_5) {
                r.onSuccess5 = succeeded5;
                r.onFailure5 = failed5;
        } else {
                r.onSuccess = succeeded;
                r.onFailure = failed;
        }
        return r;
}

static int start_connect(struct link *link, struct call *call, const json_t *asked,
                         MQTTAsync_willOptions *will, MQTTProperties *will_properties)
{
        bool five = link->version == MQTTVERSION_5;
        MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
        MQTTAsync_connectOptions o = MQTTAsync_connectOptions_initializer;
        MQTTAsync_connectOptions o5 = MQTTAsync_connectOptions_initializer5;
        MQTTProperties properties = properties_of(asked, "properties");
        int clean = json_is_true(json_object_get(asked, "clean")), code;

        if (five) {
                o = o5;
                o.cleanstart = clean;
                o.connectProperties = &properties;
                o.willProperties = will != NULL ? will_properties : NULL;
                o.onSuccess5 = connected5;
                o.onFailure5 = failed5;
        } else {
                o.cleansession = clean;
                o.onSuccess = connected;
                o.onFailure = failed;
        }
        tls.trustStore = text_of(asked, "ca");
        tls.keyStore = text_of(asked, "cert");
        tls.privateKey = text_of(asked, "key");
        tls.verify = 1; /* the host name too; 0 unless it is asked for */
        tls.sslVersion = json_is_true(json_object_get(asked, "tls12")) ? MQTT_SSL_VERSION_TLS_1_2
                                                                       : MQTT_SSL_VERSION_DEFAULT;
        o.MQTTVersion = link->version;
        o.ssl = tls.trustStore != NULL ? &tls : NULL;
        o.will = will;
        o.keepAliveInterval = number_of(asked, "keepAlive");
        o.connectTimeout = CONNECT_TIMEOUT_S;
        o.maxInflight = INFLIGHT_MAX;
        o.username = text_of(asked, "username");
        o.password = text_of(asked, "password");
        o.context = call;
        code = MQTTAsync_connect(link->handle, &o);
        MQTTProperties_free(&properties);
        return code;
}

static int do_connect(struct link **in_out, struct call *call, const json_t *asked)
{
        MQTTAsync_createOptions how = MQTTAsync_createOptions_initializer;
        MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
        const json_t *last = json_object_get(asked, "will");
        MQTTProperties will_properties = properties_of(last, "properties");
        struct link *link = link_new(text_of(asked, "link"));
        unsigned char *payload = NULL;
        int code = MQTTASYNC_FAILURE;

        if (link == NULL)
                return code;
        link->version = how.MQTTVersion = number_of(asked, "version");
        code = MQTTAsync_createWithOptions(&link->handle, text_of(asked, "url"), text_of(asked, "clientId"),
                                           MQTTCLIENT_PERSISTENCE_NONE, NULL, &how);
        if (code == MQTTASYNC_SUCCESS)
                code = MQTTAsync_setCallbacks(link->handle, link, lost, arrived, NULL);
        if (code == MQTTASYNC_SUCCESS && link->version == MQTTVERSION_5)
                code = MQTTAsync_setDisconnected(link->handle, link, disconnected);
        if (last != NULL) {
                payload = unhex(last, "payload", &will.payload.len);
                will.topicName = text_of(last, "topic");
                will.payload.data = payload;
                will.qos = number_of(last, "qos");
                will.retained = json_is_true(json_object_get(last, "retain"));
        }
        if (code == MQTTASYNC_SUCCESS)
                code = start_connect(link, call, asked, last != NULL ? &will : NULL, &will_properties);
        MQTTProperties_free(&will_properties);
        free(payload);
        *in_out = link;
        return code;
}

static int do_subscribe(struct link **link, struct call *call, const json_t *asked)
{
        MQTTAsync_responseOptions r = response_to(*link, call);
        int code;

        r.properties = properties_of(asked, "properties");
        r.onSuccess = r.onSuccess != NULL ? subscribed : NULL;
        code = MQTTAsync_subscribe((*link)->handle, text_of(asked, "topic"), number_of(asked, "qos"), &r);
        MQTTProperties_free(&r.properties);
        return code;
}

static int do_publish(struct link **link, struct call *call, const json_t *asked)
{
        MQTTAsync_responseOptions r = response_to(*link, call);
        MQTTAsync_message message = MQTTAsync_message_initializer;
        unsigned char *payload = unhex(asked, "payload", &message.payloadlen);
        int code;

        message.payload = payload;
        message.qos = number_of(asked, "qos");
        message.retained = json_is_true(json_object_get(asked, "retain"));
        message.properties = properties_of(asked, "properties");
        code = payload == NULL
                       ? MQTTASYNC_FAILURE
                       : MQTTAsync_sendMessage((*link)->handle, text_of(asked, "topic"), &message, &r);
        MQTTProperties_free(&message.properties);
        free(payload);
        return code;
}

static int do_disconnect(struct link **link, struct call *call, const json_t *asked)
{
        MQTTAsync_disconnectOptions o = MQTTAsync_disconnectOptions_initializer;
        MQTTAsync_disconnectOptions o5 = MQTTAsync_disconnectOptions_initializer5;

        (void)asked;
        if ((*link)->version == MQTTVERSION_5) {
                o = o5;
                o.onSuccess5 = succeeded5;
                o.onFailure5 = failed5;
        } else {
                o.onSuccess = succeeded;
                o.onFailure = failed;
        }
        o.timeout = 1000;
        o.context = call;
        return MQTTAsync_disconnect((*link)->handle, &o);
}

/* The end of it; the name is free again. */
static int do_forget(struct link **link, struct call *call, const json_t *asked)
{
        (void)asked;
        MQTTAsync_destroy(&(*link)->handle);
        (*link)->handle = NULL;
        answer(call, json_pack("{s:i}", "reason", 0));
        return MQTTASYNC_SUCCESS;
}

static const struct {
        const char *op;
        int (*run)(struct link **link, struct call *call, const json_t *asked);
} operations[] = {
        {"connect", do_connect},       {"subscribe", do_subscribe}, {"publish", do_publish},
        {"disconnect", do_disconnect}, {"forget", do_forget},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static void run(const json_t *asked)
{
        const char *op = text_of(asked, "op"), *name = text_of(asked, "link");
        struct call *call = calloc(1, sizeof *call);
        struct link *link = name == NULL ? NULL : link_named(name);
        int code = MQTTASYNC_FAILURE;

        if (call == NULL || op == NULL || name == NULL)
                exit(EXIT_FAILURE);
        call->id = json_integer_value(json_object_get(asked, "id"));
        for (int n = 0; n < OPERATIONS; n++) {
                if (strcmp(operations[n].op, op) == 0 && (link != NULL || operations[n].run == do_connect))
                        code = operations[n].run(&link, call, asked);
        }
        if (code != MQTTASYNC_SUCCESS)
                answer(call, json_pack("{s:s, s:i}", "error", MQTTAsync_strerror(code), "reason", -1));
}

int main(void)
{
        char *line = NULL;
        size_t size = 0;
        ssize_t len;

        while ((len = getline(&line, &size, stdin)) > 0) {
                json_t *asked = json_loadb(line, (size_t)len, 0, NULL);

                if (!json_is_object(asked))
                        return EXIT_FAILURE;
                run(asked);
                json_decref(asked);
        }
        free(line);
        return EXIT_SUCCESS;
}
