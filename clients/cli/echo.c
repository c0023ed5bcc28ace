/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <gio/gio.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "echo.h"

/* As many as one measurement may have: the numbers are 16 bits wide. */
#define PROBES_MAX 32768U
#define PAYLOAD 56U
#define READS_MAX 64U

typedef struct {
        uint64_t sent;
        uint64_t took; /* usec; UINT64_MAX: not answered */
} Probe;

struct Echo {
        int fd;
        EchoTarget target;
        uint16_t first; /* number of the first probe of this measurement */
        GArray *probes;
        unsigned answered;
};

static uint64_t usec_of(const struct timespec *t) {
        return (uint64_t) t->tv_sec * G_USEC_PER_SEC + (uint64_t) t->tv_nsec / 1000;
}

socklen_t echo_target_size(const EchoTarget *target) {
        return target->any.sa_family == AF_INET6 ? sizeof(target->v6) : sizeof(target->v4);
}

int socket_mark(int fd, int family, unsigned dscp, const char *interface) {
        int tos = (int) (dscp << 2);
        int r = family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos))
                                   : setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));

        if (r >= 0 && interface)
                r = setsockopt(
                        fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t) strlen(interface) + 1);

        return r < 0 ? -errno : 0;
}

Echo *echo_new(const EchoTarget *target, unsigned dscp, const char *interface, GError **error) {
        int family = target->any.sa_family, one = 1, r;
        g_autoptr(Echo) e = g_new0(Echo, 1);

        e->target = *target;
        e->probes = g_array_new(FALSE, FALSE, sizeof(Probe));
        e->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                family == AF_INET6 ? (int) IPPROTO_ICMPV6 : (int) IPPROTO_ICMP);
        r = e->fd < 0 ? -errno : socket_mark(e->fd, family, dscp, interface);
        if (r >= 0 && setsockopt(e->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) < 0)
                r = -errno;
        if (r >= 0 && connect(e->fd, &target->any, echo_target_size(target)) < 0)
                r = -errno;
        if (r < 0) {
                g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-r), "cannot send echo requests: %s%s",
                        g_strerror(-r),
                        r == -EACCES ? "; the sysctl net.ipv4.ping_group_range says who may" : "");
                return NULL;
        }

        return g_steal_pointer(&e);
}

Echo *echo_free(Echo *e) {
        if (!e)
                return NULL;

        if (e->fd >= 0)
                (void) close(e->fd);
        g_array_unref(e->probes);
        g_free(e);
        return NULL;
}

int echo_fd(const Echo *e) {
        return e->fd;
}

gboolean echo_is_complete(const Echo *e) {
        return e->answered == e->probes->len;
}

/* The kernel fills in identifier and checksum. Both protocols have the number at the same place. */
void echo_send(Echo *e) {
        uint8_t packet[sizeof(struct icmphdr) + PAYLOAD] = { 0 };
        struct icmphdr header = { .type = e->target.any.sa_family == AF_INET6 ? ICMP6_ECHO_REQUEST
                                                                              : ICMP_ECHO };
        Probe probe = { .took = UINT64_MAX };
        struct timespec now;

        if (e->probes->len >= PROBES_MAX)
                return;

        header.un.echo.sequence = htons((uint16_t) (e->first + e->probes->len));
        memcpy(packet, &header, sizeof(header));
        (void) clock_gettime(CLOCK_REALTIME, &now);
        probe.sent = usec_of(&now);

        /* What cannot be sent for want of room has waited longer than anything: it counts as lost. */
        g_array_append_val(e->probes, probe);
        (void) send(e->fd, packet, sizeof(packet), 0);
}

/* When it came, as the kernel says, or now. */
static uint64_t arrival(struct msghdr *message) {
        struct timespec when;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                        memcpy(&when, CMSG_DATA(c), sizeof(when));
                        return usec_of(&when);
                }

        (void) clock_gettime(CLOCK_REALTIME, &when);
        return usec_of(&when);
}

static void take_answer(Echo *e, const uint8_t *packet, gsize size, uint64_t when) {
        uint8_t reply = e->target.any.sa_family == AF_INET6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
        struct icmphdr header;
        Probe *probe;
        unsigned index;

        if (size < sizeof(header))
                return;

        memcpy(&header, packet, sizeof(header));
        index = (uint16_t) (ntohs(header.un.echo.sequence) - e->first);
        if (header.type != reply || index >= e->probes->len)
                return;

        /* Twice the same: the first counts. */
        probe = &g_array_index(e->probes, Probe, index);
        if (probe->took != UINT64_MAX)
                return;

        probe->took = when > probe->sent ? when - probe->sent : 0;
        e->answered++;
}

void echo_receive(Echo *e) {
        for (unsigned n = 0; n < READS_MAX; n++) {
                union {
                        char bytes[256];
                        struct cmsghdr align;
                } control;
                uint8_t packet[512];
                struct iovec iov = { packet, sizeof(packet) };
                struct msghdr message = {
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof(control),
                };
                ssize_t size = recvmsg(e->fd, &message, 0);

                /* What a router reported is an error here, once, and no end. */
                if (size < 0 && errno == EAGAIN)
                        return;
                if (size >= 0)
                        take_answer(e, packet, (gsize) size, arrival(&message));
        }
}

static gint compare(gconstpointer a, gconstpointer b) {
        const Probe *x = a, *y = b;

        return x->took < y->took ? -1 : x->took > y->took;
}

void echo_take_result(Echo *e, EchoResult *ret) {
        unsigned n = e->answered;

        *ret = (EchoResult){ .sent = e->probes->len, .lost = e->probes->len - n };
        g_array_sort(e->probes, compare);
        if (n > 0) {
                ret->median = g_array_index(e->probes, Probe, n / 2).took;
                ret->p99 = g_array_index(e->probes, Probe, (n - 1) * 99 / 100).took;
                ret->max = g_array_index(e->probes, Probe, n - 1).took;
        }

        e->first = (uint16_t) (e->first + e->probes->len);
        e->answered = 0;
        g_array_set_size(e->probes, 0);
}
