/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The firewall in the nf_tables of the test's own network namespace: which the test looks at, and damages, by itself. */

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "fixture.h"
#include "service/firewall.h"
#include "world.h"

#define SERVER "left4me-server@versus-1.service"
#define PATH LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE
#define QOS LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE
#define SECONDS 20

/* The test's own view. */
typedef struct Kernel {
        sd_event *event;
        Netlink *netlink;
        GString *seen; /* chains, rules with a comment, counters: of all tables */
        unsigned ended;
        int r;
} Kernel;

static void on_seen(const struct nlmsghdr *m, void *userdata) {
        Kernel *k = userdata;
        NftRuleInfo rule;
        NftChain chain;
        NftCounter counter;

        if (nft_parse_chain(m, &chain))
                g_string_append_printf(k->seen, "chain %s %s\n", chain.table, chain.name);
        else if (nft_parse_rule(m, &rule) && *rule.comment != '\0')
                g_string_append_printf(k->seen, "rule %s %s: %s\n", rule.table, rule.chain, rule.comment);
        else if (nft_parse_counter(m, &counter))
                g_string_append_printf(k->seen, "counter %s\n", counter.name);
}

static void on_ended(int r, const char *why, void *userdata) {
        Kernel *k = userdata;

        k->ended++;
        k->r = r;
}

static void wait_for(Kernel *k, unsigned ended) {
        while (k->ended < ended)
                g_assert_cmpint(sd_event_run(k->event, SECONDS * G_USEC_PER_SEC), >, 0);
        g_assert_cmpint(k->r, ==, 0);
}

static const char *look(Kernel *k) {
        unsigned ended = k->ended;

        g_string_truncate(k->seen, 0);
        g_assert_cmpint(nft_list_chains(k->netlink, on_seen, on_ended, k), ==, 0);
        g_assert_cmpint(nft_list_rules(k->netlink, NFPROTO_UNSPEC, NULL, NULL, on_seen, on_ended, k), ==, 0);
        g_assert_cmpint(nft_list_counters(k->netlink, FIREWALL_TABLE, on_seen, on_ended, k), ==, 0);
        wait_for(k, ended + 3);
        return k->seen->str;
}

static void put(Kernel *k, NftBatch *b) {
        g_assert_cmpint(nft_batch_send(k->netlink, b, 0, on_ended, k), ==, 0);
        wait_for(k, k->ended + 1);
}

static void on_news(const struct nlmsghdr *m, void *userdata) {
}

/* Until the kernel has it, or not; each change of the ruleset is a reason to look again. */
static void wait_seen(Kernel *k, const char *text, bool there) {
        gint64 deadline = g_get_monotonic_time() + SECONDS * G_USEC_PER_SEC;

        while ((strstr(look(k), text) != NULL) != there) {
                if (g_get_monotonic_time() > deadline)
                        g_error("waited in vain for %s '%s' in:\n%s", there ? "" : "no", text, k->seen->str);
                (void) sd_event_run(k->event, G_USEC_PER_SEC / 10);
        }
}

static bool kernel_open(Kernel *k) {
        if (!fixture_may_network())
                return false;

        *k = (Kernel){ .seen = g_string_new(NULL) };
        g_assert_cmpint(sd_event_new(&k->event), >=, 0);
        g_assert_cmpint(netlink_open(k->event, NETLINK_NETFILTER, &k->netlink), ==, 0);
        g_assert_cmpint(netlink_subscribe(k->netlink, NFNLGRP_NFTABLES, on_news, k), ==, 0);
        return true;
}

static void remove_table(Kernel *k, const char *table) {
        NftBatch *b = nft_batch_new();

        nft_add_table(b, table);
        nft_delete_table(b, table);
        put(k, b);
}

static void kernel_close(Kernel *k) {
        remove_table(k, "filter");
        k->netlink = netlink_close(k->netlink);
        (void) g_string_free(k->seen, TRUE);
        sd_event_unref(k->event);
}

static unsigned count(const char *text, const char *word) {
        unsigned n = 0;

        for (; (text = strstr(text, word)); text += strlen(word))
                n++;
        return n;
}

static void expect_ports(Fixture *f, const char *value) {
        mirror_wait(f->mirror, QOS, "OpenPorts", value);
}

static void expect_now(Fixture *f, const char *property, const char *value) {
        GVariant *is = mirror_get(f->mirror, QOS, property);
        g_autofree char *text = g_variant_print(is, FALSE);

        g_assert_cmpstr(text, ==, value);
}

static void act(Fixture *f, const char *method) {
        g_variant_unref(call(f, PATH, method, NULL));
}

static void set_marking(Fixture *f, bool on) {
        g_variant_unref(call(f, QOS, "SetMarking", g_variant_new("(b)", on)));
}

/* The ports are open while systemd's job is yet under way, and shut when nothing runs. */
static void test_ports(Fixture *f) {
        g_autoptr(Call) start = NULL;
        Kernel k;

        if (!kernel_open(&k))
                return;

        g_free(world_startable(f, "versus-1"));
        expect_now(f, "Firewall", "'active'");
        expect_now(f, "OpenPorts", "[]");
        g_assert_null(strstr(look(&k), "server-versus-1"));

        systemd_hold(f->systemd, SERVER, SYSTEMD_START);
        start = call_begin(f->client, PATH, "Start", NULL);
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_START);
        g_assert_nonnull(strstr(look(&k), "counter server-versus-1\n"));
        expect_ports(f, "[('versus-1', uint16 27015, false)]");
        systemd_release(f->systemd, SERVER);
        call_wait(start);
        g_assert_cmpstr(call_error_name(start), ==, "");

        act(f, "Stop");
        expect_ports(f, "@a(sqb) []");
        g_assert_null(strstr(look(&k), "server-versus-1"));
        kernel_close(&k);
}

/* Who restarts left4med finds the ports as they are; they stay while it is dead. */
static void test_restart(Fixture *f) {
        Kernel k;

        if (!kernel_open(&k))
                return;

        g_free(world_startable(f, "versus-1"));
        act(f, "Start");
        fixture_kill(f);
        g_assert_nonnull(strstr(look(&k), "counter server-versus-1\n"));
        fixture_start(f);
        expect_now(f, "OpenPorts", "[('versus-1', 27015, false)]");
        g_assert_cmpuint(count(look(&k), "counter server-versus-1\n"), ==, 1);
        fixture_stop(f);
        g_assert_nonnull(strstr(look(&k), "counter server-versus-1\n"));
        fixture_start(f);
        act(f, "Stop");
        expect_ports(f, "@a(sqb) []");
        kernel_close(&k);
}

static void test_marking(Fixture *f) {
        Kernel k;

        if (!kernel_open(&k))
                return;

        expect_now(f, "Marking", "true");
        g_assert_nonnull(strstr(look(&k), "chain left4me marks\n"));
        set_marking(f, false);
        expect_now(f, "Marking", "false");
        g_assert_null(strstr(look(&k), "chain left4me marks\n"));
        g_assert_nonnull(strstr(look(&k), "RCON from outside"));
        fixture_stop(f);
        fixture_start(f);
        expect_now(f, "Marking", "false");
        g_assert_null(strstr(look(&k), "chain left4me marks\n"));
        set_marking(f, true);
        g_assert_nonnull(strstr(look(&k), "chain left4me marks\n"));
        kernel_close(&k);
}

static void test_damage(Fixture *f) {
        NftBatch *b;
        Kernel k;

        if (!kernel_open(&k))
                return;

        g_free(world_startable(f, "versus-1"));
        act(f, "Start");
        /* Once more often than is answered at once. */
        for (unsigned i = 0; i < 3; i++) {
                remove_table(&k, FIREWALL_TABLE);
                wait_seen(&k, "counter server-versus-1\n", true);
                wait_seen(&k, "RCON from outside", true);
        }

        b = nft_batch_new();
        nft_add_chain(b, FIREWALL_TABLE, "foreign");
        put(&k, b);
        wait_seen(&k, "foreign", false);
        act(f, "Stop");

        /* Nobody waits for news where a server is about to start. */
        remove_table(&k, FIREWALL_TABLE);
        act(f, "Start");
        g_assert_nonnull(strstr(look(&k), "counter server-versus-1\n"));
        kernel_close(&k);
}

static void set_rcon(Fixture *f, const char *settings) {
        g_variant_unref(call(f, PATH, "Configure", g_variant_new_parsed(settings)));
}

static void test_rcon(Fixture *f) {
        g_autoptr(GVariant) settings = NULL;
        g_autofree char *text = NULL;

        if (!fixture_may_network())
                return;

        g_free(world_startable(f, "versus-1"));
        act(f, "Start");
        set_rcon(f, "({'OpenRcon': <true>},)");
        expect_now(f, "OpenPorts", "[('versus-1', 27015, true)]");
        settings = call(f, PATH, "GetSettings", NULL);
        text = g_variant_print(settings, FALSE);
        g_assert_nonnull(strstr(text, "'OpenRcon': <true>"));
        set_rcon(f, "({'OpenRcon': <false>},)");
        expect_now(f, "OpenPorts", "[('versus-1', 27015, false)]");
        call_refused(f, PATH, "Configure", g_variant_new_parsed("({'OpenRcon': <'yes'>},)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
}

static void add_host_chain(Kernel *k) {
        NftBatch *b = nft_batch_new();

        nft_add_table(b, "filter");
        nft_add_base_chain(b, "filter", "input", NF_INET_LOCAL_IN, 0);
        put(k, b);
}

#define HOST_UDP "rule filter input: left4med: versus-1 udp 27015\n"
#define HOST_TCP "rule filter input: left4med: versus-1 tcp 27015\n"

static void test_host_chain(Fixture *f) {
        Kernel k;

        if (!kernel_open(&k))
                return;

        add_host_chain(&k);
        fixture_configure(f, "HostChain=inet filter input");
        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Reload", NULL));
        g_free(world_startable(f, "versus-1"));
        act(f, "Start");
        g_assert_cmpuint(count(look(&k), HOST_UDP), ==, 1);
        g_assert_cmpuint(count(look(&k), HOST_TCP), ==, 0);
        set_rcon(f, "({'OpenRcon': <true>},)");
        g_assert_cmpuint(count(look(&k), HOST_TCP), ==, 1);

        /* Somebody reloads his rules. */
        remove_table(&k, "filter");
        mirror_wait(f->mirror, QOS, "Firewall",
                "'there is no chain inet filter input (HostChain= in left4me.conf)'");
        add_host_chain(&k);
        wait_seen(&k, HOST_UDP, true);
        wait_seen(&k, HOST_TCP, true);
        mirror_wait(f->mirror, QOS, "Firewall", "'active'");

        /* Never twice, whoever died in between. */
        fixture_kill(f);
        fixture_start(f);
        g_assert_cmpuint(count(look(&k), HOST_UDP), ==, 1);
        g_assert_cmpuint(count(look(&k), HOST_TCP), ==, 1);
        act(f, "Stop");
        expect_ports(f, "@a(sqb) []");
        wait_seen(&k, "left4med: ", false);
        kernel_close(&k);
}

/* The rules go when the chain is named no more, also if that was while left4med was dead. */
static void test_other_chain(Fixture *f) {
        Kernel k;

        if (!kernel_open(&k))
                return;

        add_host_chain(&k);
        fixture_configure(f, "HostChain=inet filter input");
        fixture_start(f);
        g_free(world_startable(f, "versus-1"));
        act(f, "Start");
        g_assert_cmpuint(count(look(&k), HOST_UDP), ==, 1);
        fixture_stop(f);
        fixture_configure(f, "HostChain=");
        fixture_start(f);
        g_assert_cmpuint(count(look(&k), HOST_UDP), ==, 0);
        act(f, "Stop");
        kernel_close(&k);
}

static void add_tests(void) {
        fixture_add("/firewall/ports", test_ports);
        fixture_add("/firewall/restart", test_restart);
        fixture_add("/firewall/marking", test_marking);
        fixture_add("/firewall/damage", test_damage);
        fixture_add("/firewall/rcon", test_rcon);
        fixture_add("/firewall/host-chain", test_host_chain);
        fixture_add_stopped("/firewall/other-chain", test_other_chain);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
