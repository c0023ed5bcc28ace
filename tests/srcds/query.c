/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "ban.h"
#include "channel.h"
#include "protocol/a2s.h"
#include "query.h"
#include "server.h"
#include "util.h"

#define DATAGRAMS_AT_ONCE 64
#define CHALLENGE_MS 60000 /* the last one and the one before it are taken */
#define APP_ID 550
#define SERVER_ID 90090903374088000U /* of a game server that has no account */

void query_init(Query *q) {
        if (getrandom(&q->secret, sizeof(q->secret), 0) != sizeof(q->secret))
                q->secret = now_ms();
}

/* The engine counts the queries of a window and compares their mean with the limit, so that a burst at its
 * beginning is let through. */
static bool is_over_rate(QueryRate *r, double per_second, double window) {
        uint64_t now = now_ms();

        if (r->count == 0 || (double) (now - r->window_ms) > window * 1000) {
                r->window_ms = now;
                r->count = 0;
        }
        r->count++;
        return window > 0 && r->count / window > per_second;
}

static QueryRate *rate_of(Query *q, uint32_t address) {
        QueryRate *oldest = q->rates;

        for (size_t i = 0; i < q->n_rates; i++) {
                if (q->rates[i].address == address)
                        return &q->rates[i];
                if (q->rates[i].window_ms < oldest->window_ms)
                        oldest = &q->rates[i];
        }
        if (q->n_rates < QUERY_ADDRESSES)
                oldest = &q->rates[q->n_rates++];
        *oldest = (QueryRate){ .address = address };
        return oldest;
}

/* First by address, so that one who asks too much uses up nothing of the others'. */
static bool is_limited(Server *s, uint32_t address) {
        double window = cvar_number(&s->cvars, "sv_max_queries_window");

        return is_over_rate(
                       rate_of(&s->query, address), cvar_number(&s->cvars, "sv_max_queries_sec"), window) ||
               is_over_rate(&s->query.all, cvar_number(&s->cvars, "sv_max_queries_sec_global"), window);
}

static uint32_t challenge_of(const Query *q, const Peer *peer, uint64_t period) {
        const struct {
                uint64_t secret, period;
                uint64_t address;
        } mix = { q->secret, period, peer_key(peer) };
        uint64_t hash = fnv1a(&mix, sizeof(mix));
        uint32_t c = (uint32_t) (hash ^ hash >> 32);

        return c == A2S_NO_CHALLENGE ? 0 : c;
}

uint32_t query_challenge(const Server *s, const Peer *peer) {
        return challenge_of(&s->query, peer, now_ms() / CHALLENGE_MS);
}

bool query_challenge_is_right(const Server *s, const Peer *peer, uint32_t challenge) {
        uint64_t period = now_ms() / CHALLENGE_MS;

        return challenge == challenge_of(&s->query, peer, period) ||
               challenge == challenge_of(&s->query, peer, period - 1);
}

/* coop,empty,increased_maxplayers,TAGS,secure */
static char *keywords(Server *s, unsigned humans, unsigned max) {
        GString *k = g_string_new(cvar_string(&s->cvars, "mp_gamemode"));
        const char *tags = cvar_string(&s->cvars, "sv_tags"),
                   *group = cvar_string(&s->cvars, "sv_steamgroup");

        if (humans == 0)
                g_string_append(k, ",empty");
        if (max > 8)
                g_string_append(k, ",increased_maxplayers");
        if (*tags)
                g_string_append_printf(k, ",%s", tags);
        if (*group)
                g_string_append_printf(k, ",*grp:%si", group);
        if (!s->offline)
                g_string_append(k, ",secure");
        return g_string_free(k, FALSE);
}

/* Builds of the game differ in whether bots are clients; standin_a2s_bots 1 counts them. */
static int encode_info(Server *s, GByteArray *out) {
        bool with_bots = cvar_number(&s->cvars, "standin_a2s_bots") > 0;
        unsigned humans = players_count(s, false), bots = with_bots ? players_count(s, true) : 0;
        double visible = cvar_number(&s->cvars, "sv_visiblemaxplayers");
        unsigned max = visible >= 1 && visible < 128 ? (unsigned) visible : players_max(s);
        g_autofree char *words = keywords(s, humans, max),
                        *name = g_strdup(cvar_string(&s->cvars, "hostname")), *map = g_strdup(s->map),
                        *version = g_strdup(s->content.version);
        char folder[] = "left4dead2", game[] = "Left 4 Dead 2";
        const A2sInfo info = {
                .protocol = 17,
                .name = name,
                .map = map,
                .folder = folder,
                .game = game,
                .app_id = APP_ID,
                .players = (uint8_t) (humans + bots),
                .max_players = (uint8_t) max,
                .bots = (uint8_t) bots,
                .server_type = 'd',
                .environment = 'l',
                .password = *cvar_string(&s->cvars, "sv_password") != '\0',
                .vac = !s->offline,
                .version = version,
                .has = A2S_HAS_PORT | A2S_HAS_STEAM_ID | A2S_HAS_KEYWORDS | A2S_HAS_GAME_ID,
                .port = (uint16_t) s->net.port,
                .steam_id = SERVER_ID + s->net.port,
                .keywords = words,
                .game_id = APP_ID,
        };

        return a2s_encode_info(out, &info);
}

static int encode_players(Server *s, GByteArray *out) {
        bool with_bots = cvar_number(&s->cvars, "standin_a2s_bots") > 0;
        g_autoptr(GPtrArray) players = a2s_players_new();

        /* Who still connects has no name yet. */
        for (Player *p = NULL; (p = player_next(s, p));)
                if (with_bots || !p->bot)
                        a2s_players_add(players, p->state == PLAYER_CONNECTING ? "" : p->name, p->score,
                                (double) (now_ms() - p->since_ms) / 1000);
        return a2s_encode_players(out, players);
}

static int encode_rules(Server *s, GByteArray *out) {
        g_autoptr(GPtrArray) rules = a2s_rules_new();

        for (size_t i = 0; i < s->cvars.n; i++) {
                const Cvar *c = &s->cvars.cvars[i];

                /* Of a password queries tell whether there is one. */
                if (c->flags & CVAR_NOTIFY)
                        a2s_rules_add(rules, c->name,
                                !(c->flags & CVAR_PROTECTED) ? cvar_value(c)
                                : *cvar_value(c)             ? "1"
                                                             : "0");
        }
        return a2s_encode_rules(out, rules);
}

static void send_reply(Server *s, const Peer *peer, const GByteArray *reply) {
        double routable = cvar_number(&s->cvars, "net_maxroutable");
        size_t part = routable >= 576 && routable <= 1260 ? (size_t) routable - 12 : A2S_PART_SIZE;
        g_autoptr(GPtrArray) parts = NULL;

        if (a2s_split(reply, s->query.reply_id++ & INT32_MAX, part, &parts) < 0)
                return;
        for (guint i = 0; i < parts->len; i++) {
                const GByteArray *p = parts->pdata[i];

                peer_send(peer, p->data, p->len);
        }
        s->query.answered++;
}

static void answer(Server *s, const Peer *peer, const A2sRequest *request) {
        g_autoptr(GByteArray) reply = g_byte_array_new();
        bool direct = request->type == A2S_INFO_REQUEST &&
                      cvar_number(&s->cvars, "standin_a2s_challenge") <= 0;
        int r = 0;

        if (garbage_a2s(s, peer, request))
                return;
        if (!direct && !(request->has_challenge && query_challenge_is_right(s, peer, request->challenge)))
                a2s_encode_challenge(reply, query_challenge(s, peer));
        else if (request->type == A2S_INFO_REQUEST)
                r = encode_info(s, reply);
        else if (request->type == A2S_PLAYER_REQUEST)
                r = encode_players(s, reply);
        else
                r = encode_rules(s, reply);
        if (r < 0)
                standin_note("a reply could not be encoded: %s", strerror(-r));
        else
                send_reply(s, peer, reply);
}

/* Where a datagram went to: a server bound to any address is asked by many names. */
static bool went_to_loopback(struct msghdr *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                struct in_pktinfo info;

                if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
                        continue;
                memcpy(&info, CMSG_DATA(c), sizeof(info));
                return ntohl(info.ipi_addr.s_addr) >> 24 == 127;
        }
        return false;
}

static bool is_banned(Server *s, const Peer *peer) {
        return peer->address.any.sa_family == AF_INET && ban_has_address(s, peer->address.in.sin_addr);
}

static void take(Server *s, const uint8_t *data, size_t size, const Peer *peer, struct msghdr *m) {
        A2sRequest request;

        if (a2s_decode_request(data, size, &request) < 0) {
                /* the game's own traffic, and what nobody asks any more */
                if (!is_banned(s, peer))
                        (void) channel_take(s, peer, data, size);
                return;
        }
        s->query.received++;
        if (peer_is_loopback(peer) || went_to_loopback(m)) {
                s->query.loopback++;
                return;
        }
        /* Without a word with Steam there are no answers, nor for who is banned. */
        if (!s->steam_connected || is_banned(s, peer))
                return;
        if (is_limited(s, peer_key(peer)))
                s->query.limited++;
        else
                answer(s, peer, &request);
}

void query_serve(Server *s, int fd) {
        for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
                union {
                        char buf[CMSG_SPACE(sizeof(struct in_pktinfo))];
                        struct cmsghdr align;
                } control;
                uint8_t data[2048];
                Peer peer = { .fd = fd };
                struct iovec iov = { data, sizeof(data) };
                struct msghdr m = {
                        .msg_name = &peer.address,
                        .msg_namelen = sizeof(peer.address),
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof(control),
                };
                ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        return;
                /* An error is one that an earlier answer met, such as a closed port. */
                if (n >= 0)
                        take(s, data, (size_t) n, &peer, &m);
        }
}
