/* SPDX-License-Identifier: Apache-2.0 */
/* load: the load generator's state, and who publishes to whom. Publishers are the connections 0 …
 * publishers-1; each message has `fan` receivers. Connections from `members` on are slow consumers, of which
 * no account is kept. One thread. */
#ifndef SIGNET_BENCH_LOAD_H
#define SIGNET_BENCH_LOAD_H

#include "bench/credentials.h"
#include "bench/device_certificate.h"
#include "bench/histogram.h"
#include "bench/link.h"
#include "bench/payload.h"
#include "bench/peer.h"

enum {
        CONNECTIONS_MAX = 19900,
        SLOW_MAX = 5000,
        TOPIC_MAX = 256,
        CLIENT_NAME_MAX = 128,
        PACKET_MAX = 160 * 1024
};

enum pattern { PATTERN_PAIRS, PATTERN_SELF, PATTERN_ONE_WAY, PATTERN_FAN_IN, PATTERN_FAN_OUT, PATTERNS };
static const char *const pattern_names[PATTERNS] = {"pairs", "self", "one-way", "fan-in", "fan-out"};

enum client_state {
        CLIENT_NEW,
        CLIENT_CONNECTING, /* TCP */
        CLIENT_HANDSHAKE,  /* TLS */
        CLIENT_WAIT_CONNACK,
        CLIENT_WAIT_SUBACK,
        CLIENT_READY,
        CLIENT_SLOW, /* connected and subscribed; reads next to nothing */
        CLIENT_GONE
};

enum drop_reason { DROP_CLOSED, DROP_RESET, DROP_TLS, DROP_PROTOCOL, DROP_DISCONNECT, DROP_REASONS };
static const char *const drop_names[DROP_REASONS] = {"closed", "reset", "tls", "protocol", "disconnect"};

struct outgoing { /* encoded, not yet written; data[at … len) */
        uint8_t *data;
        size_t at, len, room;
};

struct client {
        uint32_t number;
        int fd;
        SSL *ssl; /* NULL on plain TCP */
        enum client_state state;
        uint32_t events;
        bool dirty, read_again, write_blocked;
        uint8_t *rest; /* the beginning of a packet */
        size_t rest_len;
        struct outgoing out;
        int64_t written_ns;
        char *topic; /* on which it receives */
        size_t topic_len;
        uint64_t unreleased; /* PUBRECs without their PUBREL: QoS 2 as a receiver */
        /* as a publisher */
        uint64_t sent, owed;   /* owed: due, not sent yet */
        uint64_t completed;    /* of those over QoS 0: their packet ID is free again */
        uint64_t refused;      /* a reason code of 0x80 or above */
        uint64_t inflight_max; /* the option, or what the server's Receive Maximum allows */
        int64_t outstanding;   /* deliveries not seen yet; only for --rate max */
        uint64_t delivered, delivered_at_tick;
        struct bitmap acked_set;     /* PUBACK or PUBREC came: the server answers for the message */
        struct bitmap completed_set; /* QoS 2: PUBCOMP came */
};

struct load_options {
        const char *address, *source, *sni, *version, *cafile, *cert, *key, *device_dir, *protocol, *user,
                *password, *access_key_file, *instance, *client_prefix, *topic_prefix, *pattern, *rate;
        bool tls, hold, p2p, persistent;
        int64_t connections, connect_rate, connecting_max, connect_timeout_s, keep_alive_s, first_serial,
                receive_max, qos, payload_len, duration_s, count, inflight_max, window, batch, slow,
                slow_bytes, drain_s, hold_max_s, server_pid;
};

struct load {
        struct load_options o;
        enum pattern pattern;
        int level;                     /* MQTT protocol level */
        uint32_t connections, members; /* with and without slow consumers */
        uint32_t publishers, fan, links_count;
        struct client *clients;
        struct link *links;
        struct device *devices; /* one for each connection; NULL: all have the same certificate or none */
        X509 *ca;               /* theirs */
        struct peer_address address;
        struct peer_names names;
        struct credentials credentials;
        SSL_CTX *ctx; /* NULL: plain TCP */
        int epoll;
        uint32_t run;
        uint8_t *scratch;
        uint32_t *dirty; /* numbers of clients to look at before the turn ends */
        uint32_t dirty_count;
        /* progress */
        uint32_t started, connecting, ready, alive;
        int64_t connect_begin_ns, begin_ns, stop_ns, end_ns, now_ns;
        bool stopping;
        bool as_fast_as_possible;
        double step_ns; /* between two messages of all publishers together; 0: none are due */
        uint64_t due_next;
        uint64_t due_max; /* messages of all publishers together */
        /* counts */
        uint64_t sent, acked, completed, refused, received, delivered, misrouted, foreign, corrupt,
                acks_unexpected, stalls, unsent, unreleased;
        uint64_t publish_writes; /* writes that carried messages */
        uint64_t slow_cut, slow_bytes;
        uint64_t drops[DROP_REASONS], drops_total;
        int64_t first_drop_ns;
        struct histogram latency;
        int64_t cpu_ns, server_connect_ns, server_ns, server_rss_before_kb, server_rss_ready_kb,
                server_rss_end_kb;
        char failure[320]; /* why not everybody could connect */
};

enum { SCRATCH_BYTES = PACKET_MAX + 64 * 1024 };

static inline void load_set_pattern(struct load *l)
{
        uint32_t n = l->members;

        while (l->pattern < PATTERNS && strcmp(pattern_names[l->pattern], l->o.pattern) != 0)
                l->pattern++;
        switch (l->pattern) {
        case PATTERN_PAIRS:
        case PATTERN_SELF:
                l->publishers = n;
                break;
        case PATTERN_ONE_WAY:
                l->publishers = n / 2;
                break;
        case PATTERN_FAN_IN:
                l->publishers = n - 1;
                break;
        case PATTERN_FAN_OUT:
                l->publishers = n > 1 ? 1 : 0;
                break;
        default:
                errx(EXIT_USAGE, "--pattern takes pairs, self, one-way, fan-in or fan-out");
        }
        if (l->publishers == 0 || (l->pattern == PATTERN_ONE_WAY && n % 2 != 0))
                errx(EXIT_USAGE, "%u connections are too few (or odd) for the pattern %s", n, l->o.pattern);
        l->fan = l->pattern == PATTERN_FAN_OUT ? n - 1 : 1;
        l->links_count = l->publishers * l->fan;
}

/* Who receives what `publisher` sends (the first of them). */
static inline uint32_t load_subscriber_of(const struct load *l, uint32_t publisher)
{
        switch (l->pattern) {
        case PATTERN_PAIRS:
                return (publisher + l->members / 2) % l->members;
        case PATTERN_ONE_WAY:
                return publisher + l->publishers;
        case PATTERN_FAN_IN:
                return l->members - 1;
        case PATTERN_FAN_OUT:
                return 1;
        default:
                return publisher;
        }
}

static inline bool load_subscribes(const struct load *l, uint32_t number)
{
        return l->pattern == PATTERN_PAIRS || l->pattern == PATTERN_SELF || number >= l->publishers;
}

/* A slow consumer listens to the topic of one of those that keep up. */
static inline uint32_t load_topic_owner(const struct load *l, uint32_t number)
{
        return number < l->members ? number : load_subscriber_of(l, (number - l->members) % l->publishers);
}

/* NULL: what `publisher` sends is not for `subscriber`. */
static inline struct link *load_link(struct load *l, uint32_t publisher, uint32_t subscriber)
{
        if (publisher >= l->publishers || subscriber >= l->members)
                return NULL;
        if (l->pattern == PATTERN_FAN_OUT)
                return subscriber >= 1 ? &l->links[subscriber - 1] : NULL;
        return load_subscriber_of(l, publisher) == subscriber ? &l->links[publisher] : NULL;
}

static inline void load_client_name(const struct load *l, uint32_t number, char ret[CLIENT_NAME_MAX])
{
        snprintf(ret, CLIENT_NAME_MAX, "%s%u", l->o.client_prefix, number);
}

/* The topic on which connection `number` receives. */
static inline void load_topic(const struct load *l, uint32_t number, char ret[TOPIC_MAX])
{
        char name[CLIENT_NAME_MAX];

        number = load_topic_owner(l, number);
        load_client_name(l, number, name);
        if (l->o.p2p)
                snprintf(ret, TOPIC_MAX, "%s/p2p/%s", l->o.topic_prefix, name);
        else
                snprintf(ret, TOPIC_MAX, "%s/%u", l->o.topic_prefix,
                         l->pattern == PATTERN_FAN_OUT ? 1 : number);
}

/* The client is looked at again before this turn of the loop ends. */
static inline void load_touch(struct load *l, struct client *c)
{
        if (c->dirty || c->state == CLIENT_GONE)
                return;
        c->dirty = true;
        l->dirty[l->dirty_count++] = c->number;
}

/* When message `sequence` of `publisher` is due, if there is a rate. The publishers take turns evenly. */
static inline int64_t load_due_ns(const struct load *l, uint32_t publisher, uint64_t sequence)
{
        return l->begin_ns + (int64_t)((double)(sequence * l->publishers + publisher) * l->step_ns);
}

#endif
