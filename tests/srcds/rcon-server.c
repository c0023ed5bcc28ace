/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ban.h"
#include "console.h"
#include "game.h"
#include "garbage.h"
#include "protocol/rcon.h"
#include "rcon-server.h"
#include "server.h"
#include "util.h"

#define OUT_MAX (4U << 20) /* of answers that a client does not read */
#define READ_SIZE 8192

static void connection_free(RconConnection *c) {
        (void) close(c->fd);
        g_byte_array_unref(c->in);
        g_byte_array_unref(c->out);
        free(c);
}

void rcon_drop_all(Rcon *r) {
        for (size_t i = 0; i < r->n; i++)
                r->connections[i]->dead = true;
}

void rcon_sweep(Rcon *r) {
        size_t n = 0;

        for (size_t i = 0; i < r->n; i++)
                if (r->connections[i]->dead)
                        connection_free(r->connections[i]);
                else
                        r->connections[n++] = r->connections[i];
        r->n = n;
}

void rcon_done(Rcon *r) {
        rcon_drop_all(r);
        rcon_sweep(r);
}

size_t rcon_fill_poll(const Rcon *r, struct pollfd *fds) {
        for (size_t i = 0; i < r->n; i++)
                fds[i] = (struct pollfd){
                        .fd = r->connections[i]->fd,
                        .events = (short) (POLLIN |
                                           (r->connections[i]->out->len > 0 && !r->connections[i]->waits
                                                           ? POLLOUT
                                                           : 0)),
                };
        return r->n;
}

void rcon_accept(Server *s) {
        struct sockaddr_in peer;
        socklen_t len = sizeof(peer);
        RconConnection *c;
        int fd, one = 1;

        while ((fd = accept4(s->net.tcp, (struct sockaddr *) &peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
                0) {
                /* A banned address is let in and sent away. */
                if (s->rcon.n == RCON_CONNECTIONS_MAX || ban_has_address(s, peer.sin_addr)) {
                        (void) close(fd);
                        continue;
                }
                /* Each packet leaves by itself, none waits for the other side's acknowledgement of the one before. */
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
                c = xrealloc(NULL, sizeof(*c));
                *c = (RconConnection){ .fd = fd, .peer = peer };
                c->in = g_byte_array_new();
                c->out = g_byte_array_new();
                s->rcon.connections[s->rcon.n++] = c;
        }
}

static void ban_peer(Server *s, const struct sockaddr_in *peer) {
        for (size_t i = 0; i < s->rcon.n; i++)
                if (s->rcon.connections[i]->peer.sin_addr.s_addr == peer->sin_addr.s_addr)
                        s->rcon.connections[i]->dead = true;
}

/* How much is sent at once: with a gap between packets, the first one that is queued. */
static size_t next_segment(const RconConnection *c, double gap_ms) {
        size_t size = c->out->len;
        RconPacket p;
        ssize_t n;

        if (gap_ms <= 0)
                return size;
        n = rcon_decode(RCON_FROM_SERVER, c->out->data, size, &p, NULL);
        return n > 0 ? (size_t) n : size;
}

static void on_gap(Server *s);

/* Clients have been written that take what one read gives for one packet; srcds sends each by itself, and
 * over a network that mostly works. standin_rcon_gap_ms makes it work always. */
static void flush(Server *s, RconConnection *c) {
        double gap_ms = cvar_number(&s->cvars, "standin_rcon_gap_ms");

        while (c->out->len > 0 && !c->dead && !c->waits) {
                ssize_t n = send(c->fd, c->out->data, next_segment(c, gap_ms), MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN) {
                        c->dead = c->out->len > OUT_MAX;
                        return;
                }
                if (n < 0)
                        c->dead = true;
                else {
                        g_byte_array_remove_range(c->out, 0, (guint) n);
                        c->waits = gap_ms > 0;
                }
        }
        if (c->waits)
                timer_arm(&s->timers, TIMER_RCON, (uint64_t) (gap_ms * 1000), 0, on_gap);
}

static void on_gap(Server *s) {
        for (size_t i = 0; i < s->rcon.n; i++) {
                s->rcon.connections[i]->waits = false;
                flush(s, s->rcon.connections[i]);
        }
}

static const char *peer_name(const RconConnection *c, char buf[static 32]) {
        char ip[INET_ADDRSTRLEN];

        (void) snprintf(buf, 32, "%s:%u", inet_ntop(AF_INET, &c->peer.sin_addr, ip, sizeof(ip)),
                ntohs(c->peer.sin_port));
        return buf;
}

static void authenticate(Server *s, RconConnection *c, const RconPacket *p) {
        const char *password = cvar_string(&s->cvars, "rcon_password");
        char peer[32];

        c->authenticated = *password && p->body_size == strlen(password) &&
                           memcmp(p->body, password, p->body_size) == 0;
        rcon_encode_auth_answer(c->out, p->id, c->authenticated);
        flush(s, c);
        if (c->authenticated)
                return;
        log_line(&s->log, &s->cvars, "rcon from \"%s\": Bad Password", peer_name(c, peer));
        if (ban_count_failure(s, c->peer.sin_addr))
                ban_peer(s, &c->peer);
}

/* The answer goes out before the map is loaded that the command asked for: the engine does that in its
 * next frame, and its server.cfg may end this connection. */
static void execute(Server *s, RconConnection *c, const RconPacket *p) {
        _cleanup_free_ char *command = NULL, *answer = NULL;
        char peer[32];
        size_t size;

        if (!c->authenticated) {
                rcon_encode_answer(c->out, p->id, NULL, 0);
                flush(s, c);
                return;
        }
        command = xstrndup(p->body, p->body_size);
        if (cvar_number(&s->cvars, "sv_rcon_log") > 0 && *command)
                log_line(
                        &s->log, &s->cvars, "rcon from \"%s\": command \"%s\"", peer_name(c, peer), command);
        console_redirect();
        console_execute(s, command);
        answer = console_redirected(&size);
        if (!c->dead && !garbage_rcon(s, c->out, p->id))
                rcon_encode_answer(c->out, p->id, answer, size);
        flush(s, c);
        game_load_requested(s);
}

static void answer(Server *s, RconConnection *c, const RconPacket *p) {
        if (p->type == RCON_AUTH)
                authenticate(s, c, p);
        else if (p->type == RCON_EXEC)
                execute(s, c, p);
        else {
                if (cvar_number(&s->cvars, "standin_rcon_mirror") > 0)
                        rcon_encode_mirror(c->out, p->id);
                flush(s, c);
        }
}

/* What is wrong with a packet costs the connection; its size, the address. */
static void refuse(Server *s, RconConnection *c, bool too_large) {
        c->dead = true;
        if (!too_large || cvar_number(&s->cvars, "sv_rcon_maxpacketbans") <= 0)
                return;
        ban_address(s, c->peer.sin_addr);
        ban_peer(s, &c->peer);
}

static void take_packets(Server *s, RconConnection *c) {
        double max = cvar_number(&s->cvars, "sv_rcon_maxpacketsize");
        guint used = 0;

        while (!c->dead && !s->quit) {
                size_t missing = 0;
                RconPacket p;
                ssize_t n;

                n = rcon_decode(RCON_FROM_CLIENT, c->in->data + used, c->in->len - used, &p, &missing);
                if (n < 0 || (n > 0 && (double) n - 4 > max) ||
                        (n == 0 && c->in->len - used >= 4 &&
                                (double) (c->in->len - used + missing) - 4 > max))
                        refuse(s, c, n >= 0 || n == -EMSGSIZE);
                if (n <= 0 || c->dead)
                        break;
                answer(s, c, &p);
                used += (guint) n;
        }
        if (used > 0)
                g_byte_array_remove_range(c->in, 0, used);
}

void rcon_serve(Server *s, RconConnection *c, short events) {
        uint8_t buf[READ_SIZE];
        ssize_t n;

        if (events & POLLOUT)
                flush(s, c);
        if (c->dead || !(events & (POLLIN | POLLHUP | POLLERR)))
                return;
        n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                c->dead = true;
                return;
        }
        g_byte_array_append(c->in, buf, (guint) n);
        take_packets(s, c);
}
