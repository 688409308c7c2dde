/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger says of himself: the user name and the password of a CONNECT, split into the parts of each
 * mode, and the JSON that a client uploads a token with. The first byte says where the user name ends. */
#include "broker/client_auth.h"
#include "broker/login_name.h"
#include "broker/token_notice.h"

#include <stdlib.h>

#define INSTANCE "mqtt-cn-signet00001"

static void require(int condition)
{
        if (!condition)
                abort();
}

static int within(struct bytes part, struct bytes whole)
{
        return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void split(struct bytes user, struct bytes password)
{
        struct login_name name = login_name_read(user);
        struct token_texts texts;

        require(within(name.access_key_id, user) && within(name.instance, user));
        require(name.mode != LOGIN_BY_NAME || (name.instance.len == 0 && name.access_key_id.len == 0));
        if (!token_texts_read(password, &texts))
                return;
        for (int n = 0; n < TOKEN_TYPES; n++)
                require(within(texts.text[n], password));
        require(texts.text[0].len + texts.text[1].len + texts.text[2].len > 0);
}

/* With nothing in the snapshot nobody gets in. */
static void sign_in(struct bytes user, struct bytes password)
{
        static const struct snapshot nothing;
        const struct mqtt_connect p = {.client_id = user,
                                       .user_name = user,
                                       .password = password,
                                       .has_user_name = true,
                                       .has_password = true};
        struct client_verdict v = client_auth(&nothing, INSTANCE, &p);

        require(v.refusal == REFUSAL_BAD_LOGIN && v.access == NULL && v.access_key_id == NULL);
}

static void upload(struct bytes payload)
{
        struct buf text = BUF_UP_TO(TOKEN_UPLOAD_MAX);
        uint8_t type = 0;

        if (token_upload_read(payload, &text, &type) == ERR_OK)
                require(text.len > 0 && type >= 1 && type <= TOKEN_TYPES);
        buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes user, password;
        size_t at;

        upload((struct bytes){data, size});
        if (size == 0)
                return 0;
        at = (size_t)data[0] < size - 1 ? data[0] : size - 1;
        user = (struct bytes){data + 1, at};
        password = (struct bytes){data + 1 + at, size - 1 - at};
        split(user, password);
        sign_in(user, password);
        return 0;
}
