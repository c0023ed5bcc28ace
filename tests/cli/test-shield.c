/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* shield: what is shown, and what is asked of the service. */

#include <json-glib/json-glib.h>
#include <string.h>

#include "dbus/names.h"
#include "run.h"

static const char figures[] =
        "{'Passed': <{'info': uint64 1200}>, 'OverSource': <{'info': uint64 88000, 'connect': 3}>,"
        " 'OverPort': <{'rules': uint64 7}>, 'Empty': <uint64 12>, 'Malformed': <uint64 0>, 'SourcesTotal': <uint32 12>,"
        " 'Sources': <[('198.51.100.7', uint16 27015, 'info', uint64 88000, uint64 4664000, uint64 1000000),"
        "  ('2001:db8:64::/64', 27016, 'empty', 12, 576, 1000000)]>}";

static gboolean on_configure(
        L4Manager1Shield *shield, GDBusMethodInvocation *invocation, GVariant *settings, gpointer userdata) {
        l4_manager1_shield_complete_configure(shield, invocation);
        return TRUE;
}

static gboolean on_get_statistics(
        L4Manager1Shield *shield, GDBusMethodInvocation *invocation, gpointer userdata) {
        l4_manager1_shield_complete_get_statistics(shield, invocation, g_variant_new_parsed(figures));
        return TRUE;
}

static Fake *fake_with_shield(const char *mode, const char *state) {
        g_autoptr(L4Manager1Shield) shield = l4_manager1_shield_skeleton_new();
        Fake *f = fake_new();

        l4_manager1_shield_set_mode(shield, mode);
        l4_manager1_shield_set_state(shield, state);
        l4_manager1_shield_set_limits(
                shield, g_variant_new_parsed(
                                "{'InfoSourceRate': uint32 20, 'InfoSourceBurst': 120, 'InfoPortRate': 200,"
                                " 'InfoPortBurst': 600, 'MaximumLength': 1400}"));
        g_signal_connect(shield, "handle-configure", G_CALLBACK(on_configure), NULL);
        g_signal_connect(shield, "handle-get-statistics", G_CALLBACK(on_get_statistics), NULL);
        fake_export(f, LEFT4ME_SHIELD_PATH, shield);
        (void) fake_add_instance(f, "versus-1", 27015);
        return f;
}

static void test_show(void) {
        Fake *f = fake_with_shield("on", "active");
        g_autoptr(Run) r = RUN(f, 0, "shield"), one = RUN(f, 0, "shield", "show", "-n1");

        assert_has(r->out, "Mode: on\n");
        assert_has(r->out, "State: active\n");
        assert_has(r->out, "1400 bytes at most\n");
        assert_has(r->out, "12 empty, 0 malformed\n");
        assert_has(r->out, "KIND       SOURCE     PORT  PASSED  OVER SOURCE  OVER PORT\n");
        assert_has(r->out, "info       20/120  200/600    1200        88000          0\n");
        assert_has(r->out, "198.51.100.7      27015  versus-1  info     88000");
        assert_has(r->out, "2001:db8:64::/64  27016            empty       12");
        assert_has(r->out, "\n10 more\n");
        assert_lacks(one->out, "2001:db8:64::/64");
        assert_has(one->out, "\n11 more\n");
        fake_free(f);
}

static void test_show_trouble(void) {
        Fake *f = fake_with_shield("count", "the kernel has no nf_tables");
        g_autoptr(Run) r = RUN(f, 0, "shield", "show", "--sources=0");

        assert_has(r->out, "Mode: count: what is above the limits is counted, not dropped\n");
        assert_has(r->out, "State: the kernel has no nf_tables\n");
        assert_lacks(r->out, "198.51.100.7");
        fake_free(f);
}

static void test_show_json(void) {
        Fake *f = fake_with_shield("on", "active");
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(Run) r = RUN(f, 0, "shield", "--json");
        JsonObject *document, *kind, *source;

        g_assert_true(json_parser_load_from_data(parser, r->out->str, (gssize) r->out->len, NULL));
        document = json_node_get_object(json_parser_get_root(parser));
        g_assert_cmpstr(json_object_get_string_member(document, "mode"), ==, "on");
        g_assert_cmpint(json_object_get_int_member(document, "maximum_length"), ==, 1400);
        g_assert_cmpint(json_object_get_int_member(document, "empty"), ==, 12);
        g_assert_cmpint(json_object_get_int_member(document, "sources_total"), ==, 12);
        g_assert_cmpuint(json_array_get_length(json_object_get_array_member(document, "kinds")), ==, 7);
        kind = json_array_get_object_element(json_object_get_array_member(document, "kinds"), 0);
        g_assert_cmpstr(json_object_get_string_member(kind, "kind"), ==, "info");
        g_assert_cmpint(json_object_get_int_member(kind, "port_burst"), ==, 600);
        g_assert_cmpint(json_object_get_int_member(kind, "over_source"), ==, 88000);
        source = json_array_get_object_element(json_object_get_array_member(document, "sources"), 0);
        g_assert_cmpstr(json_object_get_string_member(source, "address"), ==, "198.51.100.7");
        g_assert_cmpstr(json_object_get_string_member(source, "server"), ==, "versus-1");
        g_assert_cmpint(json_object_get_int_member(source, "bytes"), ==, 4664000);
        fake_free(f);
}

static void test_changes(void) {
        static const struct {
                const char *words[6];
                const char *call;
        } cases[] = {
                { { "off" }, "!Configure shield ({'Mode': <'off'>},)" },
                { { "count" }, "!Configure shield ({'Mode': <'count'>},)" },
                { { "on" }, "!Configure shield ({'Mode': <'on'>},)" },
                { { "set", "info", "--source=30" }, "!Configure shield ({'InfoSourceRate': <uint32 30>},)" },
                { { "set", "connect", "--port", "/200" },
                        "!Configure shield ({'ConnectPortBurst': <uint32 200>},)" },
                { { "set", "--max-length=2000" }, "!Configure shield ({'MaximumLength': <uint32 2000>},)" },
                { { "set", "--defaults" }, "!Configure shield ({'Reset': <true>},)" },
        };
        Fake *f = fake_with_shield("on", "active");

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Run) r = run_to_end(f, RUN_PIPES, 0, "shield", cases[i].words[0],
                        cases[i].words[1], cases[i].words[2], cases[i].words[3], NULL);

                g_assert_cmpstr(r->err->str, ==, "");
                if (!fake_called(f, cases[i].call))
                        g_error("%s was not called, but %s", cases[i].call,
                                (char *) g_ptr_array_index(f->calls, f->calls->len - 1));
        }
        fake_free(f);
}

static void test_usage(void) {
        static const struct {
                const char *words[4];
                const char *says;
        } cases[] = {
                { { "set" }, "nothing to set" },
                { { "set", "info" }, "--source or --port is wanted" },
                { { "set", "--source=3" }, "shield set KIND --source 3" },
                { { "set", "inform", "--source=3" }, "'inform' is no kind of packets; info, players," },
                { { "set", "info", "--source=many" }, "--source: 'many' is no number" },
                { { "set", "info", "--source=3/4/5" }, "--source: '4/5' is no number" },
                { { "set", "info", "--port=" }, "RATE/BURST or /BURST is wanted" },
                { { "set", "info", "--port=1/" }, "--port: '' is no number" },
                { { "set", "--max-length=-1" }, "--max-length: '-1' is no number" },
                { { "show", "-n", "-1" }, "a number from 0 is wanted" },
        };
        Fake *f = fake_with_shield("on", "active");

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Run) r = run_to_end(f, RUN_PIPES, 2, "shield", cases[i].words[0],
                        cases[i].words[1], cases[i].words[2], NULL);

                assert_has(r->err, cases[i].says);
        }
        g_assert_cmpuint(f->calls->len, ==, 0);
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shield/show", test_show);
        g_test_add_func("/shield/show-trouble", test_show_trouble);
        g_test_add_func("/shield/show-json", test_show_json);
        g_test_add_func("/shield/changes", test_changes);
        g_test_add_func("/shield/usage", test_usage);
        return g_test_run();
}
