/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The root object: lists, configuration. */

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE

static void test_list(Fixture *f) {
        g_autofree char *path = world_server(f, "versus-1");
        g_autoptr(GVariant) reply = NULL, empty = call(f, MANAGER, "ListJobs", NULL);
        g_autofree char *text = NULL, *jobs = g_variant_print(empty, TRUE);

        g_free(world_instance(f, "a", "game"));
        reply = call(f, MANAGER, "ListInstances", NULL);
        text = g_variant_print(reply, TRUE);
        g_assert_cmpstr(text, ==,
                "([('a', uint16 27016, 'inactive', 'dead', uint32 0, uint32 0, uint64 0, false, false, objectpath "
                "'/org/left4me/Manager1/instance/a'), ('versus-1', 27015, 'inactive', 'dead', 0, 0, 0, false, false, "
                "'/org/left4me/Manager1/instance/versus_2d1')],)");
        g_assert_cmpstr(jobs, ==, "(@a(usssdstto) [],)");
        g_assert_nonnull(path);
}

/* Whether a signal has told this value of a property of the root object. */
static bool was_told(Fixture *f, const char *property, const char *value) {
        GPtrArray *signals = mirror_signals(f->mirror);

        for (guint i = 0; i < signals->len; i++) {
                const MirrorSignal *s = g_ptr_array_index(signals, i);
                g_autoptr(GVariant) properties = NULL, is = NULL;
                g_autofree char *text = NULL;

                if (!g_str_equal(s->path, LEFT4ME_ROOT_PATH) || !g_str_equal(s->member, "PropertiesChanged"))
                        continue;
                g_variant_get(s->body, "(s@a{sv}as)", NULL, &properties, NULL);
                is = g_variant_lookup_value(properties, property, NULL);
                text = is ? g_variant_print(is, FALSE) : NULL;
                if (g_strcmp0(text, value) == 0)
                        return true;
        }

        return false;
}

/* What a configuration says, and what a bad one does not change. */
static void test_reload(Fixture *f) {
        g_autoptr(GVariant) ports = NULL;
        g_autofree char *text = NULL;

        g_free(world_empty_overlay(f, "game"));
        fixture_configure(f, "GamePorts=27100-27101\nJobWorkers=2");
        g_variant_unref(call(f, MANAGER, "Reload", NULL));
        g_assert_true(was_told(f, "GamePorts", "(27100, 27101)"));
        g_assert_true(was_told(f, "JobWorkers", "2"));
        g_free(world_instance(f, "a", "game"));
        g_free(world_instance(f, "b", "game"));
        call_refused(f, MANAGER, "CreateInstance", g_variant_new_parsed("('c', {'Game': <'game'>})"),
                LEFT4ME_ERROR_NO_FREE_PORT);
        fixture_configure(f, "GamePorts=none\nJobWorkers=2");
        call_refused(f, MANAGER, "Reload", NULL, LEFT4ME_ERROR_INVALID_ARGUMENT);
        fixture_configure(f, "Colour=red");
        call_refused(f, MANAGER, "Reload", NULL, LEFT4ME_ERROR_INVALID_ARGUMENT);
        ports = client_get(f->client, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "GamePorts");
        text = g_variant_print(ports, FALSE);
        g_assert_cmpstr(text, ==, "(27100, 27101)");
}

static void add_tests(void) {
        fixture_add("/manager/list", test_list);
        fixture_add("/manager/reload", test_reload);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
