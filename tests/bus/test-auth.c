/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may do what: every method of the contract is called, and polkit's no is the daemon's no. A method that is new in dbus/ fails
 * here until somebody says which action it needs. */

#include <string.h>
#include <unistd.h>

#include "contract.h"
#include "fixture.h"
#include "world.h"

#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"
#define INTERACTIVE "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
#define NOBODY 65534

/* Where a call goes: the objects that every test of this file has. */
#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define INSTANCE LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE
#define OVERLAY LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE
#define QOS LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE
#define SHIELD LEFT4ME_SHIELD_PATH, LEFT4ME_SHIELD_INTERFACE
#define JOB LEFT4ME_JOB_PREFIX "/_31", LEFT4ME_JOB_INTERFACE
#define CPUS LEFT4ME_CPUS_PATH, LEFT4ME_CPUS_INTERFACE
#define SLICE LEFT4ME_SLICE_PREFIX "/user", LEFT4ME_SLICE_INTERFACE

typedef struct Method {
        const char *path; /* NULL: that of the job */
        const char *interface;
        const char *name;
        const char *arguments; /* GVariant text; NULL: none */
        const char *action;    /* NULL: it only reads what is public */
        const char *detail;    /* "instance" or "overlay" */
        const char *value;
} Method;

/* Those that only read. */
static const Method readers[] = {
        { MANAGER, "GetInstance", "('versus-1',)" },
        { MANAGER, "GetOverlay", "('maps',)" },
        { MANAGER, "GetJob", "(@u 1,)" },
        { MANAGER, "ListInstances", NULL },
        { MANAGER, "ListOverlays", NULL },
        { MANAGER, "ListJobs", NULL },
        { MANAGER, "Check", NULL },
        { MANAGER, "GetStatistics", NULL },
        { INSTANCE, "GetStatistics", NULL },
        { QOS, "GetStatistics", NULL },
        { SHIELD, "GetStatistics", NULL },
        { CPUS, "Suggest", NULL },
        { CPUS, "GetStatistics", NULL },
        { SLICE, "GetStatistics", NULL },
};

/* Those that ask. */
static const Method askers[] = {
        { MANAGER, "CreateInstance", "('new', {'Game': <'maps'>})", LEFT4ME_ACTION_MANAGE_INSTANCES,
                "instance", "new" },
        { MANAGER, "CreateOverlay", "('new', 'files', @a{sv} {})", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay",
                "new" },
        { MANAGER, "SeedScriptOverlays", "({'new': 'true'}, @a{sv} {})", LEFT4ME_ACTION_MANAGE_OVERLAYS,
                NULL, NULL },
        { MANAGER, "RefreshWorkshop", NULL, LEFT4ME_ACTION_MANAGE_OVERLAYS, NULL, NULL },
        { MANAGER, "Reload", NULL, LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
        { INSTANCE, "Start", NULL, LEFT4ME_ACTION_CONTROL_INSTANCE, "instance", "versus-1" },
        { INSTANCE, "Stop", NULL, LEFT4ME_ACTION_CONTROL_INSTANCE, "instance", "versus-1" },
        { INSTANCE, "StopWhenEmpty", "(true, @t 0, @at [])", LEFT4ME_ACTION_CONTROL_INSTANCE, "instance",
                "versus-1" },
        { INSTANCE, "CancelIntent", NULL, LEFT4ME_ACTION_CONTROL_INSTANCE, "instance", "versus-1" },
        { INSTANCE, "Restart", NULL, LEFT4ME_ACTION_CONTROL_INSTANCE, "instance", "versus-1" },
        { INSTANCE, "Reset", NULL, LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { INSTANCE, "Freeze", "('new', @a{sv} {})", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance",
                "versus-1" },
        { INSTANCE, "Delete", NULL, LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { INSTANCE, "Configure", "({'Lines': <['sv_cheats 1']>},)", LEFT4ME_ACTION_MANAGE_INSTANCES,
                "instance", "versus-1" },
        { INSTANCE, "GetSettings", NULL, LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { INSTANCE, "SetOverlays", "(@as ['maps'],)", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance",
                "versus-1" },
        { INSTANCE, "SetAutostart", "(true,)", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { INSTANCE, "Rename", "('other',)", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { INSTANCE, "Clone", "('copy', @a{sv} {})", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance",
                "versus-1" },
        { INSTANCE, "OpenLog", "(@a{sv} {},)", LEFT4ME_ACTION_READ_LOGS, "instance", "versus-1" },
        { INSTANCE, "OpenConsole", NULL, LEFT4ME_ACTION_USE_CONSOLE, "instance", "versus-1" },
        { INSTANCE, "ListFiles", "('', true)", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { INSTANCE, "OpenFile", "('srcds_run', '')", LEFT4ME_ACTION_MANAGE_INSTANCES, "instance",
                "versus-1" },
        { INSTANCE, "FindConflicts", NULL, LEFT4ME_ACTION_MANAGE_INSTANCES, "instance", "versus-1" },
        { OVERLAY, "SetApp", "(@u 222860, 'public')", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Import", "(@a{sv} {},)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Delete", NULL, LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Rollback", "(@u 1,)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "SetKeepVersions", "(@u 5,)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "PutFile", "('a', @a{sv} {})", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "RemoveFiles", "(['a'],)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Build", "(@a{sv} {},)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "SetSource", "('true',)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "SetItems", "(['1'],)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Pin", "('1', true)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "GetSource", NULL, LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "OpenFile", "('a', @u 0)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Diff", "(@u 0, @u 0)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "Rename", "('atlas',)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { OVERLAY, "ListFiles", "('', @u 0)", LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "maps" },
        { CPUS, "Set", "([uint32 0],)", LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
        { CPUS, "Clear", NULL, LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
        { JOB, "Cancel", NULL, LEFT4ME_ACTION_MANAGE_OVERLAYS, "overlay", "gone" },
        { JOB, "OpenLog", "(@a{sv} {},)", LEFT4ME_ACTION_READ_LOGS, NULL, NULL },
        { SHIELD, "Configure", "({'Mode': <'on'>},)", LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
        { QOS, "SetMarking", "(false,)", LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
        { QOS, "SetShaper", "('lo', {'Bandwidth': <@t 1000000>})", LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
        { QOS, "ClearShaper", "('lo',)", LEFT4ME_ACTION_MANAGE_HOST, NULL, NULL },
};

static Call *begin(GDBusConnection *bus, const Method *m, GDBusCallFlags flags) {
        return call_begin_flags(bus, m->path, m->interface, m->name,
                m->arguments ? g_variant_new_parsed(m->arguments) : NULL, flags);
}

/* The objects of the table: instance, overlay, and job 1, which is of an overlay and has ended. */
static void set_up_objects(Fixture *f) {
        g_autofree char *gone = world_empty_overlay(f, "gone"), *job = NULL;

        world_perform(f);
        job = world_take_path(call(f, gone, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpuint(job_number(job), ==, 1);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        g_free(world_empty_overlay(f, "maps"));
        g_free(world_instance(f, "versus-1", "maps"));
        polkit_forget(f->polkit);
}

static char *print_managed(Fixture *f) {
        g_autoptr(GVariant) reply = client_get_managed(f->client);

        return mirror_print_managed(reply);
}

static const Method *find_method(const Method *list, gsize n, const char *interface, const char *name) {
        for (gsize i = 0; i < n; i++)
                if (g_str_equal(list[i].interface, interface) && g_str_equal(list[i].name, name))
                        return &list[i];

        return NULL;
}

static void test_complete(Fixture *f) {
        g_autoptr(Contract) contract = contract_new();

        for (gsize i = 0; contract_interfaces[i]; i++) {
                GDBusInterfaceInfo *info = contract_interface(contract, contract_interfaces[i]);

                for (gsize k = 0; info->methods && info->methods[k]; k++)
                        if (!find_method(
                                    readers, G_N_ELEMENTS(readers), info->name, info->methods[k]->name) &&
                                !find_method(
                                        askers, G_N_ELEMENTS(askers), info->name, info->methods[k]->name))
                                g_error("Say in test-auth.c who may call %s.%s", info->name,
                                        info->methods[k]->name);
        }
}

static void test_readers(Fixture *f) {
        set_up_objects(f);
        polkit_set(f->polkit, NULL, POLKIT_DENY);
        for (gsize i = 0; i < G_N_ELEMENTS(readers); i++)
                g_variant_unref(call_end(begin(f->client, &readers[i], G_DBUS_CALL_FLAGS_NONE)));
        g_assert_cmpuint(polkit_checks(f->polkit)->len, ==, 0);
}

static void refuse_all(Fixture *f, PolkitVerdict verdict, GDBusCallFlags flags, const char *error_name) {
        g_autofree char *before = print_managed(f), *after = NULL;

        polkit_set(f->polkit, NULL, verdict);
        systemd_forget_calls(f->systemd);
        for (gsize i = 0; i < G_N_ELEMENTS(askers); i++) {
                polkit_forget(f->polkit);
                call_end_refused(begin(f->client, &askers[i], flags), error_name);
                g_assert_cmpuint(polkit_checks(f->polkit)->len, ==, 1);
                g_assert_cmpstr(polkit_last(f->polkit)->action, ==, askers[i].action);
        }
        after = print_managed(f);
        mirror_compare(before, after);
        g_assert_cmpuint(systemd_calls(f->systemd)->len, ==, 0);
}

static void test_denied(Fixture *f) {
        set_up_objects(f);
        refuse_all(f, POLKIT_DENY, G_DBUS_CALL_FLAGS_NONE, ACCESS_DENIED);
        refuse_all(f, POLKIT_DENY, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, ACCESS_DENIED);
}

static void test_challenged(Fixture *f) {
        set_up_objects(f);
        refuse_all(f, POLKIT_CHALLENGE, G_DBUS_CALL_FLAGS_NONE, INTERACTIVE);
        refuse_all(f, POLKIT_CHALLENGE, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, ACCESS_DENIED);
}

/* What polkit is told: who asks, for what, and whether he may be asked back. */
static void test_details(Fixture *f) {
        set_up_objects(f);
        polkit_set(f->polkit, NULL, POLKIT_DENY);
        for (gsize i = 0; i < G_N_ELEMENTS(askers); i++) {
                bool interactive = i % 2 == 0;
                PolkitCheck *check;

                polkit_forget(f->polkit);
                call_end_refused(begin(f->client, &askers[i],
                                         interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                                     : G_DBUS_CALL_FLAGS_NONE),
                        ACCESS_DENIED);
                check = polkit_last(f->polkit);
                g_test_message("%s.%s", askers[i].interface, askers[i].name);
                g_assert_cmpstr(check->subject, ==, g_dbus_connection_get_unique_name(f->client));
                g_assert_cmpuint(check->flags, ==, interactive ? 1 : 0);
                g_assert_nonnull(polkit_detail(check, "verb"));
                g_assert_cmpstr(polkit_detail(check, "verb"), !=, "");
                if (askers[i].detail)
                        g_assert_cmpstr(polkit_detail(check, askers[i].detail), ==, askers[i].value);
        }
}

/* A bad argument is told before anybody is asked for a password. */
static void test_validates_first(Fixture *f) {
        set_up_objects(f);
        polkit_set(f->polkit, NULL, POLKIT_DENY);
        call_refused(f, MANAGER, "CreateInstance",
                g_variant_new_parsed("('Not A Name', {'Game': <'maps'>})"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, INSTANCE, "Configure", g_variant_new_parsed("({'NoSuchKey': <1>},)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        g_assert_cmpuint(polkit_checks(f->polkit)->len, ==, 0);
}

static void test_absent(Fixture *f) {
        g_autoptr(GDBusConnection) nobody = NULL;
        g_autofree char *before = NULL, *after = NULL;

        if (geteuid() != 0) {
                g_test_skip("needs root, to be root and nobody in turn");
                return;
        }

        set_up_objects(f);
        polkit_vanish(f->polkit);
        nobody = client_connect_as(f->address, NOBODY);
        before = print_managed(f);
        for (gsize i = 0; i < G_N_ELEMENTS(askers); i++)
                call_end_refused(begin(nobody, &askers[i], G_DBUS_CALL_FLAGS_NONE), ACCESS_DENIED);
        for (gsize i = 0; i < G_N_ELEMENTS(readers); i++)
                g_variant_unref(call_end(begin(nobody, &readers[i], G_DBUS_CALL_FLAGS_NONE)));
        after = print_managed(f);
        mirror_compare(before, after);
        g_free(world_empty_overlay(f, "by-root"));

        /* With polkit back, root is asked about as everybody else, and nobody may what polkit says. */
        polkit_return(f->polkit);
        polkit_set(f->polkit, NULL, POLKIT_DENY);
        call_refused(f, MANAGER, "Reload", NULL, ACCESS_DENIED);
        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        g_variant_unref(call_end(call_begin(nobody, MANAGER, "Reload", NULL)));
}

/* polkit dies while it thinks: that is no yes. */
static void test_vanishes(Fixture *f) {
        g_autoptr(GDBusConnection) nobody = NULL;
        Call *c;

        if (geteuid() != 0) {
                g_test_skip("needs root, to be nobody");
                return;
        }

        nobody = client_connect_as(f->address, NOBODY);
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        c = call_begin(nobody, MANAGER, "Reload", NULL);
        polkit_wait_held(f->polkit, 1);
        polkit_disconnect(f->polkit);
        call_end_refused(c, ACCESS_DENIED);
}

/* While polkit thinks, everything else goes on; the call is done when it says yes, once. */
static void test_held(Fixture *f) {
        Call *c, *d;

        polkit_set(f->polkit, LEFT4ME_ACTION_MANAGE_OVERLAYS, POLKIT_HOLD);
        c = call_begin(
                f->client, MANAGER, "CreateOverlay", g_variant_new_parsed("('maps', 'files', @a{sv} {})"));
        polkit_wait_held(f->polkit, 1);
        d = call_begin(
                f->client, MANAGER, "CreateOverlay", g_variant_new_parsed("('maps', 'files', @a{sv} {})"));
        polkit_wait_held(f->polkit, 2);
        g_variant_unref(call(f, MANAGER, "ListOverlays", NULL));
        g_assert_false(c->done);
        polkit_answer(f->polkit, true);
        g_variant_unref(call_end(c));
        /* What was true before the check is looked at again after it. */
        call_end_refused(d, LEFT4ME_ERROR_NAME_TAKEN);
}

static bool is_none_held(void *data) {
        return polkit_held(data) == 0;
}

/* A caller that leaves while polkit thinks changes nothing, and takes no room for longer. */
static void test_caller_leaves(Fixture *f) {
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        for (guint round = 0; round < 6; round++) {
                g_autoptr(GDBusConnection) other = client_connect(f->address);

                for (guint i = 0; i < 60; i++)
                        call_free(call_begin(other, MANAGER, "CreateOverlay",
                                g_variant_new_parsed("('left', 'files', @a{sv} {})")));
                polkit_wait_held(f->polkit, 60);
                (void) g_dbus_connection_close_sync(other, NULL, NULL);
                loop_until(is_none_held, f->polkit, "polkit to close its dialogs");
        }

        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        g_free(world_empty_overlay(f, "stayed"));
        g_assert_false(mirror_has(f->mirror, LEFT4ME_OVERLAY_PREFIX "/left"));
}

static void add_tests(void) {
        fixture_add("/auth/complete", test_complete);
        fixture_add("/auth/readers", test_readers);
        fixture_add("/auth/denied", test_denied);
        fixture_add("/auth/challenged", test_challenged);
        fixture_add("/auth/details", test_details);
        fixture_add("/auth/validates-first", test_validates_first);
        fixture_add("/auth/absent", test_absent);
        fixture_add("/auth/vanishes", test_vanishes);
        fixture_add("/auth/held", test_held);
        fixture_add("/auth/caller-leaves", test_caller_leaves);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
