/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "channel.h"
#include "query.h"
#include "server.h"
#include "util.h"

#define SILENCE_MS 10000 /* who says nothing for so long has gone */
#define SNAPSHOT_SIZE 200

static const uint8_t connectionless[4] = { 0xff, 0xff, 0xff, 0xff };

/* As it goes over the wire. */
typedef struct Snapshot {
        uint32_t number, last, received;
        uint64_t clock_ns;
        uint8_t filling[SNAPSHOT_SIZE - 20];
} __attribute__((packed)) Snapshot;

static Channel *find(Channels *c, const Peer *peer) {
        for (size_t i = 0; i < c->n; i++)
                if (peer_equal(&c->channels[i].peer, peer))
                        return &c->channels[i];
        return NULL;
}

static void answer(const Peer *peer, uint8_t type, uint32_t value) {
        uint8_t reply[9];

        memcpy(reply, connectionless, 4);
        reply[4] = type;
        value = htole32(value);
        memcpy(reply + 5, &value, 4);
        peer_send(peer, reply, sizeof(reply));
}

/* Who asks a second time has not heard the answer. */
static void open_channel(Server *s, const Peer *peer) {
        Channel *c = find(&s->channels, peer);

        if (!c) {
                if (s->channels.n == CHANNELS_MAX)
                        return;
                c = &s->channels.channels[s->channels.n++];
                *c = (Channel){ .peer = *peer };
        }
        c->heard_ms = now_ms();
        answer(peer, 'B', 0);
}

bool channel_take(Server *s, const Peer *peer, const uint8_t *data, size_t size) {
        uint32_t word;
        Channel *c;

        if (size < 8 || !*s->map)
                return false;
        if (memcmp(data, connectionless, 4) != 0) {
                c = find(&s->channels, peer);
                if (!c)
                        return false;
                memcpy(&word, data, 4);
                c->number = le32toh(word);
                c->received++;
                c->heard_ms = now_ms();
                return true;
        }
        if (data[4] == 'q') {
                answer(peer, 'A', query_challenge(s, peer));
                return true;
        }
        if (data[4] != 'k' || size < 9)
                return false;
        memcpy(&word, data + 5, 4);
        if (query_challenge_is_right(s, peer, le32toh(word)))
                open_channel(s, peer);
        return true;
}

void channel_tick(Server *s) {
        uint64_t now = now_ms();
        size_t n = 0;

        for (size_t i = 0; i < s->channels.n; i++)
                if (now - s->channels.channels[i].heard_ms < SILENCE_MS)
                        s->channels.channels[n++] = s->channels.channels[i];
        s->channels.n = n;
        for (size_t i = 0; i < n; i++) {
                Channel *c = &s->channels.channels[i];
                struct timespec ts;
                Snapshot p = { .number = htole32(++c->sent),
                        .last = htole32(c->number),
                        .received = htole32(c->received) };

                (void) clock_gettime(CLOCK_REALTIME, &ts);
                p.clock_ns = htole64((uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec);
                peer_send(&c->peer, &p, sizeof(p));
        }
}
