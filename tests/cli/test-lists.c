/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is shown of what there is: list, status, overlay, job, check; for people and for programs. */

#include <json-glib/json-glib.h>

#include "dbus/names.h"
#include "run.h"

static JsonNode *parse_json(const Run *r) {
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GError) error = NULL;

        (void) json_parser_load_from_data(parser, r->out->str, (gssize) r->out->len, &error);
        g_assert_no_error(error);
        return json_node_copy(json_parser_get_root(parser));
}

static void test_list(void) {
        Fake *f = fake_new();
        L4Manager1Instance *versus = fake_add_instance(f, "versus-1", 27015);
        g_autoptr(Run) r = NULL, bare = NULL, quiet = NULL;

        (void) fake_add_instance(f, "coop-1", 27016);
        fake_set_state(versus, "active", "running");
        l4_manager1_instance_set_update_pending(versus, TRUE);
        l4_manager1_instance_set_held(versus, g_variant_new_parsed("{'l4d2': @u 1}"));

        r = RUN(f, 0, "list");
        g_assert_cmpstr(r->out->str, ==,
                "NAME      STATE       PORT  UPTIME  STACK\n"
                "coop-1    stopped    27016       -  maps l4d2\n"
                "versus-1  running *  27015      2h  maps l4d2/1\n");
        g_assert_cmpstr(r->err->str, ==, "");

        bare = RUN(f, 0, "-q");
        assert_lacks(bare->out, "NAME");
        assert_has(bare->out, "coop-1    stopped");
        fake_free(f);
}

/* Whoever sits at a terminal is told how to go on. */
static void test_nothing_yet(void) {
        Fake *f = fake_new();
        g_autoptr(Run) servers = NULL, overlays = NULL, campaigns = NULL, items = NULL, wrong = NULL,
                       action = NULL, none = NULL, some = NULL, piped = NULL;
        L4Manager1Overlay *maps;

        servers = RUN_ON_TERMINAL(f, 0, "list");
        assert_has(servers->out, "0 servers, 0 running\r\n");
        assert_has(servers->out, "left4mectl create NAME --game OVERLAY makes one");
        overlays = RUN_ON_TERMINAL(f, 0, "overlay", "list");
        assert_has(overlays->out, "0 overlays\r\n");
        assert_has(overlays->out, "left4mectl overlay create NAME --kind KIND makes one");
        campaigns = RUN_ON_TERMINAL(f, 0, "campaigns");
        assert_has(campaigns->out, "none is known: overlays of kind workshop tell of theirs");
        piped = RUN(f, 0, "campaigns");
        g_assert_cmpstr(piped->err->str, ==, "");

        maps = fake_add_overlay(f, "maps");
        wrong = RUN(f, 1, "overlay", "items", "maps");
        g_assert_cmpstr(wrong->err->str, ==,
                "left4mectl: maps is of kind files; only one of kind workshop has items\n");
        action = RUN(f, 2, "overlay", "items", "maps", "show");
        assert_has(action->err, "'show'? What can be done with items is: add, rm, pin and unpin");
        l4_manager1_overlay_set_kind(maps, "workshop");
        l4_manager1_overlay_set_build_pending(maps, TRUE);
        none = RUN_ON_TERMINAL(f, 0, "overlay", "items", "maps");
        assert_has(none->out, "none yet: left4mectl overlay items maps add ITEM");
        some = RUN_ON_TERMINAL(f, 0, "overlay", "list");
        assert_has(some->out, "1 overlay\r\n* a build would make something new of it\r\n");
        fake_free(f);
}

static void test_list_json(void) {
        Fake *f = fake_new();
        g_autoptr(JsonNode) node = NULL, nothing = NULL;
        g_autoptr(Run) r = NULL, empty = NULL;
        JsonObject *object;

        empty = RUN(f, 0, "--json");
        g_assert_cmpstr(empty->out->str, ==, "[]\n");

        (void) fake_add_instance(f, "versus-1", 27015);
        r = RUN(f, 0, "list", "--json");
        node = parse_json(r);
        object = json_array_get_object_element(json_node_get_array(node), 0);
        g_assert_cmpstr(json_object_get_string_member(object, "name"), ==, "versus-1");
        g_assert_cmpint(json_object_get_int_member(object, "port"), ==, 27015);
        g_assert_cmpstr(json_object_get_string_member(object, "active_state"), ==, "inactive");
        g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(object, "overlays"), 0),
                ==, "maps");
        g_assert_cmpstr(
                json_object_get_string_member(json_object_get_object_member(object, "last_exit"), "result"),
                ==, "");
        g_assert_false(json_object_get_boolean_member(object, "update_pending"));
        fake_free(f);
}

static void set_running(L4Manager1Instance *i) {
        fake_set_state(i, "active", "running");
        l4_manager1_instance_set_main_pid(i, 1234);
        l4_manager1_instance_set_restarts(i, 2);
        l4_manager1_instance_set_update_pending(i, TRUE);
        l4_manager1_instance_set_last_exit(
                i, g_variant_new("(sit)", "signal", 11, (guint64) g_get_real_time()));
        l4_manager1_instance_set_layers_in_use(i, g_variant_new_parsed("[('maps', @u 1), ('l4d2', 1)]"));
        g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(i));
}

static void test_status(void) {
        Fake *f = fake_new();
        L4Manager1Instance *versus = fake_add_instance(f, "versus-1", 27015);
        L4Manager1Overlay *maps = fake_add_overlay(f, "maps");
        g_autoptr(Run) r = NULL;

        fake_add_version(maps, 1, 1, "");
        fake_add_version(maps, 2, 1, "");
        set_running(versus);
        f->log = "1732244000000000 6 srcds_run Server is hibernating\n";

        r = RUN(f, 0, "status", "versus-1");
        assert_has(r->out, "versus-1\n");
        assert_has(r->out, "State: running\n");
        assert_has(r->out, "Port: 27015\n");
        assert_has(r->out, "Restarts: 2 since it was started\n");
        assert_has(r->out, "Last exit: ended by SIGSEGV, ");
        assert_has(r->out, "Main PID: 1234\n");
        assert_has(r->out, "Layers: maps/1 (a restart takes maps/2)\n              l4d2/1\n");
        assert_has(r->out, "Memory: 512.0M (peak 1.0G)\n");
        assert_has(r->out, "CPU: 1min 3s\n");
        assert_has(r->out, "Traffic: 1.2M in, 3.4M out\n");
        assert_has(r->out, "\nNov 22 02:53:20 srcds_run: Server is hibernating\n");
        fake_free(f);
}

static gboolean deny(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        if (!g_str_equal(method, "OpenLog"))
                return FALSE;

        g_dbus_method_invocation_return_dbus_error(
                invocation, "org.freedesktop.DBus.Error.AccessDenied", "Not for you");
        return TRUE;
}

static void test_status_stopped(void) {
        Fake *f = fake_new();
        g_autoptr(Run) one = NULL, two = NULL, all = NULL, missing = NULL, json = NULL;
        g_autoptr(JsonNode) node = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        (void) fake_add_instance(f, "versus-2", 27016);

        f->hook = deny;
        one = RUN(f, 3, "status", "versus-1");
        assert_has(one->out, "State: stopped\n");
        assert_has(one->out, "(no log: Not for you)\n");
        g_assert_true(fake_called(f, "OpenLog versus-1"));

        /* Several, or none named: the states are the answer, not a failure. */
        two = RUN(f, 0, "status", "versus-*");
        assert_has(two->out, "versus-1\n");
        assert_has(two->out, "versus-2\n");
        assert_lacks(two->out, "no log");
        all = RUN(f, 0, "status");
        g_assert_cmpstr(all->out->str, ==, two->out->str);

        missing = RUN(f, 4, "status", "versus-1", "versus-9");
        assert_has(missing->out, "versus-1\n");
        assert_has(missing->err, "left4mectl: no server 'versus-9'; did you mean versus-");

        json = RUN(f, 3, "status", "versus-1", "--json");
        node = parse_json(json);
        g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), ==, 1);
        fake_free(f);
}

static void test_overlays(void) {
        Fake *f = fake_new();
        L4Manager1Overlay *maps = fake_add_overlay(f, "maps");
        const char *users[] = { "coop-1", "versus-1", NULL };
        g_autoptr(Run) list = NULL, show = NULL, missing = NULL, json = NULL;
        g_autoptr(JsonNode) node = NULL;
        JsonArray *versions;

        (void) fake_add_overlay(f, "empty");
        fake_add_version(maps, 3 << 20, 12, "first");
        fake_add_version(maps, 5 << 20, 1234, "second \033[31m");
        l4_manager1_overlay_set_used_by(maps, users);
        l4_manager1_overlay_set_last_job(maps, "/org/left4me/Manager1/job/_37");

        list = RUN(f, 0, "overlay", "list");
        g_assert_cmpstr(list->out->str, ==,
                "NAME   KIND   STATE  VERSION  SIZE  USED BY\n"
                "empty  files  empty        -     -  -\n"
                "maps   files  ready        2  5.0M  coop-1 versus-1\n");

        show = RUN(f, 0, "overlay", "show", "maps");
        assert_has(show->out, "Used by: coop-1\n              versus-1\n");
        assert_has(show->out, "Last job: 7\n");
        assert_has(show->out, "VERSION           CREATED           SIZE  FILES  LABEL\n"
                              "      1           2024-11-22 02:53  3.0M     12  first\n"
                              "      2  current  2024-11-22 02:53  5.0M   1234  second \\x1b[31m\n");

        missing = RUN(f, 4, "overlay", "show", "map");
        assert_has(missing->err, "left4mectl: no overlay 'map'; did you mean maps?\n");

        json = RUN(f, 0, "overlay", "show", "maps", "--json");
        node = parse_json(json);
        g_assert_cmpint(json_object_get_int_member(json_node_get_object(node), "last_job"), ==, 7);
        versions = json_object_get_array_member(json_node_get_object(node), "versions");
        g_assert_cmpint(
                json_object_get_int_member(json_array_get_object_element(versions, 1), "files"), ==, 1234);
        assert_lacks(json->out, "\033");
        fake_free(f);
}

static void test_files(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, below = NULL, all = NULL, wrong = NULL;

        (void) fake_add_overlay(f, "l4d2");
        r = RUN(f, 0, "overlay", "files", "l4d2");
        g_assert_cmpstr(r->out->str, ==,
                "SIZE  MODIFIED          NAME\n"
                "   -  2024-11-22 02:53  left4dead2/\n"
                "2.0K  2024-11-22 02:53  srcds_run\n");
        g_assert_true(fake_called(f, "!ListFiles l4d2 ('', 0)"));

        below = RUN(f, 0, "overlay", "files", "l4d2", "/left4dead2/", "--version", "3", "-q");
        g_assert_cmpstr(below->out->str, ==, "3B  2024-11-22 02:53  cfg@\n -  2024-11-22 02:53  maps/\n");
        g_assert_true(fake_called(f, "!ListFiles l4d2 ('left4dead2', 3)"));

        all = RUN(f, 0, "overlay", "files", "-qR", "l4d2");
        g_assert_cmpstr(all->out->str, ==,
                "   -  2024-11-22 02:53  left4dead2/\n"
                "  3B  2024-11-22 02:53  left4dead2/cfg@\n"
                "   -  2024-11-22 02:53  left4dead2/maps/\n"
                "2.0K  2024-11-22 02:53  srcds_run\n");
        g_assert_true(fake_called(f, "!ListFiles l4d2 ('left4dead2/maps', 0)"));

        wrong = RUN(f, 2, "overlay", "files", "l4d2", "--version", "-1");
        fake_free(f);
}

static void test_jobs(void) {
        Fake *f = fake_new();
        g_autoptr(Run) list = NULL, show = NULL, missing = NULL, wrong = NULL, cancel = NULL, late = NULL,
                       json = NULL;
        g_autoptr(JsonNode) node = NULL;
        unsigned i;

        fake_set_job(fake_add_job(f, "import", "maps", "running"), "running", 0.456, "unpacking a.vpk");
        for (i = 0; i < 9; i++)
                (void) fake_add_job(f, "reset", "versus-1", "succeeded");

        list = RUN(f, 0, "job");
        assert_has(list->out, "JOB  KIND    SUBJECT   STATE      WHEN  MESSAGE\n 10  reset ");
        assert_has(list->out, "  1  import  maps      running     45%  unpacking a.vpk\n");

        show = RUN(f, 0, "job", "show", "1");
        assert_has(show->out, "job 1: import into maps\n");
        assert_has(show->out, "Progress: 45%\n");

        missing = RUN(f, 4, "job", "show", "99");
        assert_has(missing->err, "left4mectl: no job 99\n");
        wrong = RUN(f, 2, "job", "cancel", "maps");
        cancel = RUN(f, 0, "job", "cancel", "1");
        g_assert_true(fake_called(f, "!Cancel 1 ()"));
        g_assert_cmpstr(cancel->out->str, ==, "import into maps was cancelled\n");
        late = RUN(f, 0, "job", "cancel", "2");
        g_assert_cmpstr(late->out->str, ==, "reset of versus-1 had ended already: succeeded\n");

        json = RUN(f, 0, "--json", "job", "show", "1");
        node = parse_json(json);
        g_assert_cmpint(json_object_get_int_member(json_node_get_object(node), "job"), ==, 1);
        g_assert_cmpstr(json_object_get_string_member(json_node_get_object(node), "state"), ==, "cancelled");
        fake_free(f);
}

static void test_check(void) {
        Fake *f = fake_new();
        g_autoptr(Run) good = NULL, bad = NULL, json = NULL, narrow = NULL;

        f->checks =
                "[('users', 'ok', 'left4me has uid 980', ''), ('overlayfs', 'warning', 'old kernel', 'use a newer one')]";
        good = RUN(f, 0, "check");
        g_assert_cmpstr(good->out->str, ==,
                "VERDICT  CHECK      EXPLANATION\n"
                "ok       users      left4me has uid 980\n"
                "warning  overlayfs  old kernel\n"
                "                    -> use a newer one\n");

        f->checks = "[('left4me-workshop@.service', 'ok', 'installed, sandboxed, as shipped', '')]";
        narrow = run_to_end(f, RUN_TERMINAL | RUN_NARROW, 0, "check", NULL);
        assert_has(narrow->out, "left4me\342\200\246  installed, sandboxed,\r\n");

        f->checks = "[('users', 'failed', 'left4me has uid 1000', 'reinstall')]";
        bad = RUN(f, 1, "check");
        json = RUN(f, 1, "check", "--json");
        g_assert_cmpstr(json->out->str, ==,
                "[{\"check\":\"users\",\"verdict\":\"failed\",\"explanation\":\"left4me has uid 1000\",\"remedy\":\"reinstall\"}]\n");
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/lists/list", test_list);
        g_test_add_func("/lists/nothing-yet", test_nothing_yet);
        g_test_add_func("/lists/list-json", test_list_json);
        g_test_add_func("/lists/status", test_status);
        g_test_add_func("/lists/status-stopped", test_status_stopped);
        g_test_add_func("/lists/overlays", test_overlays);
        g_test_add_func("/lists/files", test_files);
        g_test_add_func("/lists/jobs", test_jobs);
        g_test_add_func("/lists/check", test_check);
        return g_test_run();
}
