/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a token as a stranger sends it; and the same bytes with a right signature, so that what is read
 * behind it is reached too: then it is written again as it was. */
#include "common/crypt.h"
#include "common/text.h"
#include "common/token.h"

#include <stdlib.h>
#include <string.h>

#define INSTANCE "mqtt-cn-signet00001"

static const uint8_t key[TOKEN_KEY_BYTES] = {42};

static void require(int condition)
{
        if (!condition)
                abort();
}

static void check(const struct token *t, const char *text, size_t len)
{
        struct buf again = BUF_UP_TO(TOKEN_TEXT_MAX);
        const char *topic = buf_text(&t->topics);

        require(t->actions >= 1 && t->actions <= 3 && t->topic_count <= TOKEN_TOPICS_MAX);
        for (uint32_t i = 0; i < t->topic_count; i++) {
                require(token_topic_valid(topic, strlen(topic)));
                topic += strlen(topic) + 1;
        }
        require(topic == buf_text(&t->topics) + t->topics.len);
        require(token_write(key, INSTANCE, t, &again) == ERR_OK);
        require(again.len == len && memcmp(again.data, text, len) == 0);
        buf_done(&again);
}

static enum err read_and_check(const char *text, size_t len)
{
        struct token t;
        enum err e = token_read(key, INSTANCE, text, len, &t);

        if (e == ERR_OK)
                check(&t, text, len);
        require(e == ERR_OK || e == ERR_SYNTAX || e == ERR_REFUSED);
        token_done(&t);
        return e;
}

static void read_signed(const uint8_t *bytes, size_t size)
{
        struct buf all = BUF_UP_TO(1 << 20), text = BUF_UP_TO(1 << 21);
        uint8_t mac[SHA256_BYTES];

        require(buf_add(&all, INSTANCE, sizeof INSTANCE) == ERR_OK && buf_add(&all, bytes, size) == ERR_OK);
        crypt_hmac_sha256(key, sizeof key, all.data, all.len, mac);
        buf_drop(&all, sizeof INSTANCE);
        require(buf_add(&all, mac, sizeof mac) == ERR_OK);
        require(text_base64(all.data, all.len, &text) == ERR_OK);
        while (text.data[text.len - 1] == '=')
                text.len--;
        for (size_t i = 0; i < text.len; i++)
                text.data[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
        require(read_and_check((const char *)text.data, text.len) != ERR_REFUSED);
        buf_done(&all);
        buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        require(size == 0 || read_and_check((const char *)bytes, size) != ERR_OK);
        if (size <= 1 << 16)
                read_signed(bytes, size);
        return 0;
}
