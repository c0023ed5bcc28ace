/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/netlink.h"

/*
 * The kernel answers within sendmsg(): whatever is no dump has its whole answer in the socket's queue when that returns. So a request has
 * ended when the queue is empty and an error or an acknowledgement was among what was in it, in whatever order they came: a batch gets
 * several, and the one that counts, of its commit, first.
 */

#define QUEUE_MAX 256U
/* The largest piece that the kernel makes of a dump is 32 KiB. */
#define PIECE_MAX (64U * 1024)
#define DUMP_MAX (16U * 1024 * 1024)
#define DUMP_TRIES 8U
/* Reads before other sources of the event loop get their turn. */
#define NEWS_ROOM (8 * 1024 * 1024)
#define READS_MAX 32U

typedef struct NetlinkRequest {
        GByteArray *messages;
        GByteArray *answer;
        uint32_t first, last; /* sequence numbers */
        unsigned tries;
        bool dump, interrupted, acknowledged;
        int error; /* the first of them */
        char *why;
        NetlinkMessage on_message;
        NetlinkDone done;
        void *userdata;
} NetlinkRequest;

typedef struct Subscription {
        Netlink *netlink;
        int fd;
        sd_event_source *source;
        NetlinkNews on_news;
        void *userdata;
} Subscription;

struct Netlink {
        sd_event *event;
        int protocol;
        int fd;
        uint32_t port;
        uint32_t sequence;
        sd_event_source *source, *next_source;
        GQueue waiting; /* NetlinkRequest; the first one is under way if `busy` */
        bool busy;
        GPtrArray *subscriptions;
        uint8_t *buffer; /* of PIECE_MAX */
};

static void request_free(NetlinkRequest *q) {
        g_byte_array_unref(q->messages);
        g_byte_array_unref(q->answer);
        g_free(q->why);
        g_free(q);
}

/* It is out of the queue before anybody hears of its end: the next request may be made from there. */
static void end_first(Netlink *n, int r) {
        NetlinkRequest *q = g_queue_pop_head(&n->waiting);

        n->busy = false;
        if (!g_queue_is_empty(&n->waiting))
                (void) sd_event_source_set_enabled(n->next_source, SD_EVENT_ONESHOT);

        if (r >= 0 && q->on_message) {
                const struct nlmsghdr *m = (const struct nlmsghdr *) (const void *) q->answer->data;
                int left = (int) q->answer->len;

                for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
                        q->on_message(m, q->userdata);
        }

        q->done(r, r < 0 ? q->why : NULL, q->userdata);
        request_free(q);
}

static int send_first(Netlink *n) {
        NetlinkRequest *q = g_queue_peek_head(&n->waiting);
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        int left = (int) q->messages->len, room = (int) q->messages->len + 4096;
        struct nlmsghdr *m = (struct nlmsghdr *) (void *) q->messages->data;
        ssize_t sent;

        q->first = n->sequence;
        for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
                m->nlmsg_seq = q->last = n->sequence++;
                m->nlmsg_pid = 0;
                q->dump = q->dump || (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
        }
        q->interrupted = q->acknowledged = false;
        g_byte_array_set_size(q->answer, 0);

        /* A whole batch is one datagram. Without the right to, the default must do. */
        if (room > 64 * 1024)
                (void) setsockopt(n->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));

        sent = sendto(n->fd, q->messages->data, q->messages->len, 0, (const struct sockaddr *) &kernel,
                sizeof(kernel));
        return sent < 0 ? -errno : 0;
}

static void send_next(Netlink *n) {
        while (!n->busy && !g_queue_is_empty(&n->waiting)) {
                int r;

                n->busy = true;
                r = send_first(n);
                if (r < 0)
                        end_first(n, r);
        }
}

static int on_next(sd_event_source *source, void *userdata) {
        send_next(userdata);
        return 0;
}

/* The kernel's explanation follows the message that was wrong, or its header alone. */
static char *read_why(const struct nlmsghdr *m) {
        const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
        size_t offset = sizeof(*e);
        const struct nlattr *attribute;

        if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
                return NULL;
        if (!(m->nlmsg_flags & NLM_F_CAPPED))
                offset += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
        if (offset > mnl_nlmsg_get_payload_len(m))
                return NULL;

        mnl_attr_for_each(attribute, m, offset)
                if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
                        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                        return g_utf8_make_valid(mnl_attr_get_str(attribute), -1);

        return NULL;
}

static void take_error(NetlinkRequest *q, const struct nlmsghdr *m) {
        const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);

        if (mnl_nlmsg_get_payload_len(m) < sizeof(*e))
                return;

        q->acknowledged = true;
        if (e->error == 0 || q->error < 0)
                return;

        q->error = e->error < 0 ? e->error : -e->error;
        q->why = read_why(m);
}

static void take_end_of_dump(NetlinkRequest *q, const struct nlmsghdr *m) {
        q->acknowledged = true;
        if (mnl_nlmsg_get_payload_len(m) >= sizeof(int) && q->error == 0)
                q->error = MIN(*(const int *) mnl_nlmsg_get_payload(m), 0);
}

static void take_message(NetlinkRequest *q, const struct nlmsghdr *m) {
        /* An answer to a request that was given up. */
        if (m->nlmsg_seq - q->first > q->last - q->first)
                return;

        if (m->nlmsg_flags & NLM_F_DUMP_INTR)
                q->interrupted = true;

        if (m->nlmsg_type == NLMSG_ERROR)
                take_error(q, m);
        else if (m->nlmsg_type == NLMSG_DONE)
                take_end_of_dump(q, m);
        else if (m->nlmsg_type >= NLMSG_MIN_TYPE && q->answer->len + m->nlmsg_len <= DUMP_MAX) {
                static const uint8_t padding[MNL_ALIGNTO];

                g_byte_array_append(q->answer, (const uint8_t *) m, m->nlmsg_len);
                g_byte_array_append(q->answer, padding, MNL_ALIGN(m->nlmsg_len) - m->nlmsg_len);
        } else if (m->nlmsg_type >= NLMSG_MIN_TYPE && q->error == 0)
                q->error = -EMSGSIZE;
}

/* Reads one datagram of the kernel's: its size, 0 for one that is nobody's, -EAGAIN for none. */
static ssize_t read_piece(Netlink *n, int fd) {
        struct sockaddr_nl from = { 0 };
        struct iovec iov = { .iov_base = n->buffer, .iov_len = PIECE_MAX };
        struct msghdr header = {
                .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
        };
        ssize_t size;

        size = recvmsg(fd, &header, 0);
        if (size < 0)
                return -errno;
        if (from.nl_pid != 0)
                return 0;

        return header.msg_flags & MSG_TRUNC ? -EMSGSIZE : size;
}

/* Everything that has come was read. */
static void on_drained(Netlink *n) {
        NetlinkRequest *q = g_queue_peek_head(&n->waiting);

        if (!n->busy || !q->acknowledged)
                return;

        if (q->error == 0 && q->dump && q->interrupted) {
                int r = ++q->tries < DUMP_TRIES ? send_first(n) : -EINTR;

                if (r < 0)
                        end_first(n, r);
                return;
        }

        end_first(n, q->error);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Netlink *n = userdata;

        for (unsigned k = 0; k < READS_MAX; k++) {
                ssize_t size = read_piece(n, fd);
                const struct nlmsghdr *m = (const struct nlmsghdr *) (const void *) n->buffer;
                NetlinkRequest *q = n->busy ? g_queue_peek_head(&n->waiting) : NULL;
                int left = (int) size;

                if (size == -EINTR)
                        continue;
                if (size == -EAGAIN) {
                        on_drained(n);
                        return 0;
                }
                if (size < 0) {
                        /* Part of an answer is lost (ENOBUFS): whether it was done, only a new look can tell. */
                        if (q)
                                end_first(n, (int) size);
                        return 0;
                }

                for (; q && mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
                        take_message(q, m);
        }

        return 0;
}

static int open_socket(int protocol) {
        struct sockaddr_nl self = { .nl_family = AF_NETLINK };
        int one = 1, fd, r;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
        if (fd < 0)
                return -errno;

        if (bind(fd, (const struct sockaddr *) &self, sizeof(self)) < 0) {
                r = -errno;
                (void) close(fd);
                return r;
        }

        (void) setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
        return fd;
}

static int read_port(int fd, uint32_t *ret) {
        struct sockaddr_nl self;
        socklen_t size = sizeof(self);

        if (getsockname(fd, (struct sockaddr *) &self, &size) < 0)
                return -errno;

        *ret = self.nl_pid;
        return 0;
}

static void subscription_free(gpointer data) {
        Subscription *s = data;

        sd_event_source_disable_unref(s->source);
        (void) close(s->fd);
        g_free(s);
}

int netlink_open(sd_event *event, int protocol, Netlink **ret) {
        g_autoptr(Netlink) n = g_new0(Netlink, 1);
        int r;

        n->event = sd_event_ref(event);
        n->protocol = protocol;
        n->sequence = 1;
        n->buffer = g_malloc(PIECE_MAX);
        n->subscriptions = g_ptr_array_new_with_free_func(subscription_free);
        g_queue_init(&n->waiting);

        n->fd = open_socket(protocol);
        if (n->fd < 0)
                return n->fd;

        r = read_port(n->fd, &n->port);
        if (r >= 0)
                r = sd_event_add_io(event, &n->source, n->fd, EPOLLIN, on_readable, n);
        if (r >= 0)
                r = sd_event_add_defer(event, &n->next_source, on_next, n);
        if (r >= 0)
                r = sd_event_source_set_enabled(n->next_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&n);
        return 0;
}

Netlink *netlink_close(Netlink *n) {
        NetlinkRequest *q;

        if (!n)
                return NULL;

        g_ptr_array_unref(n->subscriptions);
        sd_event_source_disable_unref(n->source);
        sd_event_source_disable_unref(n->next_source);
        if (n->fd >= 0)
                (void) close(n->fd);

        while ((q = g_queue_pop_head(&n->waiting))) {
                q->done(-ECANCELED, NULL, q->userdata);
                request_free(q);
        }

        sd_event_unref(n->event);
        g_free(n->buffer);
        g_free(n);
        return NULL;
}

int netlink_request(Netlink *n, const void *messages, size_t size, NetlinkMessage on_message,
        NetlinkDone done, void *userdata) {
        NetlinkRequest *q;

        if (size < sizeof(struct nlmsghdr) || size > INT_MAX / 2)
                return -EINVAL;
        if (g_queue_get_length(&n->waiting) >= QUEUE_MAX)
                return -EBUSY;

        q = g_new(NetlinkRequest, 1);
        *q = (NetlinkRequest){ .messages = g_byte_array_sized_new((unsigned) size),
                .answer = g_byte_array_new(),
                .on_message = on_message,
                .done = done,
                .userdata = userdata };
        g_byte_array_append(q->messages, messages, (unsigned) size);
        g_queue_push_tail(&n->waiting, q);
        if (!n->busy)
                (void) sd_event_source_set_enabled(n->next_source, SD_EVENT_ONESHOT);

        return 0;
}

static int on_news_readable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Subscription *s = userdata;
        Netlink *n = s->netlink;

        for (unsigned k = 0; k < READS_MAX; k++) {
                ssize_t size = read_piece(n, fd);
                const struct nlmsghdr *m = (const struct nlmsghdr *) (const void *) n->buffer;
                int left = (int) size;

                if (size == -EAGAIN)
                        return 0;
                if (size == -EINTR)
                        continue;
                if (size < 0) {
                        s->on_news(NULL, s->userdata);
                        continue;
                }

                for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
                        if (m->nlmsg_type >= NLMSG_MIN_TYPE)
                                s->on_news(m, s->userdata);
        }

        return 0;
}

int netlink_subscribe(Netlink *n, unsigned group, NetlinkNews on_news, void *userdata) {
        Subscription *s;
        int fd, r = 0;

        fd = open_socket(n->protocol);
        if (fd < 0)
                return fd;

        /* What we do ourselves is news as well, of thousands of messages at once: with too little room it would be missed, and taken for a
         * reason to do it again. Without the right to, the default must do. */
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ NEWS_ROOM }, sizeof(int));

        s = g_new(Subscription, 1);
        *s = (Subscription){ .netlink = n, .fd = fd, .on_news = on_news, .userdata = userdata };
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                r = -errno;
        if (r >= 0)
                r = sd_event_add_io(n->event, &s->source, fd, EPOLLIN, on_news_readable, s);
        if (r < 0) {
                subscription_free(s);
                return r;
        }

        g_ptr_array_add(n->subscriptions, s);
        return 0;
}

uint32_t netlink_port(const Netlink *n) {
        return n->port;
}
