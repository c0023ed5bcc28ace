/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/util.h"
#include "temporary.h"

static void test_name(void) {
        static const struct {
                const char *name;
                bool valid;
        } cases[] = {
                { "a", true },
                { "0", true },
                { "versus-1", true },
                { "l4d2_base", true },
                { "a-", true },
                { "a_", true },
                { "9lives", true },
                { "", false },
                { "-a", false },
                { "_a", false },
                { "A", false },
                { "aB", false },
                { "a b", false },
                { " a", false },
                { "a ", false },
                { "a\n", false },
                { "\na", false },
                { "a\ta", false },
                { ".", false },
                { "..", false },
                { ".a", false },
                { "a.b", false },
                { "a/b", false },
                { "/", false },
                { "a\\x2d", false },
                { "a@b", false },
                { "a%i", false },
                { "a,b", false },
                { "a:b", false },
                { "a'b", false },
                { "\303\244", false },
                { "a\303\244", false },
                { "a\377", false },
                { "a\177", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                if (name_is_valid(cases[i].name) != cases[i].valid)
                        g_error("'%s' should be %s", cases[i].name, cases[i].valid ? "valid" : "refused");
}

static void test_name_length(void) {
        for (size_t n = 0; n <= 300; n++) {
                g_autofree char *name = g_strnfill(n, 'a');

                g_assert_cmpint(name_is_valid(name), ==, n >= 1 && n <= 64);
        }
}

static void test_name_every_byte(void) {
        for (unsigned c = 1; c < 256; c++) {
                const char first[] = { (char) c, 'a', '\0' }, later[] = { 'a', (char) c, '\0' };
                bool alnum = g_ascii_islower((char) c) || g_ascii_isdigit((char) c);

                g_assert_cmpint(name_is_valid(first), ==, alnum);
                g_assert_cmpint(name_is_valid(later), ==, alnum || c == '-' || c == '_');
        }
}

static void test_plain(void) {
        for (unsigned c = 1; c < 256; c++) {
                const char text[] = { 'a', (char) c, '\0' };

                g_assert_cmpint(text_is_plain(text, 2), ==, c >= 0x20 && c <= 0x7e);
        }

        g_assert_true(text_is_plain("", 0));
        g_assert_false(text_is_plain("a", 0));
        g_assert_true(text_is_plain("abc", 3));
        g_assert_false(text_is_plain("abcd", 3));
        g_assert_false(text_is_plain("abc\n", 3));
}

static void test_now(void) {
        uint64_t before = (uint64_t) g_get_real_time(), now = now_usec(),
                 after = (uint64_t) g_get_real_time();

        g_assert_cmpuint(now, >=, before);
        g_assert_cmpuint(now, <=, after);
}

static void test_write(Temporary *t, gconstpointer data) {
        g_autofree char *content = NULL;
        struct stat st;

        g_assert_cmpint(file_write(t->fd, "stack", "one\n", 4, 0640), ==, 0);
        g_assert_cmpint(file_write(t->fd, "stack", "two", 3, 0604), ==, 0);
        content = temporary_get(t, "stack");
        g_assert_cmpstr(content, ==, "two");

        /* The mode is as given, whatever the umask. */
        g_assert_no_errno(fstatat(t->fd, "stack", &st, AT_SYMLINK_NOFOLLOW));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0604);

        g_assert_cmpint(file_write(t->fd, "stack", NULL, 0, 0640), ==, 0);
        g_assert_no_errno(fstatat(t->fd, "stack", &st, AT_SYMLINK_NOFOLLOW));
        g_assert_cmpint(st.st_size, ==, 0);
        temporary_assert_names(t, "stack");
}

static void test_write_group(Temporary *t, gconstpointer data) {
        struct stat st;

        if (geteuid() != 0) {
                g_test_skip("only root gives files to any group");
                return;
        }

        g_assert_no_errno(fchown(t->fd, (uid_t) -1, 12345));
        g_assert_no_errno(fchmod(t->fd, 02750));
        g_assert_cmpint(file_write(t->fd, "stack", "x", 1, 0640), ==, 0);
        g_assert_no_errno(fstatat(t->fd, "stack", &st, AT_SYMLINK_NOFOLLOW));
        g_assert_cmpuint(st.st_gid, ==, 12345);
        g_assert_cmpuint(st.st_uid, ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
}

/* What a crash left, or what somebody put in place of one of the names, is never written through. */
static void test_write_in_the_way(Temporary *t, gconstpointer data) {
        g_autofree char *victim = NULL, *content = NULL, *late = NULL;

        temporary_put(t, "victim", "safe");
        temporary_put(t, ".stack.new", "half of the o");
        g_assert_cmpint(file_write(t->fd, "stack", "new", 3, 0640), ==, 0);
        temporary_assert_names(t, "stack victim");

        g_assert_no_errno(symlinkat("victim", t->fd, ".stack.new"));
        g_assert_no_errno(unlinkat(t->fd, "stack", 0));
        g_assert_no_errno(symlinkat("victim", t->fd, "stack"));
        g_assert_cmpint(file_write(t->fd, "stack", "newer", 5, 0640), ==, 0);

        victim = temporary_get(t, "victim");
        content = temporary_get(t, "stack");
        g_assert_cmpstr(victim, ==, "safe");
        g_assert_cmpstr(content, ==, "newer");

        /* A second name of the old file keeps the old content. */
        g_assert_no_errno(linkat(t->fd, "stack", t->fd, "late", 0));
        g_assert_cmpint(file_write(t->fd, "stack", "newest", 6, 0640), ==, 0);
        late = temporary_get(t, "late");
        g_assert_cmpstr(late, ==, "newer");
        temporary_assert_names(t, "late stack victim");
}

static void test_write_refused(Temporary *t, gconstpointer data) {
        g_assert_no_errno(mkdirat(t->fd, "stack", 0755));
        g_assert_cmpint(file_write(t->fd, "stack", "x", 1, 0640), ==, -EISDIR);
        temporary_assert_names(t, "stack");

        g_assert_no_errno(mkdirat(t->fd, ".argv.new", 0755));
        g_assert_cmpint(file_write(t->fd, "argv", "x", 1, 0640), ==, -EEXIST);
        temporary_assert_names(t, ".argv.new stack");
}

/* A full disk: the old content stays, and no temporary file. */
static void test_write_full(Temporary *t, gconstpointer data) {
        g_autofree char *big = g_strnfill(1024 * 1024, 'x'), *content = NULL;
        Temporary small = { .path = temporary_path(t, "small") };

        if (temporary_mount_small(t, 64 * 1024)) {
                small.fd = open(small.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                g_assert_no_errno(small.fd);
                g_assert_cmpint(file_write(small.fd, "stack", "old", 3, 0640), ==, 0);
                g_assert_cmpint(file_write(small.fd, "stack", big, strlen(big), 0640), ==, -ENOSPC);
                content = temporary_get(&small, "stack");
                g_assert_cmpstr(content, ==, "old");
                temporary_assert_names(&small, "stack");
                g_assert_no_errno(close(small.fd));
                temporary_unmount_small(t);
        }

        g_free(small.path);
}

#define ATOMIC_SIZE (256U * 1024U)

/* Writes files of one letter each until it is killed. */
static void G_GNUC_NORETURN write_forever(int dirfd) {
        g_autofree char *data = g_malloc(ATOMIC_SIZE);

        for (unsigned i = 0;; i++) {
                memset(data, 'a' + (int) (i % 26), ATOMIC_SIZE);
                if (file_write(dirfd, "stack", data, ATOMIC_SIZE, 0640) < 0)
                        _exit(1);
        }
}

static void test_write_atomic(Temporary *t, gconstpointer data) {
        g_autofree char *first = g_strnfill(ATOMIC_SIZE, 'a');
        unsigned changes = 0;
        char last = 'a';
        int status;
        pid_t pid;

        g_assert_cmpint(file_write(t->fd, "stack", first, ATOMIC_SIZE, 0640), ==, 0);
        pid = fork();
        g_assert_no_errno(pid);
        if (pid == 0)
                write_forever(t->fd);

        while (changes < 30) {
                g_autofree char *content = NULL;
                char letters[2] = { 0 };

                g_assert_cmpint(file_read(t->fd, "stack", ATOMIC_SIZE, &content), ==, 0);
                letters[0] = content[0];
                g_assert_cmpuint(strspn(content, letters), ==, ATOMIC_SIZE);
                changes += content[0] != last;
                last = content[0];
                g_assert_cmpint(waitpid(pid, &status, WNOHANG), ==, 0);
        }

        g_assert_no_errno(kill(pid, SIGKILL));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);

        /* And whatever the kill left does not hinder the next. */
        g_assert_cmpint(file_write(t->fd, "stack", "x", 1, 0640), ==, 0);
        temporary_assert_names(t, "stack");
}

static void test_read(Temporary *t, gconstpointer data) {
        static const struct {
                const char *name;
                size_t max;
                int r;
        } cases[] = {
                { "file", 5, 0 },
                { "file", 6, 0 },
                { "file", 100000, 0 },
                { "file", 4, -EFBIG },
                { "file", 0, -EFBIG },
                { "empty", 0, 0 },
                { "none", 5, -ENOENT },
                { "link", 5, -ELOOP },
                { "dangling", 5, -ELOOP },
                { "dir", 5, -EISDIR },
        };

        temporary_put(t, "file", "12345");
        temporary_put(t, "empty", "");
        g_assert_no_errno(symlinkat("file", t->fd, "link"));
        g_assert_no_errno(symlinkat("nowhere", t->fd, "dangling"));
        g_assert_no_errno(mkdirat(t->fd, "dir", 0755));

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *content = NULL;
                int r = file_read(t->fd, cases[i].name, cases[i].max, &content);

                if (r != cases[i].r)
                        g_error("%s up to %zu: %d, not %d", cases[i].name, cases[i].max, r, cases[i].r);
                g_assert_cmpstr(content, ==,
                        r < 0                                ? NULL
                        : g_str_equal(cases[i].name, "file") ? "12345"
                                                             : "");
        }
}

/* Nobody writes to it: reading it must not wait. */
static void test_read_fifo(Temporary *t, gconstpointer data) {
        g_autofree char *content = NULL;

        g_assert_no_errno(mkfifoat(t->fd, "fifo", 0600));
        if (file_read(t->fd, "fifo", 10, &content) >= 0)
                g_assert_cmpstr(content, ==, "");
}

static void test_directory_make(Temporary *t, gconstpointer data) {
        struct stat st;
        int fd;

        fd = directory_make(t->fd, "dir", 0750);
        g_assert_cmpint(fd, >=, 0);
        g_assert_no_errno(fstat(fd, &st));
        g_assert_true(S_ISDIR(st.st_mode));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0750);
        g_assert_cmpint(file_write(fd, "x", "x", 1, 0640), ==, 0);
        g_assert_no_errno(close(fd));

        fd = directory_make(t->fd, "dir", 0700);
        g_assert_cmpint(fd, >=, 0);
        g_assert_no_errno(faccessat(fd, "x", R_OK, 0));
        g_assert_no_errno(close(fd));

        g_assert_no_errno(symlinkat("dir", t->fd, "link"));
        temporary_put(t, "file", "");
        g_assert_cmpint(directory_make(t->fd, "link", 0750), <, 0);
        g_assert_cmpint(directory_make(t->fd, "file", 0750), ==, -ENOTDIR);
        g_assert_cmpint(directory_make(t->fd, "none/dir", 0750), ==, -ENOENT);
}

static void test_directory_remove(Temporary *t, gconstpointer data) {
        g_assert_cmpint(directory_remove(t->fd, "none"), ==, 0);

        temporary_put(t, "outside", "safe");
        temporary_put(t, "dir/.hidden", "");
        g_assert_no_errno(mkdirat(t->fd, "kept", 0755));
        g_assert_no_errno(symlinkat("../outside", t->fd, "dir/link"));
        g_assert_no_errno(symlinkat("../kept", t->fd, "dir/dirlink"));
        g_assert_no_errno(mkfifoat(t->fd, "dir/fifo", 0600));
        for (unsigned i = 0; i < 300; i++) {
                g_autofree char *name = g_strdup_printf("dir/%u", i);

                temporary_put(t, name, "");
        }
        g_assert_cmpint(directory_remove(t->fd, "dir"), ==, 0);
        temporary_assert_names(t, "kept outside");

        /* It is for flat directories: what lies deeper is never gone into. */
        temporary_put(t, "deep/sub/file", "safe");
        g_assert_cmpint(directory_remove(t->fd, "deep"), <, 0);
        g_assert_no_errno(faccessat(t->fd, "deep/sub/file", R_OK, 0));

        temporary_put(t, "real/file", "safe");
        g_assert_no_errno(symlinkat("real", t->fd, "link"));
        g_assert_cmpint(directory_remove(t->fd, "link"), <, 0);
        g_assert_cmpint(directory_remove(t->fd, "outside"), <, 0);
        temporary_assert_names(t, "deep kept link outside real");
        g_assert_no_errno(faccessat(t->fd, "real/file", R_OK, 0));
}

static void test_directory_list(Temporary *t, gconstpointer data) {
        static const char *const made[] = { "d/b", "d/a", "d/10", "d/9", "d/.hidden", "d/Z" };
        static const char *const want[] = { "10", "9", "Z", "a", "b", NULL };
        g_auto(GStrv) names = NULL, none = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
                temporary_put(t, made[i], "");

        g_assert_cmpint(directory_list(t->fd, "d", 5, &names), ==, 0);
        g_assert_true(g_strv_equal((const char *const *) names, want));
        g_assert_cmpint(directory_list(t->fd, "d", 4, &none), ==, -E2BIG);
        g_assert_cmpint(directory_list(t->fd, "none", 4, &none), ==, -ENOENT);
        g_assert_cmpint(directory_list(t->fd, "d/a", 4, &none), ==, -ENOTDIR);
        g_assert_no_errno(symlinkat("d", t->fd, "link"));
        g_assert_cmpint(directory_list(t->fd, "link", 9, &none), <, 0);
        g_assert_null(none);
}

static void test_directory_list_empty(Temporary *t, gconstpointer data) {
        g_auto(GStrv) names = NULL, absolute = NULL;

        g_assert_no_errno(mkdirat(t->fd, "empty", 0755));
        g_assert_cmpint(directory_list(t->fd, "empty", 0, &names), ==, 0);
        g_assert_cmpuint(g_strv_length(names), ==, 0);

        g_assert_cmpint(directory_list(-1, t->path, 1, &absolute), ==, 0);
        g_assert_cmpuint(g_strv_length(absolute), ==, 1);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/util/name", test_name);
        g_test_add_func("/util/name/length", test_name_length);
        g_test_add_func("/util/name/every-byte", test_name_every_byte);
        g_test_add_func("/util/plain", test_plain);
        g_test_add_func("/util/now", test_now);
        TEMPORARY_ADD("/util/write", test_write);
        TEMPORARY_ADD("/util/write/group", test_write_group);
        TEMPORARY_ADD("/util/write/in-the-way", test_write_in_the_way);
        TEMPORARY_ADD("/util/write/refused", test_write_refused);
        TEMPORARY_ADD("/util/write/full", test_write_full);
        TEMPORARY_ADD("/util/write/atomic", test_write_atomic);
        TEMPORARY_ADD("/util/read", test_read);
        TEMPORARY_ADD("/util/read/fifo", test_read_fifo);
        TEMPORARY_ADD("/util/directory/make", test_directory_make);
        TEMPORARY_ADD("/util/directory/remove", test_directory_remove);
        TEMPORARY_ADD("/util/directory/list", test_directory_list);
        TEMPORARY_ADD("/util/directory/list/empty", test_directory_list_empty);
        return g_test_run();
}
