/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "flood.h"

#define DISCARD_PORT 9
#define PAYLOAD 1400U
#define HEADERS 28U /* IPv4 and UDP */
#define BATCH 32U
/* As much waits in the socket as the system allows: the queue of the interface is to be what is full. */
#define WAITING (8 * 1024 * 1024)
/* What could not be sent in time is not made up for beyond this. */
#define BEHIND_USEC 20000U

struct Flood {
        int fd;
        EchoTarget target;
        uint64_t rate;
        uint64_t last;   /* usec */
        uint64_t credit; /* bit * usec per s */
        uint64_t sent;
};

Flood *flood_new(const EchoTarget *target, uint64_t rate, const char *interface, GError **error) {
        g_autoptr(Flood) f = g_new0(Flood, 1);
        int waiting = WAITING, family = target->any.sa_family, r;

        f->target = *target;
        f->rate = rate;
        /* Not connected: that nobody listens there, and the host says so, is no error. */
        if (family == AF_INET6)
                f->target.v6.sin6_port = htons(DISCARD_PORT);
        else
                f->target.v4.sin_port = htons(DISCARD_PORT);
        f->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = f->fd < 0 ? -errno : socket_mark(f->fd, family, 0, interface);
        if (r < 0) {
                g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-r), "cannot fill the line: %s",
                        g_strerror(-r));
                return NULL;
        }

        (void) setsockopt(f->fd, SOL_SOCKET, SO_SNDBUF, &waiting, sizeof(waiting));
        return g_steal_pointer(&f);
}

Flood *flood_free(Flood *f) {
        if (!f)
                return NULL;

        if (f->fd >= 0)
                (void) close(f->fd);
        g_free(f);
        return NULL;
}

uint64_t flood_sent(const Flood *f) {
        return f->sent;
}

/* Returns how many went. */
static unsigned send_batch(Flood *f, unsigned n) {
        static uint8_t payload[PAYLOAD];
        struct mmsghdr messages[BATCH] = { 0 };
        struct iovec iov = { payload, sizeof(payload) };
        int sent;

        for (unsigned i = 0; i < n; i++)
                messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &f->target,
                        .msg_namelen = echo_target_size(&f->target),
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                };

        sent = sendmmsg(f->fd, messages, n, 0);
        return sent > 0 ? (unsigned) sent : 0;
}

void flood_send(Flood *f, uint64_t now) {
        const uint64_t cost = (uint64_t) (PAYLOAD + HEADERS) * 8 * G_USEC_PER_SEC;
        uint64_t elapsed = f->last > 0 ? MIN(now - f->last, BEHIND_USEC) : 0;

        f->last = now;
        f->credit += elapsed * f->rate;
        while (f->credit >= cost) {
                unsigned wanted = (unsigned) MIN(f->credit / cost, BATCH), went = send_batch(f, wanted);

                f->sent += (uint64_t) went * PAYLOAD;
                f->credit -= (uint64_t) went * cost;
                if (went < wanted) {
                        /* No room: the line is full. */
                        f->credit = 0;
                        return;
                }
        }
}
