/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-overlay end to end: real mounts, in a mount namespace of this test's own. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "overlay.h"
#include "server.h"
#include "stack.h"

/* Any numbers will do. */
#define LEFT4ME 980
#define MANAGER 981

static void assert_argv(const Fixture *f) {
        g_autofree char *argv = fixture_path(f, "runtime/server-one/argv"), *words = NULL;
        struct stat st;
        gsize size;

        g_assert_true(g_file_get_contents(argv, &words, &size, NULL));
        g_assert_cmpmem(words, size, ARGV, sizeof ARGV);
        g_assert_no_errno(stat(argv, &st));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
}

/* What the manager reads there: each layer by its whole path, topmost first. */
static void assert_mount_table(const Fixture *f) {
        g_autofree char *layers = g_strdup_printf(
                "lowerdir+=%s/overlays/maps/versions/3,"
                "lowerdir+=%s/overlays/game/versions/1,upperdir=%s/uppers/one/upper",
                f->state, f->state, f->state);
        g_autofree char *table = NULL;

        g_assert_true(g_file_get_contents("/proc/self/mountinfo", &table, NULL, NULL));
        g_test_message("%s", strstr(table, "lowerdir+="));
        g_assert_nonnull(strstr(table, layers));
        g_assert_nonnull(strstr(table, ",redirect_dir=nofollow"));
        g_assert_nonnull(strstr(table, ",userxattr"));
}

static void test_server(Fixture *f, gconstpointer data) {
        g_autofree char *cfg = fixture_path(f, MERGED "left4dead2/cfg/server.cfg"),
                        *merged = fixture_path(f, MERGED);
        g_autoptr(GError) error = NULL;
        struct statvfs sv;

        server_make(f);
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);

        /* Upper over overlays in order over the game. */
        assert_content(f, MERGED "left4dead2/maps/c1.bsp", "better");
        assert_content(f, MERGED "left4dead2/maps/c2.bsp", "two");
        assert_content(f, MERGED "srcds_run", "#!");
        fixture_put(f, MERGED "left4dead2/maps/c2.bsp", "written");
        assert_content(f, "uppers/one/upper/left4dead2/maps/c2.bsp", "written");
        assert_content(f, "overlays/maps/versions/3/left4dead2/maps/c2.bsp", "two");

        /* The generated files are what is seen, and cannot be written, removed or replaced. */
        assert_content(f, MERGED "left4dead2/cfg/server.cfg", "generated");
        assert_content(f, MERGED "left4dead2/cfg/left4me.cfg", "secret");
        g_assert_cmpint(open(cfg, O_WRONLY | O_CLOEXEC), ==, -1);
        g_assert_cmpint(errno, ==, EROFS);
        g_assert_cmpint(unlink(cfg), ==, -1);
        g_assert_cmpint(errno, ==, EBUSY);
        g_assert_cmpint(rename(merged, cfg), ==, -1);
        g_assert_no_errno(statvfs(cfg, &sv));
        g_assert_cmpuint(sv.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC), ==,
                ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
        g_assert_no_errno(statvfs(merged, &sv));
        g_assert_cmpuint(sv.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV), ==, ST_NOSUID | ST_NODEV);

        assert_argv(f);
        assert_mount_table(f);

        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        g_assert_false(merged_is_mounted(f, "server-one"));
        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        assert_content(f, "uppers/one/upper/left4dead2/cfg/server.cfg", NULL);
}

/* A build of several parts is mounted for each of them. */
static void test_build_in_parts(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        fixture_put_run(f, "jobs/7/stack", "");
        assert_ok(overlay_mount(&f->roots, "build-7", &error), error);
        fixture_put(f, "runtime/build-7/merged/first", "of the first part");
        assert_ok(overlay_unmount(&f->roots, "build-7", &error), error);

        g_assert_cmpint(overlay_mount(&f->roots, "build-7", &error), ==, -EEXIST);
        g_assert_nonnull(strstr(error->message, "holds an earlier build"));
        g_clear_error(&error);

        fixture_put_run(f, "jobs/7/continues", "");
        assert_ok(overlay_mount(&f->roots, "build-7", &error), error);
        assert_content(f, "runtime/build-7/merged/first", "of the first part");
        assert_ok(overlay_unmount(&f->roots, "build-7", &error), error);
}

static void test_build(Fixture *f, gconstpointer data) {
        g_autofree char *job = fixture_path(f, "runtime/build-7/job/script");
        g_autoptr(GError) error = NULL;

        fixture_put_run(f, "jobs/7/stack", "");
        fixture_put_run(f, "jobs/7/script", "echo");
        assert_ok(overlay_mount(&f->roots, "build-7", &error), error);

        fixture_put(f, "runtime/build-7/merged/new", "made");
        assert_content(f, "builds/7/upper/new", "made");
        assert_content(f, "runtime/build-7/job/script", "echo");
        g_assert_cmpint(open(job, O_WRONLY | O_CLOEXEC), ==, -1);
        g_assert_cmpint(errno, ==, EROFS);
        assert_ok(overlay_unmount(&f->roots, "build-7", &error), error);

        /* Not a second time on what a build made. */
        assert_failed(overlay_mount(&f->roots, "build-7", &error), EEXIST, &error, "builds/7/upper");

        /* On a version: it is the lower layer. */
        make_layer(f, "maps", 3, "f a old\n");
        fixture_put_run(f, "jobs/8/stack", "maps/3");
        assert_ok(overlay_mount(&f->roots, "build-8", &error), error);
        assert_content(f, "runtime/build-8/merged/a", "old");
        assert_ok(overlay_unmount(&f->roots, "build-8", &error), error);
}

static void test_stack_refused(Fixture *f, gconstpointer data) {
        static const struct {
                const char *stack;
                int err;
                const char *word;
        } cases[] = {
                { "maps/4\ngame/1\n", ENOENT, "layer maps/4 is missing" },
                { "gone/1\ngame/1\n", ENOENT, "layer gone/1 is missing" },
                { "maps/3\nmaps/3\n", EINVAL, "twice" },
                { "maps/3\n", ENOEXEC, "no srcds_run" },
                { "plain/1\n", ENOEXEC, "not an executable" },
                { "../../etc/1\n", EINVAL, "line 1" },
                { "game/1\n\nmaps/3\n", EINVAL, "line 2" },
                { "", EINVAL, "is empty" },
        };
        g_autoptr(GError) error = NULL;

        server_make(f);
        make_layer(f, "plain", 1, "f srcds_run text\n");
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                fixture_put(f, "instances/one/stack", cases[i].stack);
                assert_failed(
                        overlay_mount(&f->roots, "server-one", &error), cases[i].err, &error, cases[i].word);
                g_assert_false(merged_is_mounted(f, "server-one"));
        }
        assert_failed(overlay_mount(&f->roots, "server-../one", &error), EINVAL, &error, "server-NAME");
        assert_failed(overlay_unmount(&f->roots, "one", &error), EINVAL, &error, "server-NAME");
        assert_failed(
                overlay_mount(&f->roots, "server-two", &error), ENOENT, &error, "two/stack is missing");
}

/* What an earlier, crashed life left mounted goes first. */
static void test_stale(Fixture *f, gconstpointer data) {
        g_autofree char *cfg = fixture_path(f, MERGED "left4dead2/cfg"),
                        *renamed = fixture_path(f, MERGED "left4dead2/hidden");
        g_autofree char *merged = fixture_path(f, "runtime/server-one/merged");
        g_autoptr(GError) error = NULL;

        server_make(f);
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        fixture_put(f, "instances/one/stack", "game/1\n");
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        assert_content(f, MERGED "left4dead2/maps/c1.bsp", "one");

        /* The server moved the directory in which we mounted (one that no layer has), and something is
         * mounted over it all. */
        make_layer(f, "bare", 1, "x srcds_run #!\n");
        fixture_put(f, "instances/one/stack", "bare/1\n");
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        g_assert_no_errno(rename(cfg, renamed));
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        g_assert_no_errno(mount("none", merged, "tmpfs", 0, NULL));
        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        g_assert_false(merged_is_mounted(f, "server-one"));
}

typedef enum Hold {
        HOLD_FILE,
        HOLD_DIRECTORY,
        HOLD_NAMESPACE
} Hold;

/* Runs a child that holds path in one of these ways until the returned descriptor is closed. */
static int hold(const char *path, Hold how, pid_t *ret) {
        int ready[2], go[2];
        char byte;

        g_assert_no_errno(pipe2(ready, O_CLOEXEC));
        g_assert_no_errno(pipe2(go, O_CLOEXEC));
        *ret = fork();
        if (*ret == 0) {
                (void) close(go[1]);
                if (how == HOLD_FILE            ? open(path, O_RDONLY | O_CLOEXEC) < 0
                        : how == HOLD_DIRECTORY ? chdir(path) < 0
                                                : unshare(CLONE_NEWNS) < 0)
                        _exit(1);
                (void) !write(ready[1], "r", 1);
                (void) !read(go[0], &byte, 1);
                _exit(0);
        }
        (void) close(ready[1]);
        (void) close(go[0]);
        g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
        (void) close(ready[0]);
        return go[1];
}

static void let_go(int fd, pid_t pid) {
        (void) close(fd);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void test_busy(Fixture *f, gconstpointer data) {
        g_autofree char *file = fixture_path(f, MERGED "left4dead2/maps/c1.bsp"),
                        *dir = fixture_path(f, MERGED "left4dead2");
        g_autoptr(GError) error = NULL;

        server_make(f);
        for (Hold how = HOLD_FILE; how <= HOLD_DIRECTORY; how++) {
                g_autofree char *who = NULL;
                pid_t pid;
                int fd;

                assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
                fd = hold(how == HOLD_DIRECTORY ? dir : file, how, &pid);
                who = g_strdup_printf("process %d (", pid);
                assert_failed(overlay_unmount(&f->roots, "server-one", &error), EBUSY, &error, "in use by",
                        who, how == HOLD_DIRECTORY ? "current directory" : "open file");
                assert_failed(overlay_mount(&f->roots, "server-one", &error), EBUSY, &error, who);
                g_assert_true(merged_is_mounted(f, "server-one"));
                let_go(fd, pid);
                assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
                g_assert_false(merged_is_mounted(f, "server-one"));
        }
}

/* The mount here is gone, but a process in another mount namespace keeps its overlay: no second one with
 * the same upper layer. */
static void test_held(Fixture *f, gconstpointer data) {
        g_autofree char *mark = fixture_path(f, "runtime/server-one/" HELD_NAME), *who = NULL;
        g_autoptr(GError) error = NULL;
        pid_t pid;
        int fd;

        server_make(f);
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        g_assert_no_errno(access(mark, F_OK));
        fd = hold(NULL, HOLD_NAMESPACE, &pid);
        who = g_strdup_printf("process %d (", pid);
        assert_failed(overlay_unmount(&f->roots, "server-one", &error), EBUSY, &error, "uppers/one", who,
                "mount namespace");
        g_assert_false(merged_is_mounted(f, "server-one"));
        assert_failed(overlay_mount(&f->roots, "server-one", &error), EBUSY, &error, who);
        assert_failed(overlay_unmount(&f->roots, "server-one", &error), EBUSY, &error, who);
        g_assert_no_errno(access(mark, F_OK));
        let_go(fd, pid);

        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        g_assert_cmpint(access(mark, F_OK), ==, -1);

        /* The mark of a host that went down with the server running. */
        fixture_put(f, "runtime/server-one/" HELD_NAME, "");
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        {
                g_autofree char *index = fixture_path(f, "uppers/one/work/index");
                g_autofree char *probe = fixture_path(f, "uppers/one/probe");

                g_assert_cmpint(access(index, F_OK), ==, -1);
                g_assert_cmpint(access(probe, F_OK), ==, -1);
        }
}

/* With no more than its unit has: the user left4me, CAP_SYS_ADMIN and CAP_DAC_OVERRIDE; the manager is
 * another user. */
static int mount_with_rights(const Fixture *f, bool unmount) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct caps[2] = { 0 };
        g_autoptr(GError) error = NULL;
        int status;
        pid_t pid;

        pid = fork();
        if (pid != 0) {
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_true(WIFEXITED(status));
                return WEXITSTATUS(status);
        }

        caps[0].effective = caps[0].permitted = 1U << CAP_SYS_ADMIN | 1U << CAP_DAC_OVERRIDE;
        if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 ||
                setresgid(LEFT4ME, LEFT4ME, LEFT4ME) < 0 || setresuid(LEFT4ME, LEFT4ME, LEFT4ME) < 0 ||
                syscall(SYS_capset, &header, caps) < 0)
                _exit(100);
        if ((unmount ? overlay_unmount(&f->roots, "server-one", &error)
                     : overlay_mount(&f->roots, "server-one", &error)) >= 0)
                _exit(0);
        g_printerr("%s\n", error->message);
        _exit(1);
}

static void test_rights(Fixture *f, gconstpointer data) {
        g_autofree char *command = g_strdup_printf(
                "chown -R %d:%d %s/overlays %s/uppers %s/runtime %s/builds", LEFT4ME, LEFT4ME, f->state,
                f->state, f->state, f->state);
        g_autofree char *manager = g_strdup_printf(
                "chown -R %d:%d %s/instances", MANAGER, LEFT4ME, f->state);
        g_autofree char *private = g_strdup_printf("chmod -R o= %s/instances", f->state);
        g_autofree char *written = fixture_path(f, "uppers/one/upper/written");

        server_make(f);
        g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
        g_assert_true(g_spawn_command_line_sync(manager, NULL, NULL, NULL, NULL));
        g_assert_true(g_spawn_command_line_sync(private, NULL, NULL, NULL, NULL));
        g_assert_no_errno(chmod(f->dir, 0755));
        g_assert_cmpint(mount_with_rights(f, false), ==, 0);
        assert_content(f, MERGED "left4dead2/cfg/server.cfg", "generated");
        fixture_put(f, MERGED "written", "x");
        g_assert_no_errno(access(written, F_OK));
        g_assert_cmpint(mount_with_rights(f, true), ==, 0);
        g_assert_false(merged_is_mounted(f, "server-one"));
}

static void test_500_layers(Fixture *f, gconstpointer data) {
        g_autoptr(GString) stack = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        int64_t start, mounted, unmounted;

        server_make(f);
        for (unsigned i = 1; i < STACK_LAYERS_MAX; i++) {
                g_autofree char *tree = g_strdup_printf(
                        "f left4dead2/maps/m%u.bsp %u\nf shared %u\n", i, i, i);
                g_autofree char *name = g_strdup_printf(
                        "an-overlay-with-a-name-as-long-as-it-may-be-and-not-any-longer-%u", i % 10);

                make_layer(f, name, i, tree);
                g_string_append_printf(stack, "%s/%u\n", name, i);
        }
        g_string_append(stack, "game/1\n");
        fixture_put(f, "instances/one/stack", stack->str);

        start = g_get_monotonic_time();
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        mounted = g_get_monotonic_time();
        assert_content(f, MERGED "shared", "1");
        assert_content(f, MERGED "left4dead2/maps/m499.bsp", "499");
        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        unmounted = g_get_monotonic_time();
        g_test_message("500 layers: mounted in %.1f ms, unmounted in %.1f ms",
                (double) (mounted - start) / 1000, (double) (unmounted - mounted) / 1000);

        g_string_append(stack, "maps/3\n");
        fixture_put(f, "instances/one/stack", stack->str);
        assert_failed(overlay_mount(&f->roots, "server-one", &error), E2BIG, &error, "more than 500 layers");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/overlay/server", test_server);
        FIXTURE_ADD("/overlay/build", test_build);
        FIXTURE_ADD("/overlay/build-in-parts", test_build_in_parts);
        FIXTURE_ADD("/overlay/stack-refused", test_stack_refused);
        FIXTURE_ADD("/overlay/stale", test_stale);
        FIXTURE_ADD("/overlay/busy", test_busy);
        FIXTURE_ADD("/overlay/held", test_held);
        FIXTURE_ADD("/overlay/rights", test_rights);
        FIXTURE_ADD("/overlay/500-layers", test_500_layers);
        return g_test_run();
}
