/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the text: no domain twice, every domain canonical, and the entries written down again are read the
 * same. */
#include "api/sni_config.h"
#include "common/cleanup.h"
#include "common/domain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
        if (!condition)
                abort();
}

static void check_entries(const struct sni_config *c, struct buf *ret_again)
{
        char canonical[DOMAIN_SIZE];
        const char *why;

        for (size_t i = 0; i < c->count; i++) {
                const struct sni_entry *entry = &c->entries[i];

                require(domain_canonical(entry->domain, strlen(entry->domain), canonical, &why) == ERR_OK);
                require(strcmp(canonical, entry->domain) == 0);
                require(entry->certificate_id > 0);
                require(entry->password == NULL || strlen(entry->password) <= SNI_PASSWORD_MAX);
                for (size_t j = 0; j < i && i < 100; j++)
                        require(strcmp(c->entries[j].domain, entry->domain) != 0);
                require(buf_addf(ret_again, "%s#%" PRId64 "-cn-hangzhou#%s;", entry->domain,
                                 entry->certificate_id,
                                 entry->password != NULL ? entry->password : "") == ERR_OK);
        }
}

static void check_same(const struct sni_config *a, const struct sni_config *b)
{
        require(a->count == b->count);
        for (size_t i = 0; i < a->count; i++) {
                const struct sni_entry *x = &a->entries[i], *y = &b->entries[i];

                require(strcmp(x->domain, y->domain) == 0 && x->certificate_id == y->certificate_id);
                require((x->password == NULL) == (y->password == NULL));
                require(x->password == NULL || strcmp(x->password, y->password) == 0);
        }
}

/* Who reads on in spite of it finds every entry, and those that are wrong marked. */
static void check_wrong(const uint8_t *data, size_t size)
{
        CLEANUP(sni_config) struct sni_config all = {0};
        struct sni_wrong wrong;
        char shown[SNI_WRONG_DOMAIN_SIZE];
        size_t refused = 0;

        require(sni_config_read((const char *)data, size, &all, &wrong) == ERR_OK);
        for (size_t i = 0; i < all.count; i++) {
                const struct sni_entry *entry = &all.entries[i];

                refused += (entry->why != NULL) + (entry->twin != 0);
                require(entry->why != NULL || (entry->domain[0] != '\0' && entry->certificate_id > 0));
                require(entry->twin <= i);
                if (entry->given != NULL)
                        sni_domain_shown(entry->given, entry->given_len, shown);
        }
        require(all.count == 0 || refused == wrong.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(sni_config) struct sni_config first = {0};
        CLEANUP(sni_config) struct sni_config second = {0};
        CLEANUP(buf) struct buf again = BUF_UP_TO((size_t)64 << 20);
        struct sni_wrong wrong;
        struct fault fault;

        if (memchr(data, '\0', size) != NULL) /* parameters hold none */
                return 0;
        if (sni_config_parse((const char *)data, size, &first, &wrong) != ERR_OK) {
                require(wrong.count > 0 && wrong.shown > 0);
                require(sni_wrong_fault(&wrong, &fault) == ERR_REFUSED && fault.message[0] != '\0');
                check_wrong(data, size);
                return 0;
        }
        check_entries(&first, &again);
        require(sni_config_parse(buf_text(&again), again.len, &second, &wrong) == ERR_OK);
        check_same(&first, &second);
        return 0;
}
