/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Shield object: what it takes and refuses, what it keeps, and who may. What its rules do is in the unit and the host tests. */

#include "fixture.h"
#include "world.h"

#define SHIELD LEFT4ME_SHIELD_PATH, LEFT4ME_SHIELD_INTERFACE

static guint32 limit(Fixture *f, const char *name) {
        guint32 value = 0;

        g_assert_true(g_variant_lookup(mirror_get(f->mirror, SHIELD, "Limits"), name, "u", &value));
        return value;
}

static void configure(Fixture *f, const char *settings) {
        g_variant_unref(call(f, SHIELD, "Configure", g_variant_new_parsed(settings)));
}

static void test_defaults(Fixture *f) {
        mirror_wait(f->mirror, SHIELD, "Mode", "'on'");
        g_assert_cmpuint(limit(f, "InfoSourceRate"), ==, 20);
        g_assert_cmpuint(limit(f, "ConnectPortBurst"), ==, 400);
        g_assert_cmpuint(limit(f, "MaximumLength"), ==, 1400);
        g_assert_cmpuint(g_variant_n_children(mirror_get(f->mirror, SHIELD, "Limits")), ==, 29);
}

static void test_configure(Fixture *f) {
        configure(f, "({'InfoSourceRate': <@u 15>, 'Mode': <'count'>},)");
        mirror_wait(f->mirror, SHIELD, "Mode", "'count'");
        g_assert_cmpuint(limit(f, "InfoSourceRate"), ==, 15);
        configure(f, "({'RulesPortRate': <@u 150>},)");
        g_assert_cmpuint(limit(f, "InfoSourceRate"), ==, 15);
        g_assert_cmpuint(limit(f, "RulesPortRate"), ==, 150);

        /* Wherever Reset stands, the numbers beside it are what is wanted; the mode is no limit. */
        configure(f, "({'InfoSourceRate': <@u 12>, 'Reset': <true>},)");
        g_assert_cmpuint(limit(f, "InfoSourceRate"), ==, 12);
        g_assert_cmpuint(limit(f, "RulesPortRate"), ==, 20);
        mirror_wait(f->mirror, SHIELD, "Mode", "'count'");

        configure(f, "({'Mode': <'off'>},)");
        mirror_wait(f->mirror, SHIELD, "State", "'off'");
        configure(f, "(@a{sv} {},)");
        g_assert_cmpuint(limit(f, "InfoSourceRate"), ==, 12);
}

static void test_refusals(Fixture *f) {
        static const char *const wrong[] = {
                "({'Mode': <'sometimes'>},)",
                "({'Mode': <@u 1>},)",
                "({'InfoSourceRate': <25>},)",
                "({'InfoSourceRate': <@u 0>},)",
                "({'InfoSourceRate': <@u 21>},)",
                "({'InfoSourceRate': <@u 30>, 'RulesPortBurst': <@u 10>},)",
                "({'EmptySourceRate': <@u 10>},)",
                "({'MaximumLength': <@u 1000>},)",
                "({'Reset': <'yes'>},)",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                call_refused(f, SHIELD, "Configure", g_variant_new_parsed(wrong[i]),
                        LEFT4ME_ERROR_INVALID_ARGUMENT);
        test_defaults(f);

        polkit_set(f->polkit, LEFT4ME_ACTION_MANAGE_HOST, POLKIT_DENY);
        call_refused(f, SHIELD, "Configure", g_variant_new_parsed("({'Mode': <'off'>},)"),
                "org.freedesktop.DBus.Error.AccessDenied");
        test_defaults(f);
}

static void test_kept(Fixture *f) {
        configure(f, "({'InfoSourceRate': <@u 13>, 'Mode': <'count'>},)");
        fixture_kill(f);
        fixture_start(f);
        mirror_wait(f->mirror, SHIELD, "Mode", "'count'");
        g_assert_cmpuint(limit(f, "InfoSourceRate"), ==, 13);
        g_assert_cmpuint(limit(f, "InfoSourceBurst"), ==, 120);
}

/* Everybody may ask, whatever the mode. */
static void test_statistics(Fixture *f) {
        static const char *const modes[] = { "({'Mode': <'on'>},)", "({'Mode': <'off'>},)" };

        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
                g_autoptr(GVariant) reply = NULL, figures = NULL, passed = NULL;
                guint64 packets;
                guint32 total;

                configure(f, modes[i]);
                reply = call(f, SHIELD, "GetStatistics", NULL);
                figures = g_variant_get_child_value(reply, 0);
                passed = g_variant_lookup_value(figures, "Passed", G_VARIANT_TYPE("a{st}"));
                g_assert_cmpuint(g_variant_n_children(passed), ==, 7);
                g_assert_true(g_variant_lookup(passed, "info", "t", &packets) && packets == 0);
                g_assert_true(g_variant_lookup(figures, "Malformed", "t", &packets) && packets == 0);
                g_assert_true(g_variant_lookup(figures, "SourcesTotal", "u", &total) && total == 0);
        }
}

static void add_tests(void) {
        fixture_add("/shield/defaults", test_defaults);
        fixture_add("/shield/configure", test_configure);
        fixture_add("/shield/refusals", test_refusals);
        fixture_add("/shield/kept", test_kept);
        fixture_add("/shield/statistics", test_statistics);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
