/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The stand-ins themselves: what the other tests rely on, as a client of theirs sees it. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "fixture.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SERVER "left4me-server@versus-1.service"
#define OVERLAY "left4me-overlay@server-versus-1.service"
#define BUILD "left4me-build@7.service"
#define BUILD_OVERLAY "left4me-overlay@build-7.service"

/* What a client hears of systemd, a word each, in order. */
typedef struct Heard {
        Fixture *fixture;
        guint subscription;
        GString *text;
        const char *all; /* what is waited for */
} Heard;

/* "s:" and "o:", by the unit's template. */
static char letter(const char *unit) {
        return unit[strlen("left4me-")];
}

static void on_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *body, gpointer data) {
        g_autoptr(GVariant) properties = NULL;
        const char *name, *result, *state;
        Heard *h = data;

        if (g_str_equal(member, "PropertiesChanged")) {
                g_variant_get(body, "(&s@a{sv}@as)", &name, &properties, NULL);
                if (g_variant_lookup(properties, "ActiveState", "&s", &state))
                        g_string_append_printf(
                                h->text, "%c:%s ", strrchr(path, '/')[strlen("/left4me_2d")], state);
        } else if (g_str_equal(member, "JobNew")) {
                g_variant_get(body, "(uo&s)", NULL, NULL, &name);
                g_string_append_printf(h->text, "%c:job ", letter(name));
        } else if (g_str_equal(member, "JobRemoved")) {
                g_variant_get(body, "(uo&s&s)", NULL, NULL, &name, &result);
                g_string_append_printf(h->text, "%c:%s ", letter(name), result);
        } else if (g_str_equal(member, "UnitNew") || g_str_equal(member, "UnitRemoved")) {
                g_variant_get(body, "(&so)", &name, NULL);
                g_string_append_printf(
                        h->text, "%c:%s ", letter(name), g_str_equal(member, "UnitNew") ? "new" : "gone");
        }
}

static GVariant *manager_call(Fixture *f, const char *method, GVariant *arguments) {
        return call_end(call_begin_to(f->client, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
                method, arguments, G_DBUS_CALL_FLAGS_NONE));
}

static void manager_refused(Fixture *f, const char *method, GVariant *arguments, const char *error_name) {
        call_end_refused(call_begin_to(f->client, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
                                 method, arguments, G_DBUS_CALL_FLAGS_NONE),
                error_name);
}

static void hear(Heard *h, Fixture *f) {
        h->fixture = f;
        h->text = g_string_new(NULL);
        h->subscription = g_dbus_connection_signal_subscribe(
                f->client, SYSTEMD, NULL, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, h, NULL);
        g_variant_unref(manager_call(f, "Subscribe", NULL));
}

static bool is_heard(void *data) {
        const Heard *h = data;

        return h->text->len >= strlen(h->all);
}

static void expect_heard(Heard *h, const char *all) {
        h->all = all;
        loop_until(is_heard, h, all);
        g_assert_cmpstr(h->text->str, ==, all);
        g_string_truncate(h->text, 0);
}

static void hear_no_more(Heard *h) {
        g_dbus_connection_signal_unsubscribe(h->fixture->client, h->subscription);
        g_string_free(h->text, TRUE);
}

static void start(Fixture *f, const char *unit) {
        g_variant_unref(manager_call(f, "StartUnit", g_variant_new("(ss)", unit, "replace")));
}

static void stop(Fixture *f, const char *unit) {
        g_variant_unref(manager_call(f, "StopUnit", g_variant_new("(ss)", unit, "replace")));
}

static void test_server(Fixture *f) {
        Heard h;

        hear(&h, f);
        start(f, SERVER);
        expect_heard(&h,
                "o:new s:new s:inactive s:job o:inactive o:job o:activating o:active o:done o:active o:active "
                "s:activating s:active s:done s:active s:active ");
        g_assert_cmpuint(systemd_main_pid(f->systemd, SERVER), >, 4194304);

        stop(f, SERVER);
        /* Without a reference the unit is forgotten; the overlay goes a moment after the server. */
        expect_heard(&h, "s:active s:job s:deactivating s:inactive s:done s:inactive s:inactive s:gone "
                         "o:active o:job o:deactivating o:inactive o:done o:inactive o:inactive o:gone ");
        manager_refused(f, "GetUnit", g_variant_new("(s)", SERVER), SYSTEMD ".NoSuchUnit");
        hear_no_more(&h);
}

static void test_references(Fixture *f) {
        g_variant_unref(manager_call(f, "LoadUnit", g_variant_new("(s)", SERVER)));
        g_variant_unref(manager_call(f, "RefUnit", g_variant_new("(s)", SERVER)));
        start(f, SERVER);
        systemd_wait_state(f->systemd, SERVER, "active");
        stop(f, SERVER);
        systemd_wait_state(f->systemd, OVERLAY, "inactive");
        g_assert_cmpuint(systemd_refs(f->systemd, SERVER), ==, 1);
        g_variant_unref(manager_call(f, "GetUnit", g_variant_new("(s)", SERVER)));
        g_variant_unref(manager_call(f, "UnrefUnit", g_variant_new("(s)", SERVER)));
        manager_refused(f, "GetUnit", g_variant_new("(s)", SERVER), SYSTEMD ".NoSuchUnit");
        manager_refused(f, "RefUnit", g_variant_new("(s)", SERVER), SYSTEMD ".NoSuchUnit");
}

static void test_dependency(Fixture *f) {
        Heard h;

        hear(&h, f);
        systemd_fail(
                f->systemd, OVERLAY, SYSTEMD_START, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        start(f, SERVER);
        expect_heard(&h,
                "o:new s:new s:inactive s:job o:inactive o:job o:activating o:failed o:failed o:failed o:failed "
                "s:inactive s:dependency s:inactive s:gone ");
        g_assert_cmpstr(systemd_active_state(f->systemd, OVERLAY), ==, "failed");
        hear_no_more(&h);
}

static void test_cancelled_start(Fixture *f) {
        systemd_hold(f->systemd, OVERLAY, SYSTEMD_START);
        start(f, SERVER);
        systemd_wait_held(f->systemd, OVERLAY, SYSTEMD_START);
        stop(f, SERVER);
        systemd_release(f->systemd, OVERLAY);
        g_assert_cmpstr(systemd_active_state(f->systemd, OVERLAY), ==, "active");
        systemd_wait_state(f->systemd, OVERLAY, "inactive");
        g_assert_cmpuint(systemd_main_pid(f->systemd, SERVER), ==, 0);
}

static void test_oneshot(Fixture *f) {
        Heard h;

        systemd_hold(f->systemd, "left4me-build@*", SYSTEMD_START);
        start(f, BUILD);
        systemd_wait_held(f->systemd, BUILD, SYSTEMD_START);
        g_assert_cmpstr(systemd_active_state(f->systemd, BUILD_OVERLAY), ==, "active");
        systemd_release(f->systemd, BUILD);
        systemd_wait_state(f->systemd, BUILD, "inactive");
        systemd_wait_state(f->systemd, BUILD_OVERLAY, "inactive");

        /* One that is stopped has failed, by systemd's lights. */
        start(f, BUILD);
        systemd_wait_held(f->systemd, BUILD, SYSTEMD_START);
        hear(&h, f);
        stop(f, BUILD);
        expect_heard(&h,
                "b:activating b:canceled b:activating b:activating b:job b:deactivating b:failed b:done b:failed "
                "b:failed o:active o:job o:deactivating o:inactive o:done o:inactive o:inactive ");
        g_variant_unref(manager_call(f, "ResetFailedUnit", g_variant_new("(s)", BUILD)));
        g_assert_cmpstr(systemd_active_state(f->systemd, BUILD), ==, "inactive");
        hear_no_more(&h);
}

static void test_crash(Fixture *f) {
        start(f, SERVER);
        systemd_wait_state(f->systemd, SERVER, "active");
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "signal", CLD_KILLED, SIGSEGV, true });
        g_assert_cmpstr(systemd_sub_state(f->systemd, SERVER), ==, "auto-restart");
        systemd_auto_restart(f->systemd, SERVER, false);
        systemd_wait_state(f->systemd, SERVER, "active");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "*Overlay*"), ==, 0);
        g_assert_cmpstr(systemd_active_state(f->systemd, OVERLAY), ==, "active");

        g_variant_unref(manager_call(f, "KillUnit", g_variant_new("(ssi)", SERVER, "main", SIGKILL)));
        systemd_auto_restart(f->systemd, SERVER, true);
        g_assert_cmpstr(systemd_active_state(f->systemd, SERVER), ==, "failed");
        systemd_wait_state(f->systemd, OVERLAY, "inactive");
}

static void test_denied(Fixture *f) {
        static const char denied[] = "org.freedesktop.DBus.Error.AccessDenied";

        manager_refused(f, "StartUnit", g_variant_new("(ss)", "ssh.service", "replace"), denied);
        manager_refused(f, "StartUnit", g_variant_new("(ss)", "left4me-unknown@1.service", "replace"),
                SYSTEMD ".NoSuchUnit");
        manager_refused(f, "RestartUnit", g_variant_new("(ss)", SERVER, "replace"), denied);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "RestartUnit *"), ==, 1);
        systemd_forget_calls(f->systemd);
        systemd_vanish(f->systemd);
        manager_refused(f, "Subscribe", NULL, "org.freedesktop.DBus.Error.ServiceUnknown");
        systemd_return(f->systemd);
        g_variant_unref(manager_call(f, "Subscribe", NULL));
}

static Call *check(Fixture *f, const char *action, guint32 flags) {
        return call_begin_to(f->client, "org.freedesktop.PolicyKit1",
                "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                "CheckAuthorization",
                g_variant_new_parsed(
                        "(('system-bus-name', {'name': <':1.2'>}), %s, {'verb': 'start'}, %u, 'x')", action,
                        flags),
                G_DBUS_CALL_FLAGS_NONE);
}

static void expect_verdict(Call *c, bool authorized, bool challenge) {
        g_autoptr(GVariant) reply = call_end(c);
        gboolean a, b;

        g_variant_get(reply, "((bba{ss}))", &a, &b, NULL);
        g_assert_cmpint(a, ==, authorized);
        g_assert_cmpint(b, ==, challenge);
}

static void test_polkit(Fixture *f) {
        Call *held;

        expect_verdict(check(f, LEFT4ME_ACTION_READ_LOGS, 0), true, false);
        polkit_set(f->polkit, LEFT4ME_ACTION_READ_LOGS, POLKIT_CHALLENGE);
        expect_verdict(check(f, LEFT4ME_ACTION_READ_LOGS, 0), false, true);
        expect_verdict(check(f, LEFT4ME_ACTION_READ_LOGS, 1), false, false);
        expect_verdict(check(f, LEFT4ME_ACTION_MANAGE_HOST, 0), true, false);
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        held = check(f, LEFT4ME_ACTION_READ_LOGS, 0);
        polkit_wait_held(f->polkit, 1);
        g_assert_cmpstr(polkit_detail(polkit_last(f->polkit), "verb"), ==, "start");
        g_assert_cmpstr(polkit_last(f->polkit)->subject, ==, ":1.2");
        polkit_answer(f->polkit, true);
        expect_verdict(held, true, false);
}

static void add_tests(void) {
        fixture_add_stopped("/standins/systemd/server", test_server);
        fixture_add_stopped("/standins/systemd/references", test_references);
        fixture_add_stopped("/standins/systemd/dependency", test_dependency);
        fixture_add_stopped("/standins/systemd/cancelled-start", test_cancelled_start);
        fixture_add_stopped("/standins/systemd/oneshot", test_oneshot);
        fixture_add_stopped("/standins/systemd/crash", test_crash);
        fixture_add_stopped("/standins/systemd/denied", test_denied);
        fixture_add_stopped("/standins/polkit", test_polkit);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
