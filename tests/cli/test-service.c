/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tour with the real left4med, on the bus and with the stand-ins of the bus tests: what the two make of each other. */

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "fixture.h"
#include "run.h"
#include "tests/unit/cpu-tree.h"
#include "world.h"

/* What a run needs to know of a bus. */
static Fake there(Fixture *f) {
        return (Fake){ .address = f->address };
}

static char *write_archive(Fixture *f, const char *name, GBytes *archive) {
        char *path = g_build_filename(f->directory, name, NULL);
        g_autoptr(GError) error = NULL;

        (void) g_file_set_contents(
                path, g_bytes_get_data(archive, NULL), (gssize) g_bytes_get_size(archive), &error);
        g_assert_no_error(error);
        return path;
}

/* An overlay with one version, by way of the command line. */
static void import(Fixture *f, const char *name) {
        g_autoptr(GBytes) archive = world_archive();
        g_autofree char *path = write_archive(f, "archive.tar", archive);
        g_autoptr(Run) create = NULL, run = NULL;
        Fake bus = there(f);

        create = RUN(&bus, 0, "overlay", "create", name, "--kind", "files");
        run = RUN(&bus, 0, "overlay", "import", name, path, "--label", "first");
        assert_has(run->out, ": version 1 is current, 15B in 2 files\n");
        g_assert_cmpstr(run->err->str, ==, "");
}

static void test_tour(Fixture *f) {
        g_autoptr(Run) create = NULL, start = NULL, status = NULL, list = NULL, stop = NULL, stopped = NULL;
        Fake bus = there(f);

        world_perform(f);
        import(f, "l4d2");
        import(f, "maps");
        create = RUN(&bus, 0, "create", "versus-1", "--port", "27015", "--game", "l4d2", "--overlay", "maps",
                "--set", "hostname=Versus", "--set", "sv_steamgroup=38347879", "--line", "exec extra.cfg",
                "--autostart", "--", "-tickrate", "60");
        g_assert_cmpstr(create->out->str, ==, "versus-1 created, port 27015\n");

        start = RUN(&bus, 0, "start", "versus-1");
        g_assert_cmpstr(start->out->str, ==, "versus-1 started\n");
        status = RUN(&bus, 0, "status", "versus-1", "-n", "0");
        assert_has(status->out, "State: running\n");
        assert_has(status->out, "Autostart: at each boot of the host\n");
        list = RUN(&bus, 0, "-q");
        assert_has(list->out, "versus-1  running  27015");

        stop = RUN(&bus, 0, "stop", "versus-*");
        g_assert_cmpstr(stop->out->str, ==, "versus-1 stopped\n");
        stopped = RUN(&bus, 3, "status", "versus-1", "-n0");
        assert_has(stopped->out, "State: stopped\n");
}

static void test_settings(Fixture *f) {
        g_autoptr(Run) create = NULL, change = NULL, show = NULL, clone = NULL, cloned = NULL, rename = NULL,
                       reset = NULL;
        g_autoptr(Run) delete = NULL, used = NULL, overlay = NULL, gone = NULL;
        Fake bus = there(f);

        world_perform(f);
        import(f, "l4d2");
        create = RUN(
                &bus, 0, "create", "a", "-g", "l4d2", "-s", "x=1", "-s", "y=2", "--", "-tickrate", "60");
        change = RUN(&bus, 0, "configure", "a", "-s", "z=3", "-u", "x", "-l", "exec b.cfg", "--autostart");
        g_assert_cmpstr(change->out->str, ==, "a configured\n");
        show = RUN(&bus, 0, "configure", "a", "--json");
        assert_has(show->out, "\"overlays\":[],");
        assert_has(show->out, "\"arguments\":[\"-tickrate\",\"60\"],");
        assert_has(show->out, "\"y\":\"2\"");
        assert_has(show->out, "\"z\":\"3\"");
        assert_lacks(show->out, "\"x\"");
        assert_has(show->out, "\"lines\":[\"exec b.cfg\"]");
        assert_has(show->out, "\"autostart\":true");

        clone = RUN(&bus, 0, "clone", "a", "b", "-s", "y=4");
        g_assert_cmpstr(clone->out->str, ==, "b created, port 27016\n");
        cloned = RUN(&bus, 0, "configure", "b", "--json");
        assert_has(cloned->out, "\"y\":\"4\"");
        assert_has(cloned->out, "\"z\":\"3\"");

        rename = RUN(&bus, 0, "rename", "b", "c");
        reset = RUN(&bus, 0, "reset", "-y", "a", "c");
        assert_has(reset->out, "a reset\n");
        assert_has(reset->out, "c reset\n");
        used = RUN(&bus, 1, "overlay", "delete", "-y", "l4d2");
        delete = RUN(&bus, 0, "delete", "-y", "a", "c");
        overlay = RUN(&bus, 0, "overlay", "delete", "-y", "l4d2");
        gone = RUN(&bus, 0, "overlay", "list", "-q");
        g_assert_cmpstr(gone->out->str, ==, "");
}

static void test_errors(Fixture *f) {
        g_autoptr(GBytes) noise = g_bytes_new_static("no archive at all", 17);
        g_autofree char *path = write_archive(f, "noise", noise);
        g_autoptr(Run) name = NULL, near = NULL, layer = NULL, job = NULL, failed = NULL, logs = NULL,
                       files = NULL;
        g_autoptr(Run) wrong = NULL;
        Fake bus = there(f);

        world_perform(f);
        import(f, "l4d2");
        name = RUN(&bus, 0, "create", "versus-1", "-g", "l4d2");
        near = RUN(&bus, 4, "start", "versu-1");
        g_assert_cmpstr(near->err->str, ==, "left4mectl: no server 'versu-1'; did you mean versus-1?\n");
        wrong = RUN(&bus, 4, "start", "../etc");
        g_assert_cmpstr(wrong->err->str, ==, "left4mectl: no server '../etc'\n");
        layer = RUN(&bus, 4, "configure", "versus-1", "-o", "l4d3");
        job = RUN(&bus, 4, "job", "show", "4711");
        g_assert_cmpstr(job->err->str, ==, "left4mectl: no job 4711\n");
        files = RUN(&bus, 4, "overlay", "files", "l4d2", "nowhere");
        failed = RUN(&bus, 1, "overlay", "import", "l4d2", path);
        assert_has(failed->err, "left4mectl: import into l4d2 failed: ");
        assert_has(failed->err, "left4mectl job logs 2 shows more\n");
}

static void test_lists(Fixture *f) {
        g_autoptr(Run) overlay = NULL, files = NULL, jobs = NULL, show = NULL, check = NULL, reload = NULL;
        Fake bus = there(f);

        world_perform(f);
        import(f, "l4d2");
        overlay = RUN(&bus, 0, "overlay", "show", "l4d2");
        assert_has(overlay->out, "Last job: 1\n");
        assert_has(overlay->out, "current");
        assert_has(overlay->out, "first\n");
        files = RUN(&bus, 0, "overlay", "files", "-R", "l4d2");
        assert_has(files->out, "left4dead2/maps/c1m1_hotel.bsp\n");
        jobs = RUN(&bus, 0, "job");
        assert_has(jobs->out, "  1  import  l4d2     succeeded  ");
        show = RUN(&bus, 0, "job", "show", "1");
        assert_has(show->out, "State: succeeded\n");
        reload = RUN(&bus, 0, "reload");

        /* The stand-ins are not a sound host; what matters is that it can be shown. */
        check = run_to_end(&bus, RUN_TERMINAL, 1, "check", NULL);
        assert_has(check->out, "VERDICT");
}

/* Two threads a core; drawn, divided, warned of, and undone. */
static void test_cpus(Fixture *f) {
        g_autoptr(Run) before = NULL, suggest = NULL, split = NULL, set = NULL, shown = NULL, json = NULL,
                       clear = NULL, none = NULL, word = NULL;
        Fake bus = there(f);

        cpu_tree_write(f->root, CPU_TREE_SMT8);
        world_divide_cpus(f);
        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Reload", NULL));
        before = RUN(&bus, 0, "cpu", "--sample", "0");
        assert_has(before->out, "not divided: everything may run on all CPUs\n");
        assert_has(before->out, "\342\224\214\342\224\200 core 0 \342\224\200");
        assert_has(before->out, "\342\224\202   4 all ");
        suggest = RUN(&bus, 0, "cpu", "suggest");
        g_assert_cmpstr(suggest->out->str, ==, "0,4\nleft4mectl cpu set 0,4\n");

        split = RUN(&bus, 0, "cpu", "set", "0-1,4");
        g_assert_cmpstr(split->out->str, ==, "the system has CPU 0,1,4, the games have 2,3,5-7\n");
        assert_has(split->err, "warning: CPUs 1,5 are threads of one core");
        assert_has(split->err, "cpu suggest");
        set = RUN(&bus, 0, "cpu", "set", "0,4");
        g_assert_cmpstr(set->err->str, ==, "");
        shown = run_to_end(&bus, RUN_TERMINAL, 0, "cpu", "show", "-s", "0", NULL);
        assert_has(shown->out, "0 \033[1;33msystem \033[0m");
        assert_has(shown->out, "5 \033[1;32mgames  \033[0m");
        assert_has(shown->out, "1-3,5-7");
        json = RUN(&bus, 0, "cpu", "show", "--json", "-s", "0");
        assert_has(json->out, "\"system\":[0,4],\"games\":[1,2,3,5,6,7],\"split_cores\":[]");
        assert_has(json->out, "{\"cpu\":5,\"core\":1,\"package\":0,\"online\":true,\"owner\":\"games\"}");
        assert_has(json->out, "\"allowed_cpus\":[0,4]");
        assert_has(json->out, "\"effective_cpus\":[0,4]");

        none = RUN(&bus, 1, "cpu", "set", "0-7");
        assert_has(none->err, "None would be left for the games");
        word = RUN(&bus, 2, "cpu", "set", "0,,4");
        assert_has(word->err, "'0,,4' is no list of CPUs such as 0,4 or 0-1,8");
        clear = RUN(&bus, 0, "cpu", "clear");
        g_assert_cmpstr(clear->out->str, ==, "not divided: everything may run on all CPUs\n");
}

static void add_tests(void) {
        fixture_add("/service/tour", test_tour);
        fixture_add("/service/settings", test_settings);
        fixture_add("/service/errors", test_errors);
        fixture_add("/service/lists", test_lists);
        fixture_add("/service/cpus", test_cpus);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
