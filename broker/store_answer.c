/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_answer.h"

/* One mail to each port for all of its batches. */
static void answer(struct store_link *link)
{
        struct mail_batch one = {NULL, NULL};
        struct store_batch *b = link->newest, *older;

        link->newest = NULL;
        atomic_fetch_add(&link->refs, 1); /* the answered batches may take the last ones with them */
        pthread_mutex_lock(&link->lock);
        if (link->to != NULL) {
                mail_batch_add(&one, &b->mail);
                mailbox_post(link->to, &one);
                b = NULL;
        }
        pthread_mutex_unlock(&link->lock);
        for (; b != NULL; b = older) {
                older = b->next;
                (void)store_link_unref(b->link);
                (void)store_batch_free(b);
        }
        (void)store_link_unref(link);
}

void store_answer(struct store_batch **committed, size_t count)
{
        struct store_link *links = NULL;

        for (size_t n = 0; n < count; n++) {
                struct store_batch *b = *committed;

                *committed = b->next;
                if (b->link->newest == NULL) {
                        b->link->next = links;
                        links = b->link;
                }
                b->next = b->link->newest;
                b->link->newest = b;
        }
        while (links != NULL) {
                struct store_link *next = links->next;

                answer(links);
                links = next;
        }
}
