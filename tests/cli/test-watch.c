/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* watch: every change on a line. */

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/wait.h>

#include "dbus/names.h"
#include "run.h"

static void end_watch(Run *r) {
        (void) kill(r->pid, SIGINT);
        run_wait(r);
        g_assert_true(WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGINT);
}

static void test_words(void) {
        const char *words[] = { "watch", NULL };
        Fake *f = fake_new();
        L4Manager1Instance *versus = fake_add_instance(f, "versus-1", 27015);
        L4Manager1Job *job;
        g_autoptr(Run) r = run_start(f, RUN_PIPES, words);

        run_until(r, "watching; Ctrl-C ends it\n");
        fake_set_state(versus, "activating", "start-pre");
        run_until(r, "  instance versus-1: starting (start-pre)\n");
        fake_set_state(versus, "active", "running");
        run_until(r, "  instance versus-1: running (running)\n");
        l4_manager1_instance_set_last_exit(
                versus, g_variant_new("(sit)", "signal", 9, G_GUINT64_CONSTANT(1732244000000000)));
        l4_manager1_instance_set_restarts(versus, 1);
        run_until(r, "  instance versus-1: restart 1, last exit: ended by SIGKILL\n");

        fake_add_version(fake_add_overlay(f, "maps"), 1, 1, "");
        run_until(r, "  overlay maps: created\n");
        run_until(r, "  overlay maps: ready, version 1 is current\n");

        job = fake_add_job(f, "import", "maps", "running");
        run_until(r, "  job 1: running\n");
        fake_set_job(job, "running", 0.5, "unpacking \033[2J");
        run_until(r, "  job 1: unpacking \\x1b[2J\n");
        fake_set_job(job, "succeeded", 1, "");
        run_until(r, "  job 1: succeeded\n");
        job = fake_add_job(f, "import", "maps", "running");
        fake_set_job(job, "cancelled", -1, "cancelled");
        run_until(r, "  job 2: cancelled\n");

        fake_remove(f, LEFT4ME_INSTANCE_PREFIX, "versus-1");
        run_until(r, "  instance versus-1: deleted\n");
        fake_release_name(f);
        run_until(r, "  service left4med: gone\n");
        assert_lacks(r->out, "overlay maps: deleted");

        /* What comes back with it is not new. */
        fake_own_name(f);
        run_until(r, "  service left4med: there\n");
        g_assert_null(strstr(strstr(r->out->str, "left4med: gone"), "overlay maps"));
        g_assert_null(strstr(strstr(r->out->str, "left4med: gone"), "job 1"));
        end_watch(r);
        fake_free(f);
}

static void test_json(void) {
        const char *words[] = { "watch", "--json", NULL };
        Fake *f = fake_new();
        L4Manager1Instance *versus = fake_add_instance(f, "versus-1", 27015);
        g_autoptr(Run) r = run_start(f, RUN_PIPES, words);
        g_auto(GStrv) lines = NULL;
        const char *back;
        unsigned i;

        run_until(r, "\"event\":\"present\",\"type\":\"instance\",\"name\":\"versus-1\",\"properties\":{");
        fake_set_state(versus, "active", "running");
        run_until(r, "\"event\":\"changed\",\"type\":\"instance\",\"name\":\"versus-1\",\"properties\":{");
        (void) fake_add_overlay(f, "maps");
        run_until(r, "\"event\":\"added\",\"type\":\"overlay\",\"name\":\"maps\",\"properties\":{");
        fake_remove(f, LEFT4ME_OVERLAY_PREFIX, "maps");
        run_until(r, "\"event\":\"removed\",\"type\":\"overlay\",\"name\":\"maps\"");
        fake_release_name(f);
        run_until(r, "\"event\":\"stopped\",\"type\":\"service\",\"name\":\"left4med\"}\n");
        fake_own_name(f);
        run_until(r, "\"event\":\"started\",\"type\":\"service\",\"name\":\"left4med\"}\n");
        back = strstr(r->out->str, "\"event\":\"stopped\"");
        g_assert_nonnull(strstr(back, "\"event\":\"present\",\"type\":\"instance\",\"name\":\"versus-1\""));
        g_assert_null(strstr(back, "\"event\":\"added\""));
        end_watch(r);

        /* Each line is a document. */
        lines = g_strsplit(r->out->str, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), >=, 6);
        for (i = 0; lines[i + 1]; i++) {
                g_autoptr(JsonParser) parser = json_parser_new();
                g_autoptr(GError) error = NULL;

                (void) json_parser_load_from_data(parser, lines[i], -1, &error);
                g_assert_no_error(error);
        }
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/watch/words", test_words);
        g_test_add_func("/watch/json", test_json);
        return g_test_run();
}
