/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/rcon.h"
#include "service/ask.h"
#include "service/console.h"
#include "service/instance-internal.h"
#include "service/manager.h"

/* After the password was accepted. */
#define DEADLINE (5 * G_TIME_SPAN_SECOND)

enum {
        COMMAND_ID = 2,
        MARKER_ID = 3
};

struct Ask {
        Instance *instance;
        Console *console;
        int fd;
        sd_event_source *io, *deadline;
        GByteArray *request;
        size_t sent;
        RconAnswer *answer;
        uint8_t packet[RCON_PACKET_MAX];
        size_t have;
        AskDone done;
        void *userdata;
};

Ask *ask_free(Ask *a) {
        if (!a)
                return NULL;

        console_free(a->console);
        sd_event_source_disable_unref(a->io);
        sd_event_source_disable_unref(a->deadline);
        if (a->fd >= 0)
                (void) close(a->fd);
        g_byte_array_unref(a->request);
        rcon_answer_free(a->answer);
        g_free(a);
        return NULL;
}

static void ask_end(Ask *a, int r) {
        g_autoptr(RconAnswer) answer = g_steal_pointer(&a->answer);
        AskDone done = a->done;
        void *userdata = a->userdata;

        ask_free(a);
        done(r, answer->text->str, answer->text->len, userdata);
}

/* Takes what has come; true when the ask has ended. */
static bool ask_take(Ask *a) {
        size_t begin = 0;
        RconPacket p;
        ssize_t n;
        int r;

        while ((n = rcon_decode(RCON_FROM_SERVER, a->packet + begin, a->have - begin, &p, NULL)) > 0) {
                begin += (size_t) n;
                r = rcon_answer_add(a->answer, &p);
                if (r != 0) {
                        ask_end(a, r < 0 ? r : 0);
                        return true;
                }
        }

        if (n < 0) {
                ask_end(a, -EPROTO);
                return true;
        }

        memmove(a->packet, a->packet + begin, a->have - begin);
        a->have -= begin;
        return false;
}

static void ask_read(Ask *a) {
        for (;;) {
                ssize_t n = read(a->fd, a->packet + a->have, sizeof(a->packet) - a->have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        ask_end(a, n == 0 ? -ECONNRESET : -errno);
                        return;
                }

                a->have += (size_t) n;
                if (ask_take(a))
                        return;
        }
}

static void ask_write(Ask *a) {
        ssize_t n;

        do
                n = send(a->fd, a->request->data + a->sent, a->request->len - a->sent, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);

        if (n < 0 && errno != EAGAIN) {
                ask_end(a, -errno);
                return;
        }

        a->sent += n > 0 ? (size_t) n : 0;
        if (a->sent == a->request->len)
                (void) sd_event_source_set_io_events(a->io, EPOLLIN);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Ask *a = userdata;

        if (a->sent < a->request->len)
                ask_write(a);
        else
                ask_read(a);

        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        ask_end(userdata, -ETIMEDOUT);
        return 0;
}

static int ask_begin(Ask *a) {
        sd_event *event = a->instance->manager->event;
        int flags, r;

        flags = fcntl(a->fd, F_GETFL);
        if (flags < 0 || fcntl(a->fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;

        r = sd_event_add_io(event, &a->io, a->fd, EPOLLOUT, on_io, a);
        return r < 0 ? r
                     : sd_event_add_time_relative(
                               event, &a->deadline, CLOCK_MONOTONIC, DEADLINE, 0, on_deadline, a);
}

static void on_console(ConsoleResult result, int fd, void *userdata) {
        static const int errors[] = {
                [CONSOLE_NOT_LISTENING] = -ECONNREFUSED,
                [CONSOLE_DROPPED] = -ECONNRESET,
                [CONSOLE_WRONG_PASSWORD] = -EACCES,
                [CONSOLE_SILENT] = -ETIMEDOUT,
                [CONSOLE_STRANGER] = -EPROTO,
                [CONSOLE_FAILED] = -EIO,
        };
        Ask *a = userdata;
        int r = errors[result];

        a->console = NULL;
        if (result == CONSOLE_WRONG_PASSWORD)
                instance_note_refusal(a->instance);

        if (result == CONSOLE_OPEN) {
                a->fd = fd;
                r = ask_begin(a);
        }

        if (r < 0)
                ask_end(a, r);
}

int ask_new(Instance *i, const char *command, AskDone done, void *userdata, Ask **ret) {
        Ask *a = g_new0(Ask, 1);
        int r;

        *a = (Ask){
                .instance = i,
                .fd = -1,
                .request = g_byte_array_new(),
                .answer = rcon_answer_new(COMMAND_ID, MARKER_ID, ASK_ANSWER_MAX),
                .done = done,
                .userdata = userdata,
        };

        r = rcon_encode_command(a->request, COMMAND_ID, command, RCON_MARKER_EXEC, MARKER_ID);
        if (r >= 0)
                r = instance_new_console(i, on_console, a, &a->console);
        if (r < 0) {
                ask_free(a);
                return r;
        }

        *ret = a;
        return 0;
}
