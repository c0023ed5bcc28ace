/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shaping, on interfaces of a network namespace of the test's own. Whether this kernel has CAKE is for it to say: what needs one is
 * proven in the virtual machine (tests/host/qos), here it is that what cannot be done is said and changes nothing. */

#include <string.h>

#include "fixture.h"
#include "service/store.h"
#include "tests/links.h"

#define QOS LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE
#define SHAPE "{'Bandwidth': <@t 10000000>}"

static Call *shape(Fixture *f, const char *interface, const char *options) {
        return call_begin(f->client, QOS, "SetShaper",
                g_variant_new("(s@a{sv})", interface, g_variant_new_parsed(options)));
}

static void shape_refused(Fixture *f, const char *interface, const char *options, const char *error_name) {
        call_end_refused(shape(f, interface, options), error_name);
}

static char *message_of(Call *c) {
        call_wait(c);
        g_assert_nonnull(c->error);
        return g_strdup(c->error->message);
}

static void assert_no_shapers(Fixture *f) {
        g_autoptr(GVariant) shapers = client_get(f->client, QOS, "Shapers");

        g_assert_cmpuint(g_variant_n_children(shapers), ==, 0);
}

/* -- refusals -------------------------------------------------------------------------------------------------- */

static void test_arguments(Fixture *f) {
        static const char *const cases[] = {
                "@a{sv} {}",
                "{'Bandwidth': <@t 63999>}",
                "{'Bandwidth': <@t 1000000000001>}",
                "{'Bandwidth': <@u 1000000>}",
                "{'Bandwidth': <@t 1000000>, 'Ingress': <@t 1>}",
                "{'Bandwidth': <@t 1000000>, 'Rtt': <@t 99>}",
                "{'Bandwidth': <@t 1000000>, 'Rtt': <@t 4295067296>}", /* 100,000 in 32 bits */
                "{'Bandwidth': <@t 1000000>, 'Preset': <'diffserv'>}",
                "{'Bandwidth': <@t 1000000>, 'Isolation': <''>}",
                "{'Bandwidth': <@t 1000000>, 'LinkLayer': <'ATM'>}",
                "{'Bandwidth': <@t 1000000>, 'AckFilter': <'yes'>}",
                "{'Bandwidth': <@t 1000000>, 'Overhead': <@i -65>}",
                "{'Bandwidth': <@t 1000000>, 'Overhead': <@i 257>}",
                "{'Bandwidth': <@t 1000000>, 'Mpu': <@u 257>}",
                "{'Bandwidth': <@t 1000000>, 'Speed': <@t 1>}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                shape_refused(f, "lo", cases[i], LEFT4ME_ERROR_INVALID_ARGUMENT);

        shape_refused(f, "", SHAPE, LEFT4ME_ERROR_INVALID_ARGUMENT);
        shape_refused(f, "a/b", SHAPE, LEFT4ME_ERROR_INVALID_ARGUMENT);
        shape_refused(f, "a b", SHAPE, LEFT4ME_ERROR_INVALID_ARGUMENT);
        shape_refused(f, "..", SHAPE, LEFT4ME_ERROR_INVALID_ARGUMENT);
        shape_refused(f, "sixteencharacter", SHAPE, LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, QOS, "ClearShaper", g_variant_new("(s)", "a:b"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        assert_no_shapers(f);
}

static void test_unknown_interface(Fixture *f) {
        g_autoptr(Call) c = NULL;
        g_autofree char *message = NULL;

        if (!fixture_may_network())
                return;

        c = shape(f, "wan0", SHAPE);
        message = message_of(c);
        g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_NO_SUCH_INTERFACE);
        g_assert_nonnull(strstr(message, "'wan0'"));
        g_assert_nonnull(strstr(message, "lo"));
        call_refused(f, QOS, "ClearShaper", g_variant_new("(s)", "lo"), LEFT4ME_ERROR_NO_SUCH_INTERFACE);
        assert_no_shapers(f);
}

/* Without CAKE it says so, and nothing stays of what was asked for; with CAKE it is there, and goes again. */
static void test_kernel(Fixture *f) {
        g_autofree char *before = NULL, *after = NULL, *message = NULL;
        g_autoptr(Call) c = NULL;

        if (!fixture_may_network())
                return;

        links_add("l4t0");
        before = links_root("l4t0");
        c = shape(f, "l4t0", "{'Bandwidth': <@t 10000000>, 'Ingress': <@t 5000000>}");
        call_wait(c);
        if (!c->error) {
                after = links_root("l4t0");
                g_assert_cmpstr(after, ==, "cake 1:");
                g_variant_unref(call(f, QOS, "ClearShaper", g_variant_new("(s)", "l4t0")));
                g_clear_pointer(&after, g_free);
        } else {
                g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_NOT_SUPPORTED);
                message = message_of(c);
                g_assert_nonnull(strstr(message, "sch_cake"));
                /* who is refused finds nothing of it, at once */
                assert_no_shapers(f);
                g_assert_cmpuint(links_index("l4i-l4t0"), ==, 0);
        }

        mirror_wait(f->mirror, QOS, "Shapers", "@a{sa{sv}} {}");
        after = links_root("l4t0");
        g_assert_cmpstr(after, ==, before);
        g_assert_cmpuint(links_index("l4i-l4t0"), ==, 0);
        links_delete("l4t0");
}

/* -- others ---------------------------------------------------------------------------------------------------- */

static void test_foreign(Fixture *f) {
        g_autofree char *root = NULL, *message = NULL;
        g_autoptr(Call) c = NULL;

        if (!fixture_may_network())
                return;

        links_add("l4t0");
        links_set_root("l4t0", "pfifo", 5);
        c = shape(f, "l4t0", SHAPE);
        message = message_of(c);
        g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_IN_USE);
        g_assert_nonnull(strstr(message, "pfifo 5:"));
        g_assert_nonnull(strstr(message, "--takeover"));
        root = links_root("l4t0");
        g_assert_cmpstr(root, ==, "pfifo 5:");
        assert_no_shapers(f);
        links_delete("l4t0");
}

/* What systemd-networkd was told counts before it has done it. */
static void test_networkd(Fixture *f) {
        g_autofree char *state = NULL, *message = NULL;
        g_autoptr(Call) c = NULL;

        if (!fixture_may_network())
                return;

        links_add("l4t0");
        state = g_strdup_printf("run/systemd/netif/links/%u", links_index("l4t0"));
        fixture_write(f, state,
                "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/10-wan.network\n"
                "NETWORK_FILE_DROPINS=\"/etc/systemd/network/10-wan.network.d/cake.conf\"\n");
        fixture_write(f, "etc/systemd/network/10-wan.network", "[Match]\nName=l4t0\n");
        fixture_write(f, "etc/systemd/network/10-wan.network.d/cake.conf", "[CAKE]\nBandwidth=10M\n");

        c = shape(f, "l4t0", SHAPE);
        message = message_of(c);
        g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_IN_USE);
        g_assert_nonnull(strstr(message, "[CAKE] in /etc/systemd/network/10-wan.network.d/cake.conf"));
        assert_no_shapers(f);
        links_delete("l4t0");
}

/* -- what is asked for ----------------------------------------------------------------------------------------- */

static void ask_for(Fixture *f, const char *lines) {
        g_autofree char *path = fixture_path(f, "var/lib/left4me/manager/left4me.db");
        g_autoptr(Store) store = NULL;

        g_assert_cmpint(store_open(path, &store), ==, 0);
        g_assert_cmpint(store_set_setting(store, "shapers", lines), ==, 0);
}

/* The State of what is asked for on an interface, "" for none. */
static char *read_state(Fixture *f, const char *interface) {
        GVariant *shapers = mirror_get(f->mirror, QOS, "Shapers");
        g_autoptr(GVariant) one = shapers ? g_variant_lookup_value(shapers, interface, NULL) : NULL;
        char *state = NULL;

        if (one)
                (void) g_variant_lookup(one, "State", "s", &state);
        return state ? state : g_strdup("");
}

typedef struct Wanted {
        Fixture *f;
        const char *interface;
        const char *const *parts; /* one of these */
} Wanted;

static bool has_state(void *data) {
        const Wanted *w = data;
        g_autofree char *state = read_state(w->f, w->interface);

        for (const char *const *part = w->parts; *part; part++)
                if (strstr(state, *part))
                        return true;

        return false;
}

static void wait_state(Fixture *f, const char *interface, const char *part) {
        const char *const parts[] = { part, NULL };
        Wanted w = { f, interface, parts };

        loop_until(has_state, &w, part);
}

/* Kept over restarts; an interface that comes and goes is seen at once, and what else is in the list is none of its concern. */
static void test_interface_comes(Fixture *f) {
        static const char *const ends[] = { "active", "no CAKE", NULL };
        Wanted tried = { f, "l4t0", ends };
        g_autofree char *root = NULL;

        if (!fixture_may_network())
                return;

        ask_for(f,
                "l4t0 bandwidth=10000000\nnot a line\nl4t1 bandwidth=20000000 preset=besteffort ingress=1000000\n");
        links_add("l4t1");
        links_set_root("l4t1", "pfifo", 7);
        fixture_start(f);
        wait_state(f, "l4t0", "there is no such interface");
        wait_state(f, "l4t1", "another program manages its queue (pfifo 7:)");

        for (unsigned i = 0; i < 3; i++) {
                links_add("l4t0");
                loop_until(has_state, &tried, "the kernel was asked for CAKE");
                links_delete("l4t0");
                wait_state(f, "l4t0", "there is no such interface");
        }

        root = links_root("l4t1");
        g_assert_cmpstr(root, ==, "pfifo 7:");

        fixture_kill(f);
        fixture_start(f);
        wait_state(f, "l4t1", "another program manages its queue (pfifo 7:)");
        g_variant_unref(call(f, QOS, "ClearShaper", g_variant_new("(s)", "l4t0")));
        g_variant_unref(call(f, QOS, "ClearShaper", g_variant_new("(s)", "l4t1")));
        assert_no_shapers(f);
        g_free(root);
        root = links_root("l4t1");
        g_assert_cmpstr(root, ==, "pfifo 7:");

        fixture_stop(f);
        fixture_start(f);
        assert_no_shapers(f);
        links_delete("l4t1");
}

static void test_properties(Fixture *f) {
        g_autoptr(GVariant) shapers = NULL, expected = NULL, reply = NULL, check = NULL, figures = NULL;
        g_autofree char *findings = NULL;

        if (!fixture_may_network())
                return;

        ask_for(f,
                "wan0 bandwidth=450000000 rtt=30000 preset=besteffort isolation=flows line=ptm overhead=-4 mpu=64 "
                "ack-filter=ack-filter ingress=200000000 nat=1 wash=1 takeover=1\n");
        fixture_start(f);
        wait_state(f, "wan0", "there is no such interface");
        shapers = client_get(f->client, QOS, "Shapers");
        expected = g_variant_ref_sink(g_variant_new_parsed(
                "{'wan0': {'State': <'there is no such interface now'>, 'Bandwidth': <@t 450000000>, 'Ingress': <@t 200000000>,"
                " 'Rtt': <@t 30000>, 'Mpu': <@u 64>, 'Preset': <'besteffort'>, 'Isolation': <'flows'>, 'LinkLayer': <'ptm'>,"
                " 'AckFilter': <'ack-filter'>, 'Nat': <true>, 'Wash': <true>, 'Takeover': <true>, 'Overhead': <@i -4>,"
                " 'Warning': <'besteffort ignores what left4me marks: game packets wait with all others'>}}"));
        g_assert_cmpvariant(shapers, expected);

        reply = call(f, QOS, "GetStatistics", NULL);
        figures = g_variant_get_child_value(reply, 0);
        g_variant_unref(expected);
        expected = g_variant_lookup_value(figures, "Shapers", G_VARIANT_TYPE("aa{sv}"));
        g_assert_cmpuint(g_variant_n_children(expected), ==, 0);

        check = call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Check", NULL);
        findings = g_variant_print(check, FALSE);
        g_assert_nonnull(strstr(findings, "('queue of wan0', 'warning', 'there is no such interface now"));
        g_assert_nonnull(strstr(findings, "('CAKE', '"));
}

static void add_tests(void) {
        fixture_add("/shaper/arguments", test_arguments);
        fixture_add("/shaper/unknown-interface", test_unknown_interface);
        fixture_add("/shaper/kernel", test_kernel);
        fixture_add("/shaper/foreign", test_foreign);
        fixture_add("/shaper/networkd", test_networkd);
        fixture_add_stopped("/shaper/interface-comes", test_interface_comes);
        fixture_add_stopped("/shaper/properties", test_properties);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
