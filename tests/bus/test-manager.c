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

/* -- the kernel's settings ------------------------------------------------------------------------------------- */

static char *explanation_of(Fixture *f, const char *check, const char *verdict) {
        g_autoptr(GVariant) reply = call(f, MANAGER, "Check", NULL),
                            list = g_variant_get_child_value(reply, 0);
        const char *name, *found, *explanation;
        GVariantIter iter;

        g_variant_iter_init(&iter, list);
        while (g_variant_iter_next(&iter, "(&s&s&s&s)", &name, &found, &explanation, NULL))
                if (g_str_equal(name, check)) {
                        g_assert_cmpstr(found, ==, verdict);
                        return g_strdup(explanation);
                }

        g_error("no check '%s'", check);
}

/* What is not as our file says is named, with the file that says otherwise if there is one; what this kernel has not is not missed. */
static void test_sysctl(Fixture *f) {
        g_autofree char *none = explanation_of(f, "sysctl", "warning"), *all = NULL, *other = NULL;

        g_assert_nonnull(strstr(none, "60-left4me.conf cannot be read"));
        fixture_write(f, "usr/lib/sysctl.d/60-left4me.conf",
                "# why\n-net.core.rmem_max = 16777216\n\n;vm.no = 1\nvm/swappiness=10\n-net.a.range = 0 7\n-kernel.gone = 1\n");
        fixture_write(f, "proc/sys/net/core/rmem_max", "16777216\n");
        fixture_write(f, "proc/sys/vm/swappiness", "10\n");
        fixture_write(f, "proc/sys/net/a/range", "0\t7\n");
        all = explanation_of(f, "sysctl", "ok");
        g_assert_cmpstr(all, ==, "3 settings of the kernel are as shipped");

        fixture_write(f, "proc/sys/vm/swappiness", "60\n");
        fixture_write(f, "proc/sys/net/core/rmem_max", "212992\n");
        fixture_write(f, "etc/sysctl.d/50-early.conf", "vm.swappiness = 1\n");
        fixture_write(f, "etc/sysctl.d/99-mine.conf", "vm.swappiness = 60\n");
        other = explanation_of(f, "sysctl", "warning");
        g_assert_cmpstr(other, ==,
                "net.core.rmem_max is 212992, not 16777216; vm.swappiness is 60, not 10 (/etc/sysctl.d/99-mine.conf)");
}

static void add_tests(void) {
        fixture_add("/manager/sysctl", test_sysctl);
        fixture_add("/manager/list", test_list);
        fixture_add("/manager/reload", test_reload);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
