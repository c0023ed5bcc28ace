/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "game-link.h"
#include "service/nflog.h"
#include "service/nft-meter.h"
#include "service/shield-report.h"
#include "service/shield-rules.h"
#include "tests/own-network.h"

/* The rules in the kernel, with packets that arrive by an interface; what the server gets, and what is counted. */

#define TABLE "left4me"
#define PORTS "ports"
#define PORT 27015
#define SEEN_MAX 4096U
#define OTHER_PORT 27016 /* of a server as well */

#define OOB "\xff\xff\xff\xff"
static const char info[] = OOB "TSource Engine Query"; /* and its NUL */

typedef struct World {
        sd_event *event;
        Netlink *netlink;
        NfLog *log;
        int link, sockets[2]; /* of the server: IPv4, IPv6 */
        unsigned ended;
        int r;
        uint64_t counters[_SHIELD_KIND_MAX][_SHIELD_COUNTER_MAX];
        GString *sources;
        unsigned n_keys;
        uint8_t family;
        GPtrArray *reports;
} World;

static bool allowed;

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

/* As the firewall does it: the table is made anew, the counters go on. */
static void put(World *w, const ShieldConfig *c) {
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

static void set_up(World *w, gconstpointer data) {
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

static void tear_down(World *w, gconstpointer data) {
        nflog_free(w->log);
        w->netlink = netlink_close(w->netlink);
        for (size_t i = 0; i < G_N_ELEMENTS(w->sockets); i++)
                (void) close(w->sockets[i]);
        (void) close(w->link);
        (void) g_string_free(w->sources, TRUE);
        g_ptr_array_unref(w->reports);
        sd_event_unref(w->event);
}

/* How many datagrams the server has had since the last time. */
static unsigned received(World *w, unsigned which) {
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

static void read_counters(World *w) {
        g_assert_cmpint(nft_list_counters(w->netlink, TABLE, on_counter, on_done, w), ==, 0);
        wait_for(w);
}

static uint64_t counted(World *w, ShieldKind kind, ShieldCounter counter) {
        read_counters(w);
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

/* How many keys a meter has; the lines of those that are sources are in w->sources. */
static unsigned keys(World *w, const char *meter, uint8_t family) {
        w->n_keys = 0;
        w->family = family;
        g_string_truncate(w->sources, 0);
        g_assert_cmpint(nft_list_meter(w->netlink, TABLE, meter, on_meter, on_done, w), ==, 0);
        wait_for(w);
        return w->n_keys;
}

static const char *sources(World *w, uint8_t family) {
        (void) keys(w, shield_sources_set(family), family);
        return w->sources->str;
}

/* Reports are there as soon as the packet is. */
static const char *next_report(World *w) {
        guint before = w->reports->len;

        while (sd_event_run(w->event, 0) > 0)
                ;
        return w->reports->len > before ? w->reports->pdata[before] : "";
}

/* Rates so low that nothing comes back while a test runs. */
static ShieldConfig slow(ShieldMode mode) {
        ShieldConfig c;

        shield_config_init(&c);
        c.mode = mode;
        for (unsigned kind = 0; kind < _SHIELD_LIMITED_MAX; kind++)
                c.limits[kind] = (ShieldLimit){ 1, 10, 2, 100 };
        return c;
}

static void send_info(World *w, uint16_t source, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                game_link_send4(w->link, source, PORT, info, sizeof(info));
}

#define assert_about(n, expected) \
        do { \
                g_assert_cmpuint(n, >=, expected); \
                g_assert_cmpuint(n, <=, (expected) + 20); \
        } while (0)

static void test_source(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        g_autofree char *expected = NULL;
        unsigned n;

        put(w, &c);
        send_info(w, 7, 60);
        n = received(w, 0);
        assert_about(n, 10);
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_PASSED), ==, n);
        g_assert_cmpuint(w->counters[SHIELD_INFO][SHIELD_OVER_SOURCE], ==, 60 - n);
        g_assert_cmpuint(w->counters[SHIELD_INFO][SHIELD_OVER_PORT], ==, 0);
        expected = g_strdup_printf("198.51.0.7 27015 info %u\n", 60 - n);
        g_assert_cmpstr(sources(w, NFPROTO_IPV4), ==, expected);
        g_assert_cmpstr(next_report(w), ==, "info source 198.51.0.7 27015");
        g_assert_cmpuint(w->reports->len, ==, 1);

        /* What one has too much of takes nothing from others, other ports and other kinds. */
        send_info(w, 8, 10);
        g_assert_cmpuint(received(w, 0), ==, 10);
        game_link_send4(w->link, 7, OTHER_PORT, info, sizeof(info));
        game_link_send4(w->link, 7, PORT, OOB "U\xff\xff\xff\xff", 9);
        g_assert_cmpuint(received(w, 0), ==, 1);
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 60 - n);

        /* The ports of nobody are nobody's business. */
        for (unsigned i = 0; i < 50; i++)
                game_link_send4(w->link, 7, 27099, info, sizeof(info));
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 60 - n);
}

/* The first 64 bits are the source. */
static void test_ipv6(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        unsigned n;

        put(w, &c);
        for (unsigned i = 0; i < 60; i++)
                game_link_send6(w->link, 0x77, i + 2, PORT, info, sizeof(info));
        n = received(w, 1);
        assert_about(n, 10);
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 60 - n);
        g_assert_true(g_str_has_prefix(sources(w, NFPROTO_IPV6), "2001:db8:0:77::/64 27015 info "));
        g_assert_cmpstr(sources(w, NFPROTO_IPV4), ==, "");
        g_assert_cmpstr(next_report(w), ==, "info source 2001:db8:0:77::/64 27015");
        game_link_send6(w->link, 0x78, 1, PORT, info, sizeof(info));
        g_assert_cmpuint(received(w, 1), ==, 1);
}

/* Each kind by its byte, on both families. */
static void test_kinds(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_COUNT);
        unsigned n_other = 0;

        put(w, &c);
        for (unsigned byte = 0; byte < 256; byte++) {
                char payload[25] = OOB;
                bool known = false;

                payload[4] = (char) byte;
                game_link_send4(w->link, (uint16_t) (byte + 2), PORT, payload, sizeof(payload));
                game_link_send6(w->link, (uint16_t) (byte + 2), 1, PORT, payload, sizeof(payload));
                for (ShieldKind kind = 0; kind < SHIELD_OTHER; kind++) {
                        size_t n;
                        const char *bytes = shield_kind_bytes(kind, &n);

                        known = known || memchr(bytes, (int) byte, n);
                }
                n_other += !known;
        }
        g_assert_cmpuint(received(w, 0) + received(w, 1), ==, 512);
        read_counters(w);
        for (ShieldKind kind = 0; kind < SHIELD_OTHER; kind++) {
                size_t n;

                (void) shield_kind_bytes(kind, &n);
                g_assert_cmpuint(w->counters[kind][SHIELD_PASSED], ==, 2 * n);
        }
        g_assert_cmpuint(
                w->counters[SHIELD_OTHER][SHIELD_PASSED] + w->counters[SHIELD_OTHER][SHIELD_OVER_PORT], ==,
                2 * n_other);
}

/* Whatever else goes on, and however much they send. */
static void test_players(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        const char packet[64] = "\x01\x00\x00\x00";
        unsigned n;

        put(w, &c);
        for (unsigned i = 0; i < 2000; i++) {
                game_link_send4(w->link, 7, PORT, packet, sizeof(packet) - i % 59);
                send_info(w, (uint16_t) (i % 2 == 0 ? 7 : 1000 + i), 1);
        }
        n = received(w, 0);
        g_assert_cmpuint(n, ==, 2000 + counted(w, SHIELD_INFO, SHIELD_PASSED));
        assert_about(n, 2000 + 50);
        for (unsigned i = 0; i < 2000; i++)
                game_link_send6(w->link, 1, 7, PORT, packet, sizeof(packet));
        g_assert_cmpuint(received(w, 1), ==, 2000);
}

static void test_wrong(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        static const struct {
                const char *payload;
                size_t size;
        } wrong[] = { { "", 1 }, { "\x01\x02\x03\x04", 4 }, { OOB, 4 }, { OOB "TSource Engine Query", 24 },
                { OOB "U\xff\xff\xff", 8 }, { OOB "V", 5 } };
        char full[1401] = OOB "TSource Engine Query";

        put(w, &c);
        for (unsigned i = 0; i < 3; i++)
                game_link_send4(w->link, 7, PORT, NULL, 0);
        game_link_send6(w->link, 7, 7, PORT, NULL, 0);
        g_assert_cmpuint(counted(w, SHIELD_EMPTY, SHIELD_OVER_SOURCE), ==, 4);
        g_assert_cmpstr(sources(w, NFPROTO_IPV4), ==, "198.51.0.7 27015 empty 3\n");

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                game_link_send4(w->link, 8, PORT, wrong[i].payload, wrong[i].size);
        g_assert_cmpuint(counted(w, SHIELD_MALFORMED, SHIELD_OVER_SOURCE), ==, G_N_ELEMENTS(wrong));
        game_link_fragment4(w->link, 8, PORT);
        game_link_fragment6(w->link, 8, PORT);
        game_link_send4(w->link, 8, PORT, full, sizeof(full));
        g_assert_cmpuint(counted(w, SHIELD_MALFORMED, SHIELD_OVER_SOURCE), ==, G_N_ELEMENTS(wrong) + 3);
        g_assert_cmpuint(received(w, 0) + received(w, 1), ==, 0);

        game_link_send4(w->link, 8, PORT, full, sizeof(full) - 1);
        game_link_send4(w->link, 8, PORT, full + 4, sizeof(full) - 5);
        game_link_send4(w->link, 8, PORT, OOB "V\xff\xff\xff\xff", 9);
        g_assert_cmpuint(received(w, 0), ==, 3);
}

/* Ever new addresses have one half of the port's limit, those who were there before the rest. */
static void test_invented(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        unsigned n;

        put(w, &c);
        send_info(w, 7, 1);
        for (unsigned i = 0; i < 5000; i++)
                send_info(w, (uint16_t) (1000 + i), 1);
        n = received(w, 0);
        assert_about(n, 50);
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_OVER_PORT), ==, 5001 - n);
        g_assert_cmpuint(keys(w, "shield-seen4", NFPROTO_IPV4), ==, n);
        g_assert_cmpuint(keys(w, shield_sources_set(NFPROTO_IPV4), NFPROTO_IPV4), ==, 0);
        g_assert_true(g_str_has_prefix(next_report(w), "info port 198.51."));
        g_assert_cmpuint(w->reports->len, ==, 1);
        send_info(w, 7, 9);
        g_assert_cmpuint(received(w, 0), ==, 9);
        for (uint16_t source = 8; source < 108; source++)
                send_info(w, source, 1);
        g_assert_cmpuint(received(w, 0), <=, 20);
}

/* Those who are known are held by all of the port's limit. */
static void test_port(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);

        put(w, &c);
        for (unsigned round = 0; round < 10; round++)
                for (uint16_t source = 2; source < 42; source++)
                        send_info(w, source, 1);
        assert_about(received(w, 0), 100);
        assert_about(400 - counted(w, SHIELD_INFO, SHIELD_OVER_PORT), 100);
        g_assert_cmpuint(w->counters[SHIELD_INFO][SHIELD_OVER_SOURCE], ==, 0);
}

/* When no more sources can be remembered, new ones are held by the port's limit, and known ones by their own. */
static void test_full(World *w, gconstpointer data) {
        ShieldConfig c;

        shield_config_init(&c);
        c.limits[SHIELD_INFO] = (ShieldLimit){ 1, 3, 500000, 1000000 };
        put(w, &c);
        for (unsigned i = 0; i < SEEN_MAX + 500; i++)
                send_info(w, (uint16_t) (1000 + i), 1);
        g_assert_cmpuint(keys(w, "shield-seen4", NFPROTO_IPV4), ==, SEEN_MAX);
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_PASSED), ==, SEEN_MAX + 500);
        (void) received(w, 0);
        for (unsigned i = 0; i < 20; i++)
                send_info(w, (uint16_t) (1000 + SEEN_MAX + i), 20);
        g_assert_cmpuint(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 0);
        (void) received(w, 0);
        send_info(w, 1000, 20);
        assert_about(received(w, 0), 2);
        assert_about(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), 10);
}

static void test_count(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_COUNT);

        put(w, &c);
        send_info(w, 7, 60);
        game_link_send4(w->link, 7, PORT, NULL, 0);
        g_assert_cmpuint(received(w, 0), ==, 61);
        assert_about(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), 35);
        g_assert_cmpuint(w->counters[SHIELD_EMPTY][SHIELD_OVER_SOURCE], ==, 1);
        g_assert_true(strstr(sources(w, NFPROTO_IPV4), "198.51.0.7 27015 info "));
        g_assert_true(g_str_has_prefix(next_report(w), "info source 198.51.0.7"));
}

/* From any mode to any other; what is limited begins anew. */
static void test_changes(World *w, gconstpointer data) {
        static const ShieldMode modes[] = { SHIELD_OFF, SHIELD_ON, SHIELD_ON, SHIELD_COUNT, SHIELD_OFF,
                SHIELD_COUNT, SHIELD_ON, SHIELD_OFF };

        for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
                ShieldConfig c = slow(modes[i]);
                unsigned n;

                put(w, &c);
                send_info(w, 7, 60);
                n = received(w, 0);
                if (modes[i] == SHIELD_ON)
                        assert_about(n, 10);
                else
                        g_assert_cmpuint(n, ==, 60);
                read_counters(w);
        }
        assert_about(counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), 5 * 50 - 20);
}

static void test_skipped(void) {
        g_test_skip("needs nf_tables and a network namespace with an interface of its own");
}

static bool can_be_done(void) {
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

static void add(const char *path, void (*test)(World *w, gconstpointer data)) {
        if (allowed)
                g_test_add(path, World, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        allowed = can_be_done();
        if (!allowed)
                g_test_add_func("/shield-rules", test_skipped);
        add("/shield-rules/source", test_source);
        add("/shield-rules/ipv6", test_ipv6);
        add("/shield-rules/kinds", test_kinds);
        add("/shield-rules/players", test_players);
        add("/shield-rules/wrong", test_wrong);
        add("/shield-rules/invented", test_invented);
        add("/shield-rules/port", test_port);
        add("/shield-rules/full", test_full);
        add("/shield-rules/count", test_count);
        add("/shield-rules/changes", test_changes);
        return g_test_run();
}
