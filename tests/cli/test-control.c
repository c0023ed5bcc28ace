/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* start, stop, restart, and how failures are told. */

#include <json-glib/json-glib.h>

#include "dbus/names.h"
#include "run.h"

static void test_one(void) {
        Fake *f = fake_new();
        g_autoptr(Run) start = NULL, stop = NULL, restart = NULL, quiet = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        start = RUN(f, 0, "start", "versus-1");
        g_assert_cmpstr(start->out->str, ==, "versus-1 started\n");
        g_assert_cmpuint(f->calls->len, ==, 2); /* nothing else was asked */
        g_assert_true(fake_called(f, "FindConflicts versus-1 ()"));
        g_assert_true(fake_called(f, "!Start versus-1 ()"));

        stop = RUN(f, 0, "stop", "versus-1");
        g_assert_cmpstr(stop->out->str, ==, "versus-1 stopped\n");
        restart = RUN(f, 0, "--no-ask-password", "restart", "versus-1");
        g_assert_cmpstr(restart->out->str, ==, "versus-1 restarted\n");
        g_assert_true(fake_called(f, "Restart versus-1 ()"));

        quiet = RUN(f, 0, "-q", "stop", "versus-1");
        g_assert_cmpstr(quiet->out->str, ==, "");
        fake_free(f);
}

/* All calls must be under way before the first is answered. */
static gboolean hold_three(
        Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        GPtrArray *held = f->data;

        if (!g_str_equal(method, "Start"))
                return FALSE;

        g_ptr_array_add(held, invocation);
        while (held->len == 3 || (held->len > 0 && f->last_job)) {
                GDBusMethodInvocation *last = g_ptr_array_remove_index(held, held->len - 1);

                f->last_job = 1;
                g_dbus_method_invocation_return_value(last, NULL);
        }

        return TRUE;
}

static void test_parallel(void) {
        g_autoptr(GPtrArray) held = g_ptr_array_new();
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, all = NULL, nothing = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        (void) fake_add_instance(f, "versus-2", 27016);
        (void) fake_add_instance(f, "coop-1", 27017);
        f->hook = hold_three;
        f->data = held;

        r = RUN(f, 0, "start", "versus-*", "coop-1", "versus-2");
        assert_has(r->out, "coop-1 started\n");
        assert_has(r->out, "versus-1 started\n");
        assert_has(r->out, "versus-2 started\n");
        g_assert_cmpuint(held->len, ==, 0);

        all = RUN(f, 0, "stop", "--all");
        assert_has(all->out, "coop-1 stopped\n");
        assert_has(all->out, "versus-2 stopped\n");

        nothing = RUN(f, 4, "stop", "surv*");
        g_assert_cmpstr(nothing->err->str, ==, "left4mectl: no server matches 'surv*'\n");
        fake_free(f);
}

/* The most that are asked at a time; beyond 128 the bus itself would refuse the calls. */
static gboolean hold_some(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        GPtrArray *held = f->data;

        if (!g_str_equal(method, "Start"))
                return FALSE;

        g_ptr_array_add(held, invocation);
        if (held->len == 32)
                f->last_job = 1;
        g_assert_cmpuint(held->len, <=, 32);
        while (f->last_job && held->len > 0)
                g_dbus_method_invocation_return_value(g_ptr_array_remove_index(held, held->len - 1), NULL);

        return TRUE;
}

static void test_many(void) {
        g_autoptr(GPtrArray) held = g_ptr_array_new();
        Fake *f = fake_new();
        g_autoptr(Run) all = NULL;

        for (unsigned i = 0; i < 150; i++) {
                g_autofree char *name = g_strdup_printf("many-%u", i);

                (void) fake_add_instance(f, name, 27015 + i);
        }
        f->hook = hold_some;
        f->data = held;

        all = RUN(f, 0, "start", "--all");
        assert_has(all->out, "many-0 started\n");
        assert_has(all->out, "many-149 started\n");
        fake_free(f);
}

static gboolean refuse(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        static const struct {
                const char *instance, *error, *message;
        } refusals[] = {
                { "failing", LEFT4ME_ERROR_START_FAILED,
                        "versus-1 did not start:\n  srcds_run: no \033[31mmap\n  exited" },
                { "denied", "org.freedesktop.DBus.Error.AccessDenied", "Not for you" },
                { "denied-too", "org.freedesktop.DBus.Error.AccessDenied", "Not for you" },
                { "asking", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                        "Needs a password" },
                { "gone", "org.freedesktop.DBus.Error.ServiceUnknown", "Nobody there" },
                { "busy", LEFT4ME_ERROR_BUSY, "It is being stopped" },
        };
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (g_str_equal(refusals[i].instance, name)) {
                        g_dbus_method_invocation_return_dbus_error(
                                invocation, refusals[i].error, refusals[i].message);
                        return TRUE;
                }

        return FALSE;
}

static Fake *fake_with_refusals(void) {
        const char *names[] = { "failing", "denied", "denied-too", "asking", "gone", "busy", "good" };
        Fake *f = fake_new();
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(names); i++)
                (void) fake_add_instance(f, names[i], 27015 + i);
        f->hook = refuse;
        return f;
}

static void test_refused(void) {
        Fake *f = fake_with_refusals();
        g_autoptr(Run) failing = NULL, denied = NULL, asking = NULL, unasked = NULL, gone = NULL;

        failing = RUN(f, 1, "start", "failing");
        g_assert_cmpstr(failing->err->str, ==,
                "left4mectl: versus-1 did not start:\n  srcds_run: no \\x1b[31mmap\n  exited\n");

        /* Who may, the service says. */
        denied = RUN(f, 5, "start", "denied");
        g_assert_cmpstr(denied->err->str, ==, "left4mectl: Not for you\n");

        asking = RUN(f, 5, "start", "asking");
        g_assert_cmpstr(asking->err->str, ==,
                "left4mectl: Needs a password\n            at a terminal left4mectl asks for it\n");
        unasked = RUN(f, 5, "start", "asking", "--no-ask-password");
        g_assert_cmpstr(unasked->err->str, ==, "left4mectl: Needs a password\n");

        gone = RUN(f, 1, "start", "gone");
        assert_has(gone->err, "is left4med running? systemctl status left4med\n");
        fake_free(f);
}

static void test_some_refused(void) {
        Fake *f = fake_with_refusals();
        g_autoptr(Run) both = NULL, same = NULL, json = NULL;

        both = RUN(f, 1, "start", "good", "denied", "busy");
        g_assert_cmpstr(both->out->str, ==, "good started\n");
        assert_has(both->err, "Not for you\n");
        assert_has(both->err, "It is being stopped\n");

        same = RUN(f, 5, "start", "denied", "denied-too");
        g_assert_cmpstr(same->err->str, ==, "left4mectl: Not for you\n");

        json = RUN(f, 1, "start", "good", "busy", "--json");
        g_assert_cmpstr(json->out->str, ==,
                "[{\"name\":\"good\",\"ok\":true},{\"name\":\"busy\",\"ok\":false,"
                "\"error\":\"org.left4me.Manager1.Error.Busy\",\"message\":\"It is being stopped\"}]\n");
        fake_free(f);
}

static void test_misspelt(void) {
        Fake *f = fake_new();
        g_autoptr(Run) near = NULL, far = NULL, json = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        near = RUN(f, 4, "start", "versu-1");
        g_assert_cmpstr(near->err->str, ==, "left4mectl: no server 'versu-1'; did you mean versus-1?\n");

        far = RUN(f, 4, "start", "survival");
        g_assert_cmpstr(far->err->str, ==, "left4mectl: no server 'survival'\n");

        json = RUN(f, 4, "--json", "configure", "versu-1", "--port", "27016");
        assert_has(json->out, "\"message\":\"no server 'versu-1'; did you mean versus-1?\"");
        assert_has(json->out, "\"exit_code\":4");
        fake_free(f);
}

static void test_no_service(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, json = NULL;

        fake_release_name(f);
        r = RUN(f, 1, "list");
        assert_has(r->err, "is left4med running? systemctl status left4med\n");
        json = RUN(f, 1, "list", "--json");
        assert_has(json->out, "{\"error\":{\"name\":\"org.freedesktop.DBus.Error.ServiceUnknown\"");

        g_free(f->address);
        f->address = g_strdup("unix:path=/nonexistent/bus");
        g_clear_pointer(&r, run_free);
        r = RUN(f, 1, "start", "versus-1");
        assert_has(r->err, "left4mectl: Cannot reach the system bus: ");
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/control/one", test_one);
        g_test_add_func("/control/parallel", test_parallel);
        g_test_add_func("/control/many", test_many);
        g_test_add_func("/control/refused", test_refused);
        g_test_add_func("/control/some-refused", test_some_refused);
        g_test_add_func("/control/misspelt", test_misspelt);
        g_test_add_func("/control/no-service", test_no_service);
        return g_test_run();
}
