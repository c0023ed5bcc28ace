/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-tree killed before each of its steps, and run again. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "tree.h"

static bool is_change(uint64_t nr) {
        static const long changes[] = { SYS_openat, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2,
                SYS_linkat, SYS_fchmod, SYS_fchmodat, SYS_fremovexattr, SYS_write, SYS_syncfs, SYS_fsync };

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
                if (nr == (uint64_t) changes[i])
                        return true;
        return false;
}

/* Runs job 9 in a child that is killed when it is about to change something for the n-th time; true if it
 * came through. */
static bool run_until(const Fixture *f, unsigned n) {
        unsigned changes = 0;
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                (void) raise(SIGSTOP);
                _exit(tree_run(&f->roots, "9", NULL) < 0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSTOPPED(status));
        g_assert_no_errno(
                (int) ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
        for (;;) {
                struct __ptrace_syscall_info info;

                g_assert_no_errno((int) ptrace(PTRACE_SYSCALL, pid, NULL, NULL));
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                if (!WIFSTOPPED(status))
                        break;
                g_assert_cmpint((int) ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info), >, 0);
                if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !is_change(info.entry.nr) || ++changes < n)
                        continue;
                g_assert_no_errno(kill(pid, SIGKILL));
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                return false;
        }
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        return true;
}

typedef struct Case {
        const char *name, *job;
        const char *before, *after; /* the state directory's tree */
        const char *whole;          /* a directory that is there as a whole or not at all, */
        const char *content;        /* and what is in it then */
        unsigned crashes;           /* at least so many places to crash at */
} Case;

static const char base[] = "f same one\nf changed two\nf gone x\nf d/a 1\nf d/b 2\nf dir-to-file/c 3\n"
                           "f file-to-dir 4\nl l same\n";
static const char upper[] =
        "f changed 222\nw gone\no d\nf d/c new\nf dir-to-file now a file\no file-to-dir\n"
        "x file-to-dir/x 5\nf h1 linked\nh h2 h1\nl l changed\nf same one\n";
static const char merged[] =
        "f same one\nf changed 222\nd d\nf d/c new\nf dir-to-file now a file\nd file-to-dir\n"
        "x file-to-dir/x 5\nf h1 linked\nf h2 linked\nl l changed\n";

static const Case cases[] = {
        { "remove-versions", "Operation=remove-versions\nOverlay=maps\nVersions=1\n",
                "f overlays/maps/versions/1/a one\nf overlays/maps/versions/1/d/b two\n"
                "f overlays/maps/versions/1.info x\nf overlays/maps/versions/2/c three\n",
                "d maps\nd maps/versions\nd maps/versions/2\nf maps/versions/2/c three\n",
                "overlays/maps/versions/1", "f a one\nd d\nf d/b two\n", 4 },
        { "reset", "Operation=reset\nInstance=one\n", "f uppers/one/upper/a 1\nd uppers/one/work/work\n", "",
                "uppers/one", "d upper\nf upper/a 1\nd work\nd work/work\n", 5 },
        { "rename-instance", "Operation=rename-instance\nInstance=one\nTo=two\n",
                "f uppers/one/upper/a 1\nf runtime/server-one/argv x\n",
                "d two\nd two/upper\nf two/upper/a 1\n", "uppers/two", "d upper\nf upper/a 1\n", 4 },
        { "discard", "Operation=discard\nBuilds=7;8\n", "f builds/7/upper/a 1\nf builds/8/version/b 2\n", "",
                "builds/8", "d version\nf version/b 2\n", 8 },
};

static void remake(const Fixture *f, const char *dir) {
        g_autofree char *path = fixture_path(f, "%s", dir);

        tree_remove(path);
        tree_make(path, "");
}

static void test_case(Fixture *f, gconstpointer data) {
        static const char *const dirs[] = { "overlays", "uppers", "builds", "runtime" };
        const Case *c = data;
        g_autofree char *whole = fixture_path(f, "%s", c->whole),
                        *job = g_strconcat("[Job]\n", c->job, NULL);
        g_auto(GStrv) parts = g_strsplit(c->whole, "/", 2);
        g_autofree char *top = fixture_path(f, "%s", parts[0]);
        bool done = false;
        unsigned n;

        fixture_put_run(f, "jobs/9/job", job);
        for (n = 1; !done; n++) {
                g_autoptr(GError) error = NULL;

                tree_make(f->state, c->before);
                done = run_until(f, n);
                if (access(whole, F_OK) >= 0)
                        tree_assert(whole, c->content);
                assert_ok(tree_run(&f->roots, "9", &error), error);
                tree_assert(top, c->after);
                for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++)
                        remake(f, dirs[i]);
        }
        g_test_message("%u crashes", n - 2);
        g_assert_cmpuint(n - 2, >=, c->crashes);
}

/* Then the version is not there or complete, and doing it again completes it. The old one stays what it
 * was. */
static void test_commit(Fixture *f, gconstpointer data) {
        g_autofree char *v1 = fixture_path(f, "overlays/maps/versions/1"),
                        *v2 = fixture_path(f, "overlays/maps/versions/2");
        g_autofree char *build = fixture_path(f, "builds/7/upper"), *before = NULL;
        bool done = false;
        unsigned n;

        fixture_put_run(
                f, "jobs/9/job", "[Job]\nOperation=commit\nOverlay=maps\nBuild=7\nBase=1\nVersion=2\n");
        tree_make(v1, base);
        before = tree_dump(v1);
        for (n = 1; !done; n++) {
                g_autofree char *info = fixture_path(f, "overlays/maps/versions/2.info"), *after = NULL;
                g_autoptr(GError) error = NULL;

                tree_make(build, upper);
                done = run_until(f, n);
                if (access(v2, F_OK) >= 0)
                        tree_assert(v2, merged);
                assert_ok(tree_run(&f->roots, "9", &error), error);
                tree_assert(v2, merged);
                g_assert_no_errno(access(info, F_OK));
                after = tree_dump(v1);
                g_assert_cmpstr(before, ==, after);

                tree_remove(v2);
                g_assert_no_errno(unlink(info));
                remake(f, "builds");
        }
        g_test_message("%u crashes", n - 2);
        g_assert_cmpuint(n - 2, >=, 30);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/crash/%s", cases[i].name);

                g_test_add(path, Fixture, &cases[i], fixture_set_up, test_case, fixture_tear_down);
        }
        FIXTURE_ADD("/crash/commit", test_commit);
        return g_test_run();
}
