/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/metrics.h"

#include "broker/metrics_server.h"
#include "broker/metrics_text.h"
#include "common/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct metrics {
        int fd, port; /* fd -1: the server has it */
        struct metrics_server *server;
        struct metrics_source source;
        int64_t started_at;
        DIR *fds;  /* /proc/self/fd; NULL: not readable */
        int statm; /* /proc/self/statm; -1 */
        pthread_mutex_t lock;
        struct snapshot *snapshot; /* guarded */
        /* The thread's own. */
        struct metrics_reading reading;
        uint64_t handshakes_full; /* the most that was told: a difference of two sums, which must not go back
                                   */
};

/* ---- readings ---- */

/* Both stay open: a process that has no descriptor left should be able to say so. */
static int64_t count_open_fds(DIR *fds)
{
        int64_t count = -2; /* "." and ".." */

        if (fds == NULL)
                return -1;
        rewinddir(fds);
        /* cppcheck-suppress readdirCalled -- the stream is this thread's alone */
        while (readdir(fds) != NULL)
                count++;
        return count;
}

static int64_t resident_bytes(int statm)
{
        char text[128];
        ssize_t len = statm < 0 ? -1 : pread(statm, text, sizeof text - 1, 0);
        int64_t pages;

        if (len <= 0)
                return -1;
        text[len] = '\0';
        return sscanf(text, "%*d %" SCNd64, &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : -1;
}

static int64_t microseconds(struct timeval t)
{
        return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

static void read_process(const struct metrics *m, struct process_reading *ret)
{
        struct rusage used;
        struct rlimit fds;

        *ret = (struct process_reading){.open_fds = count_open_fds(m->fds),
                                        .max_fds = -1,
                                        .resident_bytes = resident_bytes(m->statm),
                                        .cpu_us = -1,
                                        .started_at = m->started_at};
        if (getrusage(RUSAGE_SELF, &used) == 0)
                ret->cpu_us = microseconds(used.ru_utime) + microseconds(used.ru_stime);
        if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur != RLIM_INFINITY)
                ret->max_fds = (int64_t)fds.rlim_cur;
}

static void read_ca(void *arg, struct trust_ca *ca)
{
        struct metrics_reading *r = arg;

        if (!ca->active) {
                r->inactive_cas++;
                return;
        }
        r->active_cas++;
        expiries_add(&r->cas, ca->sn, ca->not_after, clock_now());
}

static struct snapshot *current(struct metrics *m)
{
        pthread_mutex_lock(&m->lock);
        struct snapshot *s = m->snapshot == NULL ? NULL : snapshot_ref(m->snapshot);
        pthread_mutex_unlock(&m->lock);
        return s;
}

static void read_certificates(struct metrics *m, struct metrics_reading *r)
{
        CLEANUP(snapshotp) struct snapshot *s = current(m);
        int64_t now = clock_now();

        if (s == NULL)
                return;
        for (size_t n = 0; n < credential_set_count(s->credentials); n++) {
                const struct credential *c = credential_set_at(s->credentials, n);
                char id[24];

                (void)snprintf(id, sizeof id, "%" PRId64, credential_id(c));
                expiries_add(&r->servers, id, credential_not_after(c), now);
        }
        trust_each(s->trust, read_ca, r);
}

static void read_handshakes(struct metrics *m, struct metrics_reading *r)
{
        uint64_t all = r->counters[COUNTER_handshakes], resumed = r->counters[COUNTER_handshakes_resumed];
        uint64_t full = all > resumed ? all - resumed : 0;

        if (full > m->handshakes_full)
                m->handshakes_full = full;
        r->handshakes_full = m->handshakes_full;
}

static void read_served(const struct metrics *m, struct metrics_reading *r)
{
        CLEANUP(perishablesp) struct perishables *p = NULL;
        const struct ticket_key *key;

        reload_served(m->source.reload, &r->served, &p, &r->database_ok);
        r->now_ms = clock_ms();
        if (p == NULL)
                return;
        key = perishables_ticket_key(p);
        r->staples = perishables_staples(p);
        r->ticket_key_made_at = key == NULL ? 0 : key->made_at;
}

static void read_store(const struct metrics *m, struct metrics_reading *r)
{
        r->keeps = m->source.store != NULL;
        if (!r->keeps)
                return;
        store_counts(m->source.store, &r->store);
        r->store_failing = store_failing(m->source.store);
}

static enum err page(void *arg, struct buf *ret)
{
        struct metrics *m = arg;
        struct metrics_reading *r = &m->reading;

        *r = (struct metrics_reading){
                .version = SIGNET_VERSION, .instance = m->source.instance, .node_id = m->source.node_id};
        workers_counters(m->source.workers, r->counters);
        workers_refused(m->source.workers, r->refused);
        read_handshakes(m, r);
        registry_counts(m->source.registry, &r->registry);
        r->known_devices = device_table_count(m->source.known);
        retained_counts(m->source.retained, &r->retained, &r->retained_bytes);
        read_store(m, r);
        read_served(m, r);
        read_certificates(m, r);
        read_process(m, &r->process);
        return metrics_write(r, ret);
}

/* ---- life ---- */

enum err metrics_open(const char *address, struct metrics **ret, char why[256])
{
        struct metrics *m;
        enum err e;

        *ret = NULL;
        if (*address == '\0')
                return ERR_OK;
        m = calloc(1, sizeof *m);
        if (m == NULL)
                return ERR_NOMEM;
        m->fd = -1;
        m->started_at = clock_now();
        m->fds = opendir("/proc/self/fd");
        m->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        (void)pthread_mutex_init(&m->lock, NULL);
        e = metrics_listen(address, &m->fd, &m->port, why);
        if (e != ERR_OK)
                (void)metrics_free(m);
        else
                *ret = m;
        return e;
}

int metrics_port(const struct metrics *m)
{
        return m == NULL ? 0 : m->port;
}

enum err metrics_start(struct metrics *m, const struct metrics_source *source)
{
        int fd;

        if (m == NULL)
                return ERR_OK;
        m->source = *source;
        fd = m->fd;
        m->fd = -1;
        return metrics_server_start(fd, page, m, &m->server);
}

void metrics_publish(struct metrics *m, struct snapshot *s)
{
        struct snapshot *before;

        if (m == NULL)
                return;
        pthread_mutex_lock(&m->lock);
        before = m->snapshot;
        m->snapshot = snapshot_ref(s);
        pthread_mutex_unlock(&m->lock);
        (void)snapshot_unref(before);
}

void metrics_stop(struct metrics *m)
{
        if (m != NULL)
                m->server = metrics_server_stop(m->server);
}

struct metrics *metrics_free(struct metrics *m)
{
        if (m == NULL)
                return NULL;
        metrics_stop(m);
        if (m->fd >= 0)
                close(m->fd);
        if (m->fds != NULL)
                closedir(m->fds);
        if (m->statm >= 0)
                close(m->statm);
        (void)snapshot_unref(m->snapshot);
        (void)pthread_mutex_destroy(&m->lock);
        free(m);
        return NULL;
}
