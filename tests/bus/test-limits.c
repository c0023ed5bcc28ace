/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What callers can pile up has a limit, with an error that says so; and what is beside the limit goes on. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE

/* A single connection may have 128 calls under way, says the bus; so there are several. */
#define CLIENTS 4
#define CALLS 100

/* Refusals do not wait for those that are held. Which of the clients' calls they are is the bus's choice. */
static bool is_one_answered(void *data) {
        GPtrArray *calls = data;

        for (guint i = 0; i < calls->len; i++)
                if (((Call *) g_ptr_array_index(calls, i))->done)
                        return true;

        return false;
}

/* Calls that wait for polkit. The bus allows the daemon only 128 questions at a time, too: its own limit must come first. */
static void test_pending_checks(Fixture *f) {
        g_autoptr(GPtrArray) calls = g_ptr_array_new(),
                             clients = g_ptr_array_new_with_free_func(g_object_unref);
        guint limited = 0, allowed = 0;

        polkit_set(f->polkit, LEFT4ME_ACTION_MANAGE_HOST, POLKIT_HOLD);
        for (guint i = 0; i < CLIENTS; i++) {
                GDBusConnection *client = client_connect(f->address);

                g_ptr_array_add(clients, client);
                for (guint k = 0; k < CALLS; k++)
                        g_ptr_array_add(calls, call_begin(client, MANAGER, "Reload", NULL));
        }
        loop_until(is_one_answered, calls, "the first refusal");

        /* Nobody else is held up. */
        g_variant_unref(call(f, MANAGER, "ListInstances", NULL));
        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        polkit_answer(f->polkit, true);
        for (guint i = 0; i < calls->len; i++) {
                g_autoptr(Call) c = g_ptr_array_index(calls, i);
                const char *name = call_error_name(c);

                if (*name) {
                        g_assert_cmpstr(name, ==, LEFT4ME_ERROR_LIMITS_EXCEEDED);
                        limited++;
                } else
                        allowed++;
        }
        g_test_message("%u calls allowed, %u refused", allowed, limited);
        g_assert_cmpuint(allowed, >=, 16);
        g_assert_cmpuint(limited, >, 0);
        g_variant_unref(call(f, MANAGER, "Reload", NULL));
}

static void test_uploads(Fixture *f) {
        g_autofree char *first = NULL;
        int pipes[32];

        world_perform(f);
        systemd_hold(f->systemd, "left4me-build@*", SYSTEMD_START);
        for (guint i = 0; i < G_N_ELEMENTS(pipes); i++) {
                g_autofree char *name = g_strdup_printf("o%u", i);

                g_free(world_empty_overlay(f, name));
                g_free(world_begin_import(f, name, "@a{sv} {}", &pipes[i]));
        }
        g_free(world_empty_overlay(f, "another"));
        call_refused(f, LEFT4ME_OVERLAY_PREFIX "/another", LEFT4ME_OVERLAY_INTERFACE, "Import",
                g_variant_new_parsed("(@a{sv} {},)"), LEFT4ME_ERROR_LIMITS_EXCEEDED);
        mirror_wait(
                f->mirror, LEFT4ME_OVERLAY_PREFIX "/another", LEFT4ME_OVERLAY_INTERFACE, "State", "'empty'");
        for (guint i = 0; i < G_N_ELEMENTS(pipes); i++)
                (void) close(pipes[i]);

        /* One that ends makes room. */
        first = job_path(1);
        systemd_wait_held(f->systemd, "left4me-build@1.service", SYSTEMD_START);
        systemd_release(f->systemd, "left4me-build@1.service");
        g_assert_cmpstr(world_wait_job(f, first), ==, "failed");
        g_free(world_begin_import(f, "another", "@a{sv} {}", &pipes[0]));
        (void) close(pipes[0]);
}

static int open_log(GDBusConnection *client, const char *path, char **ret_error) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Call) c = NULL;
        int handle, fd;

        c = call_begin(client, path, LEFT4ME_INSTANCE_INTERFACE, "OpenLog",
                g_variant_new_parsed("({'Follow': <true>},)"));
        (*ret_error) = g_strdup(call_error_name(c));
        if (**ret_error)
                return -1;

        g_variant_get(c->reply, "(h)", &handle);
        fd = g_unix_fd_list_get(c->fds, handle, &error);
        g_assert_no_error(error);
        return fd;
}

static void test_logs(Fixture *f) {
        g_autofree char *path = world_server(f, "versus-1");
        int logs[128];

        for (guint i = 0; i < G_N_ELEMENTS(logs); i++) {
                g_autofree char *error = NULL;

                logs[i] = open_log(f->client, path, &error);
                g_assert_cmpstr(error, ==, "");
        }
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "OpenLog",
                g_variant_new_parsed("({'Follow': <true>},)"), LEFT4ME_ERROR_LIMITS_EXCEEDED);

        /* Nobody keeps others from theirs. */
        if (geteuid() == 0) {
                g_autoptr(GDBusConnection) nobody = client_connect_as(f->address, 65534);
                g_autofree char *error = NULL;

                (void) close(open_log(nobody, path, &error));
                g_assert_cmpstr(error, ==, "");
                (void) g_dbus_connection_close_sync(nobody, NULL, NULL);
        }

        /* A reader that goes makes room, as soon as the daemon has seen it. */
        for (guint i = 0; i < G_N_ELEMENTS(logs); i++)
                (void) close(logs[i]);
        for (guint i = 0; i < 1000; i++) {
                g_autofree char *error = NULL;
                int fd = open_log(f->client, path, &error);

                if (fd >= 0) {
                        (void) close(fd);
                        return;
                }
                g_assert_cmpstr(error, ==, LEFT4ME_ERROR_LIMITS_EXCEEDED);
        }
        g_error("Logs that nobody reads any more keep their places");
}

static void test_log_options(Fixture *f) {
        static const char *const bad[] = { "{'Lines': <1>}", "{'Lines': <@u 10001>}", "{'Since': <'now'>}",
                "{'Follow': <1>}", "{'Colour': <'red'>}", "{'Follow': <true>, 'Follow': <true>}",
                "{'Cursor': <'nonsense'>}", "{'FromCursor': <''>}", "{'Cursor': <1>}",
                "{'Cursors': <'yes'>}", "{'Cursor': <'i=1'>, 'FromCursor': <'i=1'>}" };
        g_autofree char *path = world_server(f, "versus-1");
        g_autoptr(Call) c = NULL;
        int handle, fd;
        char byte;

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GVariant) options = g_variant_ref_sink(g_variant_new_parsed(bad[i]));

                call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "OpenLog",
                        g_variant_new("(@a{sv})", options), LEFT4ME_ERROR_INVALID_ARGUMENT);
        }

        /* Without Follow, the pipe ends; here, where no journal has anything of ours, at once. */
        c = call_begin(f->client, path, LEFT4ME_INSTANCE_INTERFACE, "OpenLog",
                g_variant_new_parsed("({'Lines': <@u 10>},)"));
        g_assert_cmpstr(call_error_name(c), ==, "");
        g_variant_get(c->reply, "(h)", &handle);
        fd = g_unix_fd_list_get(c->fds, handle, NULL);
        g_assert_cmpint(read(fd, &byte, 1), ==, 0);
        (void) close(fd);
}

static void test_checks(Fixture *f) {
        Call *calls[32];
        guint limited = 0;

        for (guint i = 0; i < G_N_ELEMENTS(calls); i++)
                calls[i] = call_begin(f->client, MANAGER, "Check", NULL);
        for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
                const char *name = call_error_name(calls[i]);

                if (*name)
                        g_assert_cmpstr(name, ==, LEFT4ME_ERROR_LIMITS_EXCEEDED);
                limited += *name ? 1 : 0;
                call_free(calls[i]);
        }
        g_test_message("%u of 32 checks refused", limited);
        g_assert_cmpuint(limited, <=, 28);
}

/* What Check says is of the form that the contract promises. */
static void test_check(Fixture *f) {
        static const char *const verdicts[] = { "ok", "warning", "failed", "unknown", NULL };
        g_autoptr(GVariant) reply = call(f, MANAGER, "Check", NULL),
                            results = g_variant_get_child_value(reply, 0);
        const char *check, *verdict, *explanation, *remedy;
        GVariantIter iter;

        g_assert_cmpuint(g_variant_n_children(results), >=, 4);
        g_variant_iter_init(&iter, results);
        while (g_variant_iter_next(&iter, "(&s&s&s&s)", &check, &verdict, &explanation, &remedy)) {
                g_test_message("%s: %s: %s (%s)", check, verdict, explanation, remedy);
                g_assert_cmpstr(check, !=, "");
                g_assert_true(g_strv_contains(verdicts, verdict));
                g_assert_cmpstr(explanation, !=, "");
                if (!g_str_equal(verdict, "ok"))
                        g_assert_cmpstr(remedy, !=, "");
        }
}

/* Starts of many servers at once are not piled up on the bus: each is answered. */
static void test_many_starts(Fixture *f) {
        Call *calls[100];

        g_free(world_overlay(f, "game"));
        for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *name = g_strdup_printf("i%u", i);

                g_free(world_instance(f, name, "game"));
        }
        for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *name = g_strdup_printf("i%u", i), *path = instance_path(name);

                calls[i] = call_begin(f->client, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL);
        }
        for (guint i = 0; i < G_N_ELEMENTS(calls); i++)
                g_variant_unref(call_end(calls[i]));
        g_variant_unref(call(f, MANAGER, "GetStatistics", NULL));
}

/* 500 lower layers: the game and 499 above it. */
static void test_layers(Fixture *f) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *path = world_server(f, "versus-1");

        for (guint i = 0; i < 500; i++) {
                char *name = g_strdup_printf("layer-%u", i);

                g_ptr_array_add(names, name);
                g_free(world_empty_overlay(f, name));
        }
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays",
                g_variant_new("(@as)", g_variant_new_strv((const char *const *) names->pdata, 500)),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays",
                g_variant_new("(@as)", g_variant_new_strv((const char *const *) names->pdata, 499))));
}

/* Writes until nothing more fits. */
static void fill_disk(const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        char block[4096] = { 0 };

        g_assert_cmpint(fd, >=, 0);
        for (size_t size = sizeof block; size > 0; size /= 2)
                while (write(fd, block, size) == (ssize_t) size)
                        ;
        g_assert_cmpint(errno, ==, ENOSPC);
        (void) close(fd);
}

static GVariant *many_lines(void) {
        g_autofree char *line = g_strnfill(500, 'x');
        const char *lines[251] = { NULL };

        for (gsize i = 0; i < G_N_ELEMENTS(lines) - 1; i++)
                lines[i] = line;
        return g_variant_new_strv(lines, G_N_ELEMENTS(lines) - 1);
}

/* A full disk: a named error, nothing changed, and all is well when there is room again. */
static void test_full_disk(Fixture *f) {
        g_autofree char *state = fixture_path(f, "var/lib/left4me"), *filler = NULL, *path = NULL,
                        *before = NULL, *after = NULL;
        g_autoptr(GVariant) settings = NULL, again = NULL;

        if (!fixture_may_mount())
                return;

        g_assert_cmpint(mount("tmpfs", state, "tmpfs", MS_NOSUID | MS_NODEV, "size=1M"), ==, 0);
        fixture_make_directories(f);
        fixture_start(f);
        path = world_startable(f, "versus-1");
        settings = call(f, path, LEFT4ME_INSTANCE_INTERFACE, "GetSettings", NULL);
        before = mirror_print(f->mirror);
        filler = fixture_path(f, "var/lib/left4me/steam/filler");
        fill_disk(filler);
        call_refused(f, MANAGER, "CreateInstance",
                g_variant_new_parsed("('b', {'Game': <'game'>, 'Lines': <%@as>})", many_lines()),
                LEFT4ME_ERROR_NO_SPACE);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Autostart': <true>, 'Lines': <%@as>},)", many_lines()),
                LEFT4ME_ERROR_NO_SPACE);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL, LEFT4ME_ERROR_NO_SPACE);
        again = call(f, path, LEFT4ME_INSTANCE_INTERFACE, "GetSettings", NULL);
        g_assert_true(g_variant_equal(settings, again));
        after = mirror_print(f->mirror);
        mirror_compare(before, after);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-server@*"), ==, 0);

        g_assert_cmpint(unlink(filler), ==, 0);
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        fixture_kill(f);
        fixture_start(f);
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "ActiveState", "'active'");
}

static void add_tests(void) {
        fixture_add("/limits/pending-checks", test_pending_checks);
        fixture_add("/limits/uploads", test_uploads);
        fixture_add("/limits/logs", test_logs);
        fixture_add("/limits/log-options", test_log_options);
        fixture_add("/limits/checks", test_checks);
        fixture_add("/limits/check", test_check);
        fixture_add("/limits/many-starts", test_many_starts);
        fixture_add("/limits/layers", test_layers);
        fixture_add_stopped("/limits/full-disk", test_full_disk);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
