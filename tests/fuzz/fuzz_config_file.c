/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the file: it is refused with a reason, or what was read is written, read and written the same. */
#include "common/cleanup.h"
#include "ctl/config_file.h"
#include "ctl/print.h"

#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
        if (!condition)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf) struct buf first = BUF_UP_TO(CONFIG_TEXT_MAX);
        CLEANUP(buf) struct buf second = BUF_UP_TO(CONFIG_TEXT_MAX);
        CLEANUP(jsonp) json_t *config = NULL;
        CLEANUP(jsonp) json_t *again = NULL;
        struct failure f = {0};

        if (config_read((const char *)data, size, &config, &f) != ERR_OK) {
                require(f.status == EXIT_USAGE && f.text[0] != '\0' && config == NULL);
                return 0;
        }
        require(config_write(config, &first) == ERR_OK);
        require(config_read(buf_text(&first), first.len, &again, &f) == ERR_OK);
        require(config_write(again, &second) == ERR_OK);
        require(strcmp(buf_text(&first), buf_text(&second)) == 0);
        return 0;
}
