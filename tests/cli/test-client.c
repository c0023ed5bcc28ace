/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client.h"
#include "dbus/names.h"

static void test_paths(void) {
        static const struct {
                const char *name, *path;
        } cases[] = {
                { "versus", LEFT4ME_INSTANCE_PREFIX "/versus" },
                { "versus-1", LEFT4ME_INSTANCE_PREFIX "/versus_2d1" },
                { "a_b", LEFT4ME_INSTANCE_PREFIX "/a_5fb" },
                { "1st", LEFT4ME_INSTANCE_PREFIX "/_31st" },
                { "", LEFT4ME_INSTANCE_PREFIX "/_" },
                { "../x", LEFT4ME_INSTANCE_PREFIX "/_2e_2e_2fx" },
                { "\303\274", LEFT4ME_INSTANCE_PREFIX "/_c3_bc" },
        };
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, cases[i].name);
                g_autofree char *name = client_path_name(LEFT4ME_INSTANCE_PREFIX, path);

                g_assert_cmpstr(path, ==, cases[i].path);
                g_assert_true(g_variant_is_object_path(path));
                g_assert_cmpstr(name, ==, cases[i].name);
        }
}

static void test_foreign_paths(void) {
        g_autofree char *job = client_job_path(7);
        g_autofree char *number = client_path_name(LEFT4ME_JOB_PREFIX, "/org/left4me/Manager1/job/_37");

        g_assert_cmpstr(job, ==, "/org/left4me/Manager1/job/_37");
        g_assert_cmpstr(number, ==, "7");
        g_assert_null(client_path_name(LEFT4ME_JOB_PREFIX, "/"));
        g_assert_null(client_path_name(LEFT4ME_JOB_PREFIX, LEFT4ME_INSTANCE_PREFIX "/a"));
        g_assert_null(client_path_name(LEFT4ME_JOB_PREFIX, LEFT4ME_JOB_PREFIX));
        g_assert_null(client_path_name(LEFT4ME_JOB_PREFIX, LEFT4ME_JOB_PREFIX "s/a"));
        g_assert_null(client_path_name(LEFT4ME_JOB_PREFIX, LEFT4ME_JOB_PREFIX "/a/b"));
}

static void test_failures(void) {
        static const struct {
                const char *name;
                ClientFailure failure;
        } cases[] = {
                { LEFT4ME_ERROR_NO_SUCH_INSTANCE, CLIENT_FAILURE_NO_SUCH_OBJECT },
                { LEFT4ME_ERROR_BUSY, CLIENT_FAILURE_OTHER },
                { "org.freedesktop.DBus.Error.AccessDenied", CLIENT_FAILURE_DENIED },
                { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                        CLIENT_FAILURE_NEEDS_AUTHENTICATION },
                { "org.freedesktop.DBus.Error.ServiceUnknown", CLIENT_FAILURE_NO_SERVICE },
                { "org.freedesktop.DBus.Error.Spawn.ChildExited", CLIENT_FAILURE_NO_SERVICE },
                { "com.example.Strange", CLIENT_FAILURE_OTHER },
        };
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = g_dbus_error_new_for_dbus_error(cases[i].name, "what happened");
                g_autofree char *name = client_error_name(error), *message = client_error_message(error);

                g_assert_cmpint(client_failure(error), ==, cases[i].failure);
                g_assert_cmpstr(name, ==, cases[i].name);
                g_assert_cmpstr(message, ==, "what happened");
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/paths", test_paths);
        g_test_add_func("/client/foreign-paths", test_foreign_paths);
        g_test_add_func("/client/failures", test_failures);
        return g_test_run();
}
