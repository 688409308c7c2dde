/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_sync.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void store_sync_init(struct store_db *db)
{
        (void)pthread_mutex_init(&db->sync.running, NULL);
        (void)pthread_mutex_init(&db->sync.lock, NULL);
        db->sync.fd = -1;
        atomic_init(&db->sync.written, 0);
        atomic_init(&db->sync.synced, 0);
}

void store_sync_done(struct store_db *db)
{
        for (int n = 0; n < db->sync.old_count; n++)
                close(db->sync.old[n]);
        (void)pthread_mutex_destroy(&db->sync.running);
        (void)pthread_mutex_destroy(&db->sync.lock);
}

enum err store_sync_begin(struct store_db *db, int fd)
{
        bool full;

        pthread_mutex_lock(&db->sync.lock);
        full = db->sync.old_count == STORE_OLD_MAX;
        pthread_mutex_unlock(&db->sync.lock);
        if (full) /* and stays so: only this thread makes it grow */
                TRY(store_sync(db));
        pthread_mutex_lock(&db->sync.lock);
        if (db->sync.fd >= 0)
                db->sync.old[db->sync.old_count++] = db->sync.fd;
        db->sync.fd = fd;
        db->sync.folder_changed = true;
        pthread_mutex_unlock(&db->sync.lock);
        return ERR_OK;
}

void store_sync_written(struct store_db *db, uint64_t place)
{
        atomic_store_explicit(&db->sync.written, place, memory_order_release);
}

/* One look at what there is to do. */
struct job {
        int fds[STORE_OLD_MAX + 1], old_count, count;
        bool folder_changed;
        uint64_t written;
};

static void take(struct store_db *db, struct job *ret)
{
        pthread_mutex_lock(&db->sync.lock);
        ret->old_count = ret->count = db->sync.old_count;
        memcpy(ret->fds, db->sync.old, sizeof db->sync.old);
        if (db->sync.fd >= 0)
                ret->fds[ret->count++] = db->sync.fd; /* nobody closes it before it is old, and synced */
        ret->folder_changed = db->sync.folder_changed;
        db->sync.folder_changed = false;
        ret->written = atomic_load_explicit(&db->sync.written, memory_order_acquire);
        pthread_mutex_unlock(&db->sync.lock);
}

static enum err run(struct store_db *db, const struct job *job)
{
        for (int n = 0; n < job->count; n++)
                if (fdatasync(job->fds[n]) != 0)
                        return ERR_IO;
        return job->folder_changed && fsync(db->folder.fd) != 0 ? ERR_IO : ERR_OK;
}

static void end(struct store_db *db, const struct job *job, enum err e)
{
        int why = errno;

        pthread_mutex_lock(&db->sync.lock);
        if (e == ERR_OK) {
                for (int n = 0; n < job->old_count; n++)
                        close(job->fds[n]);
                db->sync.old_count -= job->old_count;
                memmove(db->sync.old, db->sync.old + job->old_count,
                        (size_t)db->sync.old_count * sizeof db->sync.old[0]);
                atomic_store_explicit(&db->sync.synced, job->written, memory_order_release);
        } else {
                db->sync.folder_changed |= job->folder_changed;
        }
        pthread_mutex_unlock(&db->sync.lock);
        errno = why;
}

enum err store_sync(struct store_db *db)
{
        struct job job;
        enum err e;

        pthread_mutex_lock(&db->sync.running);
        take(db, &job);
        e = run(db, &job);
        end(db, &job, e);
        if (e == ERR_OK)
                e = store_folder_mark(&db->folder, job.written);
        pthread_mutex_unlock(&db->sync.running);
        return e;
}
