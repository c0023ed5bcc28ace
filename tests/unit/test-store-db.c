/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What befalls the file: opened twice, missing, no database, damaged, on a full disk, left by a killed process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config-rules.h"
#include "service/store.h"
#include "store-dump.h"
#include "temporary.h"

static void assert_refused(const char *path, int want) {
        Store *s = NULL;
        int r = store_open(path, &s);

        if (r != want)
                g_error("opening %s gives %d, not %d", path, r, want);
        g_assert_null(s);
}

static void test_twice(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *seen = NULL;
        g_autoptr(Store) first = store_open_example(path), second = store_open_good(path);
        g_autoptr(InstanceConfig) one = store_example(27015, 'a', 2), two = store_example(27016, 'b', 2);

        g_assert_cmpint(store_add_instance(first, "versus-1", 7, one), ==, 0);
        g_assert_cmpint(store_add_instance(second, "versus-2", 7, two), ==, 0);
        g_assert_cmpint(store_add_instance(second, "versus-1", 7, two), ==, -EEXIST);
        seen = store_dump(second);
        store_assert(first, seen);
}

static void test_paths(Temporary *t, gconstpointer data) {
        g_autofree char *missing = temporary_path(t, "none/left4me.db"), *dir = temporary_path(t, "dir");
        g_autofree char *link = temporary_path(t, "link.db"), *path = temporary_path(t, "left4me.db");

        assert_refused(missing, -EACCES);
        g_assert_no_errno(mkdirat(t->fd, "dir", 0755));
        assert_refused(dir, -EACCES);

        store_free(store_open_example(path));
        g_assert_no_errno(symlinkat("left4me.db", t->fd, "link.db"));
        assert_refused(link, -EACCES);
        temporary_assert_names(t, "dir left4me.db link.db");
}

/* Once refused, byte for byte as before, and nothing beside it: somebody may yet save what is in it. */
static void assert_untouched(const Temporary *t, const char *content, gsize size) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *after = NULL;
        gsize after_size;

        g_assert_true(g_file_set_contents(path, content, (gssize) size, NULL));
        assert_refused(path, -EUCLEAN);
        g_assert_true(g_file_get_contents(path, &after, &after_size, NULL));
        g_assert_cmpmem(after, after_size, content, size);
        temporary_assert_names(t, "left4me.db");
}

static void test_no_database(Temporary *t, gconstpointer data) {
        g_autofree char *text = g_strnfill(5000, 'x'), *zeros = g_malloc0(8192);

        assert_untouched(t, text, 5000);
        assert_untouched(t, text, 3);
        assert_untouched(t, zeros, 8192);
        assert_untouched(t, "SQLite format 2", 16);
}

static void test_damaged(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *good = NULL, *bad = NULL;
        gsize size;

        store_free(store_open_example(path));
        g_assert_true(g_file_get_contents(path, &good, &size, NULL));

        /* Its first page, where the schema stands, behind the header. */
        bad = g_memdup2(good, size);
        memset(bad + 100, 0xa5, 3996);
        assert_untouched(t, bad, size);

        /* The header's page size. */
        memcpy(bad, good, size);
        bad[16] = 0x12;
        assert_untouched(t, bad, size);

        /* Only the first page is left. */
        assert_untouched(t, good, 4096);
}

/* Where only a table is damaged, that is noticed when it is read. */
static void test_damaged_later(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *content = NULL;
        g_autoptr(Store) s = store_open_example(path);
        g_autoptr(InstanceConfig) c = store_example(27015, 'a', 50);
        gsize size;
        int r;

        g_assert_cmpint(store_add_instance(s, "versus-1", 7, c), ==, 0);
        g_clear_pointer(&s, store_free);
        g_assert_true(g_file_get_contents(path, &content, &size, NULL));
        memset(content + 4096, 0xa5, size - 4096);
        g_assert_true(g_file_set_contents(path, content, (gssize) size, NULL));

        r = store_open(path, &s);
        if (r >= 0)
                r = store_add_overlay(s, "more", "import");
        g_assert_cmpint(r, ==, -EUCLEAN);
}

/* Leaves so many free pages on the small disk; all if it is negative. */
static void leave_free(const Temporary *t, const char *disk, int pages) {
        g_autofree char *filler = g_build_filename(disk, "filler", NULL);
        static const char page[4096] = { 1 };
        int fd;

        fd = open(filler, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        g_assert_no_errno(fd);
        if (pages >= 0) {
                off_t size = 0;

                while (write(fd, page, sizeof(page)) == (ssize_t) sizeof(page))
                        size += (off_t) sizeof(page);
                g_assert_no_errno(ftruncate(fd, MAX(size - pages * (off_t) sizeof(page), 0)));
        }
        g_assert_no_errno(close(fd));
}

static void test_full(Temporary *t, gconstpointer data) {
        g_autofree char *disk = temporary_path(t, "small"),
                        *path = g_build_filename(disk, "left4me.db", NULL);
        g_autoptr(InstanceConfig) a = store_example(27015, 'a', 60), b = store_example(27016, 'b', 60);
        const StoredJob j = {
                .kind = "import", .subject = "", .argument = "", .state = "queued", .message = ""
        };
        g_autofree char *before = NULL;
        g_autoptr(Store) s = NULL;
        unsigned refused = 0;
        uint32_t number;
        int r;

        if (!temporary_mount_small(t, 1024 * 1024))
                return;

        s = store_open_example(path);
        g_assert_cmpint(store_add_instance(s, "versus-1", 7, a), ==, 0);
        before = store_dump(s);

        for (int pages = 0; (leave_free(t, disk, pages), r = store_set_instance(s, "versus-1", b)) < 0;
                pages++) {
                g_assert_cmpint(r, ==, -ENOSPC);
                store_assert(s, before);
                refused++;
                if (pages > 0)
                        continue;

                g_assert_cmpint(store_add_overlay(s, "more", "import"), ==, -ENOSPC);
                g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, -ENOSPC);
                g_assert_cmpint(store_add_job(s, &j, &number), ==, -ENOSPC);
                store_assert(s, before);
        }
        g_assert_cmpuint(refused, >, 3);

        /* And with room again all is well, also for who opens it anew. */
        leave_free(t, disk, -1);
        g_assert_cmpint(store_set_instance(s, "versus-1", a), ==, 0);
        store_free(g_steal_pointer(&s));
        s = store_open_good(path);
        store_assert(s, before);
        g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, 0);
        g_assert_cmpuint(number, ==, 1);
        g_clear_pointer(&s, store_free);
        temporary_unmount_small(t);
}

/* A database that is made, or opened, on a full disk: refused with the reason, until there is room. */
static void test_full_open(Temporary *t, gconstpointer data) {
        g_autofree char *disk = temporary_path(t, "small"),
                        *path = g_build_filename(disk, "left4me.db", NULL);
        Store *s = NULL;
        int r;

        if (!temporary_mount_small(t, 512 * 1024))
                return;

        for (int pages = 0; (leave_free(t, disk, pages), r = store_open(path, &s)) < 0; pages++) {
                if (r != -ENOSPC)
                        g_error("with %d free pages it is refused with %d", pages, r);
                g_assert_null(s);
        }
        g_assert_cmpint(store_add_overlay(s, "l4d2", "import"), <=, 0);
        store_free(s);
        temporary_unmount_small(t);
}

/* Lets the child run until it has entered or left so many system calls, then kills it. false: it had ended before. */
static bool kill_at(pid_t pid, unsigned stops) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSTOPPED(status));
        for (unsigned i = 0; i < stops; i++) {
                g_assert_no_errno(ptrace(PTRACE_SYSCALL, pid, NULL, NULL));
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                if (WIFEXITED(status)) {
                        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
                        return false;
                }
                g_assert_true(WIFSTOPPED(status));
        }

        g_assert_no_errno(kill(pid, SIGKILL));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        return true;
}

static pid_t set_in_child(const char *path, const InstanceConfig *c) {
        pid_t pid = fork();
        Store *s;
        int r;

        g_assert_no_errno(pid);
        if (pid > 0)
                return pid;

        r = store_open(path, &s);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
                _exit(2);
        if (r >= 0)
                r = store_set_instance(s, "versus-1", c);

        /* The store is not closed: closing would hide what was not yet on the disk. */
        _exit(r < 0);
}

/* Killed at each system call of a transaction in turn: the old state or the new one, and nothing hinders the next. */
static void test_killed(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *old = NULL, *new = NULL;
        g_autoptr(InstanceConfig) a = store_example(27015, 'a', 60), b = store_example(27016, 'b', 60);
        unsigned stops, n_old = 0;
        Store *s;

        s = store_open_example(path);
        g_assert_cmpint(store_add_instance(s, "versus-1", 7, b), ==, 0);
        new = store_dump(s);
        g_assert_cmpint(store_set_instance(s, "versus-1", a), ==, 0);
        old = store_dump(s);
        store_free(s);

        for (stops = 0; kill_at(set_in_child(path, b), stops); stops++) {
                g_autofree char *now = NULL;

                s = store_open_good(path);
                now = store_dump(s);
                if (g_str_equal(now, old))
                        n_old++;
                else {
                        g_assert_cmpstr(now, ==, new);
                        g_assert_cmpint(store_set_instance(s, "versus-1", a), ==, 0);
                }
                store_free(s);
        }

        g_test_message("old after %u of %u stops", n_old, stops);
        g_assert_cmpuint(n_old, >, 10);
        s = store_open_good(path);
        store_assert(s, new);
        store_free(s);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        TEMPORARY_ADD("/store-db/twice", test_twice);
        TEMPORARY_ADD("/store-db/paths", test_paths);
        TEMPORARY_ADD("/store-db/no-database", test_no_database);
        TEMPORARY_ADD("/store-db/damaged", test_damaged);
        TEMPORARY_ADD("/store-db/damaged/later", test_damaged_later);
        TEMPORARY_ADD("/store-db/full", test_full);
        TEMPORARY_ADD("/store-db/full/open", test_full_open);
        TEMPORARY_ADD("/store-db/killed", test_killed);
        return g_test_run();
}
