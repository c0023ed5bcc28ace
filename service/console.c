/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/rcon.h"
#include "service/console.h"
#include "service/listener.h"

/* A game listens some seconds after its process has begun. */
#define PATIENCE (5 * G_TIME_SPAN_SECOND)
#define TRY_AGAIN (200 * G_TIME_SPAN_MILLISECOND)

/* From the first try to the server's answer. A map is loaded for longer: who waits for that asks again. */
#define DEADLINE (10 * G_TIME_SPAN_SECOND)

#define AUTH_ID 1

struct Console {
        sd_event *event;
        uint16_t port;
        uid_t uid;
        int fd; /* -1 between two tries */
        sd_event_source *io, *again, *deadline;
        uint64_t begun; /* CLOCK_MONOTONIC */
        GByteArray *request;
        size_t sent;
        uint8_t packet[RCON_PACKET_MAX];
        size_t have;
        ConsoleDone done;
        void *userdata;
};

static void console_disconnect(Console *c) {
        c->io = sd_event_source_disable_unref(c->io);
        if (c->fd >= 0)
                (void) close(c->fd);
        c->fd = -1;
}

Console *console_free(Console *c) {
        if (!c)
                return NULL;

        console_disconnect(c);
        sd_event_source_disable_unref(c->again);
        sd_event_source_disable_unref(c->deadline);
        if (c->request->len > 0)
                explicit_bzero(c->request->data, c->request->len);
        g_byte_array_unref(c->request);
        sd_event_unref(c->event);
        g_free(c);
        return NULL;
}

static void console_end(Console *c, ConsoleResult result) {
        ConsoleDone done = c->done;
        void *userdata = c->userdata;
        int fd = -1, flags;

        if (result == CONSOLE_OPEN) {
                fd = c->fd;
                c->fd = -1;
                flags = fcntl(fd, F_GETFL);
                /* Shared with whoever gets it. */
                if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
                        (void) close(fd);
                        fd = -1;
                        result = CONSOLE_FAILED;
                }
        }

        console_free(c);
        done(result, fd, userdata);
}

static void console_connect(Console *c);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        console_connect(userdata);
        return 0;
}

/* Before the connection is there. */
static void console_connect_failed(Console *c, int error) {
        uint64_t now = 0;

        console_disconnect(c);
        (void) sd_event_now(c->event, CLOCK_MONOTONIC, &now);
        if (error != ECONNREFUSED)
                console_end(c, CONSOLE_FAILED);
        else if (now > c->begun + PATIENCE)
                console_end(c, CONSOLE_NOT_LISTENING);
        else {
                c->again = sd_event_source_disable_unref(c->again);
                if (sd_event_add_time_relative(
                            c->event, &c->again, CLOCK_MONOTONIC, TRY_AGAIN, 0, on_again, c) < 0)
                        console_end(c, CONSOLE_FAILED);
        }
}

/* Takes the packet that is whole: 1 when it is the answer to the password and that is right. */
static int console_take(Console *c, const RconPacket *p) {
        int r = rcon_auth_result(p, AUTH_ID);

        c->have = 0;
        if (r == -EACCES)
                console_end(c, CONSOLE_WRONG_PASSWORD);
        else if (r < 0)
                console_end(c, CONSOLE_STRANGER);
        else if (r > 0)
                console_end(c, CONSOLE_OPEN);

        return r;
}

/* Reads no byte beyond the answer: what comes after it is for whoever gets the connection. */
static void console_read(Console *c) {
        RconPacket p;
        size_t missing = 0;
        ssize_t n;

        for (;;) {
                n = rcon_decode(RCON_FROM_SERVER, c->packet, c->have, &p, &missing);
                if (n < 0) {
                        console_end(c, CONSOLE_STRANGER);
                        return;
                }
                if (n > 0) {
                        if (console_take(c, &p) != 0)
                                return;
                        continue;
                }

                n = read(c->fd, c->packet + c->have, missing);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        console_end(c, CONSOLE_DROPPED);
                        return;
                }
                c->have += (size_t) n;
        }
}

static void console_write(Console *c) {
        while (c->sent < c->request->len) {
                ssize_t n = send(c->fd, c->request->data + c->sent, c->request->len - c->sent, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0) {
                        console_end(c, CONSOLE_DROPPED);
                        return;
                }
                c->sent += (size_t) n;
        }

        (void) sd_event_source_set_io_events(c->io, EPOLLIN);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Console *c = userdata;
        socklen_t size = sizeof(int);
        int error = 0;

        if (c->sent == c->request->len)
                console_read(c);
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
                if (c->sent == 0 && error != ECONNRESET)
                        console_connect_failed(c, error);
                else
                        console_end(c, CONSOLE_DROPPED);
        } else
                console_write(c);

        return 0;
}

static void console_connect(Console *c) {
        const struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_port = htons(c->port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int one = 1, r;

        r = listener_check(c->port, c->uid);
        if (r == 0)
                console_connect_failed(c, ECONNREFUSED);
        else if (r < 0)
                console_end(c, r == -EPERM ? CONSOLE_STRANGER : CONSOLE_FAILED);
        if (r <= 0)
                return;

        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->fd < 0) {
                console_end(c, CONSOLE_FAILED);
                return;
        }

        /* Whoever gets it sends small packets and waits for the answers. */
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (connect(c->fd, (const struct sockaddr *) &address, sizeof(address)) < 0 && errno != EINPROGRESS)
                console_connect_failed(c, errno);
        else if (sd_event_add_io(c->event, &c->io, c->fd, EPOLLOUT, on_io, c) < 0)
                console_end(c, CONSOLE_FAILED);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Console *c = userdata;

        console_end(c, c->fd >= 0 ? CONSOLE_SILENT : CONSOLE_NOT_LISTENING);
        return 0;
}

static int on_begin(sd_event_source *source, uint64_t usec, void *userdata) {
        console_connect(userdata);
        return 0;
}

int console_new(sd_event *event, uint16_t port, uid_t uid, const char *password, ConsoleDone done,
        void *userdata, Console **ret) {
        Console *c = g_new0(Console, 1);
        int r;

        *c = (Console){
                .event = sd_event_ref(event),
                .port = port,
                .uid = uid,
                .fd = -1,
                .request = g_byte_array_new(),
                .done = done,
                .userdata = userdata,
        };

        r = rcon_encode_auth(c->request, AUTH_ID, password);
        if (r >= 0)
                r = sd_event_now(event, CLOCK_MONOTONIC, &c->begun);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        event, &c->deadline, CLOCK_MONOTONIC, DEADLINE, 0, on_deadline, c);
        /* From the loop, so that nobody is called back before he has what he asked for. */
        if (r >= 0)
                r = sd_event_add_time_relative(event, &c->again, CLOCK_MONOTONIC, 0, 0, on_begin, c);
        if (r < 0) {
                console_free(c);
                return r;
        }

        *ret = c;
        return 0;
}
