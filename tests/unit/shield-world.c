/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "game-link.h"
#include "service/nft-meter.h"
#include "service/shield-report.h"
#include "shield-world.h"
#include "tests/own-network.h"

#define TABLE "left4me"
#define PORTS "ports"

static void on_done(int r, const char *why, void *userdata) {
        World *w = userdata;

        if (r < 0)
                g_test_message("the kernel says: %s", why ?: g_strerror(-r));
        w->ended++;
        w->r = r;
}

static void wait_for(World *w) {
        unsigned before = w->ended;

        while (w->ended == before)
                g_assert_cmpint(sd_event_run(w->event, 20 * G_USEC_PER_SEC), >, 0);
        g_assert_cmpint(w->r, ==, 0);
}

static void send_batch(World *w, NftBatch *b) {
        g_assert_cmpint(nft_batch_send(w->netlink, b, 0, on_done, w), ==, 0);
        wait_for(w);
}

void world_put(World *w, const ShieldConfig *c) {
        static const uint16_t ports[] = { PORT, OTHER_PORT };
        NftBatch *b = nft_batch_new();

        nft_add_table(b, TABLE);
        nft_delete_table(b, TABLE);
        nft_add_table(b, TABLE);
        nft_add_set(b, nft_set_new(TABLE, PORTS, NFT_TYPE_PORT, 2, 0));
        for (size_t i = 0; i < G_N_ELEMENTS(ports); i++)
                nft_add_element(b, TABLE, PORTS, &(uint16_t){ htons(ports[i]) }, 2, NULL);

        for (ShieldKind kind = 0; kind < _SHIELD_KIND_MAX; kind++)
                for (ShieldCounter counter = 0; counter < _SHIELD_COUNTER_MAX; counter++) {
                        g_autofree char *name = shield_counter_name(kind, counter);

                        if (shield_counter_exists(kind, counter))
                                nft_add_counter(b, TABLE, name, w->counters[kind][counter], 0);
                }
        shield_rules_put(b, TABLE, PORTS, c, SEEN_MAX);
        send_batch(w, b);
}

static void on_packet(const char *prefix, const uint8_t *packet, size_t size, void *userdata) {
        World *w = userdata;
        ShieldReport r;

        g_assert_cmpint(shield_report_parse(prefix, packet, size, &r), ==, 0);
        g_ptr_array_add(w->reports, g_strdup_printf("%s %s %s %u", shield_kind_to_string(r.kind),
                                            r.of_port ? "port" : "source", r.source, r.port));
}

static int server_socket(int family) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 1 << 24 }, sizeof(int)), ==, 0);
        if (family == AF_INET6) {
                g_assert_cmpint(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int)), ==, 0);
                g_assert_cmpint(bind(fd, (struct sockaddr *) &v6, sizeof(v6)), ==, 0);
        } else
                g_assert_cmpint(bind(fd, (struct sockaddr *) &v4, sizeof(v4)), ==, 0);

        return fd;
}

/* The kernel makes an IPv6 address good by and by. */
static void wait_for_ipv6(World *w) {
        struct pollfd p = { .fd = w->sockets[1], .events = POLLIN };
        char data[16];

        do
                game_link_send6(w->link, 1, 1, PORT, "ready?", 6);
        while (poll(&p, 1, 5) == 0);
        while (recv(w->sockets[1], data, sizeof(data), 0) >= 0)
                ;
}

void world_set_up(World *w, gconstpointer data) {
        w->sources = g_string_new(NULL);
        w->reports = g_ptr_array_new_with_free_func(g_free);
        g_assert_cmpint(sd_event_new(&w->event), >=, 0);
        g_assert_cmpint(netlink_open(w->event, NETLINK_NETFILTER, &w->netlink), ==, 0);
        w->link = game_link_new();
        g_assert_cmpint(w->link, >=, 0);
        g_assert_cmpint(
                nflog_new(w->event, SHIELD_LOG_GROUP, SHIELD_REPORT_LENGTH, on_packet, w, &w->log), ==, 0);
        w->sockets[0] = server_socket(AF_INET);
        w->sockets[1] = server_socket(AF_INET6);
        wait_for_ipv6(w);
}

void world_tear_down(World *w, gconstpointer data) {
        nflog_free(w->log);
        w->netlink = netlink_close(w->netlink);
        for (size_t i = 0; i < G_N_ELEMENTS(w->sockets); i++)
                (void) close(w->sockets[i]);
        (void) close(w->link);
        (void) g_string_free(w->sources, TRUE);
        g_ptr_array_unref(w->reports);
        sd_event_unref(w->event);
}

unsigned world_received(World *w, unsigned which) {
        char data[2048];
        unsigned n = 0;

        while (recv(w->sockets[which], data, sizeof(data), 0) >= 0)
                n++;
        g_assert_cmpint(errno, ==, EAGAIN);
        return n;
}

static void on_counter(const struct nlmsghdr *m, void *userdata) {
        World *w = userdata;
        ShieldCounter counter;
        ShieldKind kind;
        NftCounter c;

        if (nft_parse_counter(m, &c) && shield_counter_parse(c.name, &kind, &counter))
                w->counters[kind][counter] = c.packets;
}

void world_read_counters(World *w) {
        g_assert_cmpint(nft_list_counters(w->netlink, TABLE, on_counter, on_done, w), ==, 0);
        wait_for(w);
}

uint64_t world_counted(World *w, ShieldKind kind, ShieldCounter counter) {
        world_read_counters(w);
        return w->counters[kind][counter];
}

static void add_source(const NftMetered *k, void *userdata) {
        char text[INET6_ADDRSTRLEN + 4];
        World *w = userdata;
        ShieldSource s;

        w->n_keys++;
        if (!shield_source_key_parse(w->family, k->key, k->size, &s))
                return;
        shield_source_to_text(w->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET, s.address, text);
        g_assert_cmpuint(k->left, <=, SHIELD_SOURCES_MEMORY);
        g_assert_cmpuint(k->bytes, >=, k->packets * 28);
        g_string_append_printf(w->sources, "%s %u %s %" PRIu64 "\n", text, s.port,
                shield_kind_to_string(s.kind), k->packets);
}

static void on_meter(const struct nlmsghdr *m, void *userdata) {
        nft_parse_meter(m, add_source, userdata);
}

unsigned world_keys(World *w, const char *meter, uint8_t family) {
        w->n_keys = 0;
        w->family = family;
        g_string_truncate(w->sources, 0);
        g_assert_cmpint(nft_list_meter(w->netlink, TABLE, meter, on_meter, on_done, w), ==, 0);
        wait_for(w);
        return w->n_keys;
}

const char *world_sources(World *w, uint8_t family) {
        (void) world_keys(w, shield_sources_set(family), family);
        return w->sources->str;
}

const char *world_next_report(World *w) {
        guint before = w->reports->len;

        while (sd_event_run(w->event, 0) > 0)
                ;
        return w->reports->len > before ? w->reports->pdata[before] : "";
}

bool world_can_be(void) {
        g_autoptr(NftBatch) b = nft_batch_new();
        World w = { .link = -1 };
        bool done;

        if (!own_network())
                return false;

        w.link = game_link_new();
        if (w.link >= 0)
                (void) close(w.link);
        g_assert_cmpint(sd_event_new(&w.event), >=, 0);
        done = w.link >= 0 && netlink_open(w.event, NETLINK_NETFILTER, &w.netlink) >= 0;
        if (done) {
                nft_add_table(b, TABLE);
                g_assert_cmpint(nft_batch_send(w.netlink, g_steal_pointer(&b), 0, on_done, &w), ==, 0);
                while (w.ended == 0)
                        g_assert_cmpint(sd_event_run(w.event, 20 * G_USEC_PER_SEC), >, 0);
                done = w.r >= 0;
        }
        netlink_close(w.netlink);
        sd_event_unref(w.event);
        return done;
}
