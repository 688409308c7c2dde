/* SPDX-License-Identifier: Apache-2.0 */
/* broker_stage: real workers with a plain listener in this process, and clients that are exact to the byte.
 */
#ifndef SIGNET_TESTS_BROKER_STAGE_H
#define SIGNET_TESTS_BROKER_STAGE_H

#include "broker/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STAGE_WORKERS = 2, PACKET_ROOM = 512 };

struct packet { /* bytes to send */
        uint8_t bytes[PACKET_ROOM];
        size_t len;
};

extern struct workers *workers;
/* Changed before stage_start() by tests that need other ones. */
extern struct broker_limits limits;
extern uint32_t connections_max;
extern struct listener_kind stage_kind; /* what its listener is like */

void stage_start(void);
void stage_stop(void);
/* A new snapshot: with the access key, or without any. */
void stage_publish(bool with_key);
uint64_t stage_counter(int index); /* COUNTER_… */
/* Waits for the fact; false after five seconds. */
bool stage_counts(int index, uint64_t value);

/* Packets are put behind what is there. */
void put_connect(struct packet *p, const char *client_id, bool clean, uint16_t keep_alive_s);
void put_subscribe(struct packet *p, const char *filter, uint8_t qos);
void put_publish(struct packet *p, const char *topic, const char *payload, uint8_t qos, uint16_t packet_id);
void put_empty(struct packet *p, uint8_t type); /* PINGREQ, DISCONNECT */

int client_open(void);
void client_send(int fd, const struct packet *p); /* all of it */
/* CONNECT and the good CONNACK. */
int client_login(const char *client_id, bool clean);
/* Exactly these bytes come next, within five seconds. */
bool client_hears(int fd, const void *bytes, size_t len);
bool client_hears_publish(int fd, const char *topic, const char *payload);
bool client_is_closed(int fd); /* nothing more than the end comes, within five seconds */

#endif
