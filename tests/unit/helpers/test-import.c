/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives of all kinds, whole, cut off or not archives at all. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archives.h"
#include "beneath.h"
#include "common/io.h"
#include "fixture.h"
#include "import.h"

static void check(const Fixture *f, const char *tree) {
        g_autofree char *path = fixture_path(f, "tree");

        tree_assert(path, tree);
}

static void clear(const Fixture *f) {
        g_autofree char *path = fixture_path(f, "tree");

        tree_remove(path);
}

static void test_formats(Fixture *f, gconstpointer data) {
        static const struct {
                int format, filter;
        } kinds[] = {
                { ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE },
                { ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FILTER_NONE },
                { ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_GZIP },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_XZ },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_ZSTD },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_BZIP2 },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_LZ4 },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_LZMA },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_COMPRESS },
                { ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE },
                { ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE },
        };
        g_autofree char *one = fixture_path(f, "tree/left4dead2/maps/one.bsp");
        struct stat st;

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autoptr(GBytes) bytes = archive_make(kinds[i].format, kinds[i].filter, good_entries);

                for (size_t piece = 1; piece <= 4096; piece *= 64) {
                        g_autoptr(GError) error = NULL;

                        assert_ok(import_pieces(f, bytes, piece, "", 0, NULL, &error), error);
                        check(f, GOOD_TREE);
                        g_assert_no_errno(stat(one, &st));
                        g_assert_cmpint(st.st_mtime, ==, 1000000000);
                        g_assert_cmpuint(st.st_uid, ==, 0);
                        clear(f);
                        assert_ok(import_bytes(f, bytes, &error), error);
                        check(f, GOOD_TREE);
                        clear(f);
                }
        }
}

static void test_directory(Fixture *f, gconstpointer data) {
        static const Entry entries[] = { { 'f', "a", "one" }, { 'h', "b", "a" },
                { 'l', "up", "../../other" }, { 0 } };
        g_autoptr(GBytes) bytes = archive_make_tar(entries);
        g_autoptr(GError) error = NULL;

        assert_ok(import_pieces(f, bytes, 65536, "left4dead2/addons", 0, NULL, &error), error);
        check(f, "d left4dead2\nd left4dead2/addons\nf left4dead2/addons/a one\nf left4dead2/addons/b one\n"
                 "l left4dead2/addons/up ../../other\n");
}

/* On what the tree has already: files are replaced (not written into, they may be linked elsewhere), the
 * rest stays. */
static void test_over(Fixture *f, gconstpointer data) {
        static const Entry entries[] = { { 'f', "d/a", "new" }, { 'f', "link", "file" },
                { 'd', "was-file", NULL }, { 'f', "empty", "now a file" }, { 'f', "d/a", "newer" },
                { 'l', "was-file/l", "x" }, { 0 } };
        static const Entry blocked[] = { { 'f', "d", "file" }, { 0 } };
        static const Entry through[] = { { 'f', "out/evil", "x" }, { 0 } };
        g_autofree char *tree = fixture_path(f, "tree"), *outside = fixture_path(f, "outside");
        g_autoptr(GBytes) bytes = archive_make_tar(entries), blocked_bytes = archive_make_tar(blocked),
                          through_bytes = archive_make_tar(through);
        g_autoptr(GError) error = NULL;

        tree_make(outside, "f a precious\n");
        tree_make(tree,
                "f d/a old\nf d/b kept\nl link ../outside/a\nf was-file x\nd empty\nl out ../outside\nl in d\n");
        assert_ok(import_bytes(f, bytes, &error), error);
        check(f,
                "d d\nf d/a newer\nf d/b kept\nf link file\nd was-file\nl was-file/l x\nf empty now a file\n"
                "l out ../outside\nl in d\n");
        assert_failed(import_bytes(f, blocked_bytes, &error), ENOTEMPTY, &error, "d: a file in the archive");
        assert_failed(import_bytes(f, through_bytes, &error), ENOTDIR, &error, "out/evil", "through a link");
        tree_assert(outside, "f a precious");
}

static void test_truncated(Fixture *f, gconstpointer data) {
        static const struct {
                int format, filter;
        } kinds[] = {
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_NONE },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_GZIP },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_XZ },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_ZSTD },
                { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_BZIP2 },
                { ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE },
                { ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autoptr(GBytes) bytes = archive_make(kinds[i].format, kinds[i].filter, good_entries);
                size_t size = g_bytes_get_size(bytes);

                /* Its size was announced: whatever is missing is noticed. */
                for (size_t n = 1; n < size; n += MAX(size / 23, 1)) {
                        g_autoptr(GBytes) part = g_bytes_new_from_bytes(bytes, 0, n);
                        g_autoptr(GError) error = NULL;

                        g_assert_cmpint(import_pieces(f, part, 65536, "", size, NULL, &error), <, 0);
                        g_assert_true(
                                strstr(error->message, "ends early") || strstr(error->message, "damaged"));
                        clear(f);
                }
        }
}

/* The first half of a tar.gz whose one file does not compress well. */
static GBytes *make_large_half(void) {
        g_autofree char *content = g_malloc0(200001);
        const Entry entries[] = { { 'f', "large", content }, { 0 } };
        g_autoptr(GBytes) bytes = NULL;

        for (int i = 0; i < 200000; i++)
                content[i] = (char) g_test_rand_int_range(1, 256);
        bytes = archive_make(ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_GZIP, entries);
        return g_bytes_new_from_bytes(bytes, 0, g_bytes_get_size(bytes) / 2);
}

static void test_not_announced(Fixture *f, gconstpointer data) {
        static const Entry none[] = { { 0 } };
        g_autoptr(GBytes)
                bytes = archive_make(ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_GZIP, good_entries);
        g_autoptr(GBytes) half = g_bytes_new_from_bytes(bytes, 0, g_bytes_get_size(bytes) / 2), zip = NULL,
                          half_zip = NULL, large_half = NULL;
        g_autoptr(GBytes) empty = g_bytes_new("", 0),
                          text = g_bytes_new_static("hello, this is no archive", 25);
        g_autoptr(GBytes) empty_tar = archive_make_tar(none);
        g_autoptr(GError) error = NULL;

        assert_failed(
                import_pieces(f, half, 65536, "", 0, NULL, &error), EBADMSG, &error, "archive ends early");
        large_half = make_large_half();
        assert_failed(import_pieces(f, large_half, 65536, "", 0, NULL, &error), EPIPE, &error,
                "ends early, at large (");
        zip = archive_make(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, good_entries);
        half_zip = g_bytes_new_from_bytes(zip, 0, g_bytes_get_size(zip) / 2);
        assert_failed(
                import_pieces(f, half_zip, 65536, "", 0, NULL, &error), EPIPE, &error, "archive ends early");
        assert_failed(import_pieces(f, bytes, 65536, "", g_bytes_get_size(bytes) - 1, NULL, &error), EFBIG,
                &error, "announced");
        assert_failed(
                import_pieces(f, empty, 65536, "", 0, NULL, &error), ENODATA, &error, "the upload is empty");
        assert_failed(import_pieces(f, text, 65536, "", 0, NULL, &error), EBADMSG, &error,
                "not an archive left4me knows (tar, zip, 7z)");
        assert_failed(import_pieces(f, empty_tar, 65536, "", 0, NULL, &error), ENODATA, &error,
                "the archive is empty");
}

typedef struct Endless {
        GBytes *begin;
        const char *piece;
        int fd;
} Endless;

static gpointer upload_for_ever(gpointer data) {
        const Endless *e = data;

        if (write_all(e->fd, g_bytes_get_data(e->begin, NULL), g_bytes_get_size(e->begin)) >= 0)
                while (write_all(e->fd, e->piece, 65536) >= 0)
                        ;
        (void) close(e->fd);
        return NULL;
}

/* A stream that never ends is given up, whatever it is. */
static void test_endless(Fixture *f, gconstpointer data) {
        g_autoptr(GBytes) tar = archive_make_tar(good_entries), nothing = g_bytes_new("", 0);
        g_autofree char *zeros = g_malloc0(65536), *text = g_strnfill(65536, 'x');
        static const char *const says[] = { "goes on after the end of the archive",
                "not an archive left4me knows" };
        Endless streams[] = { { tar, zeros, -1 }, { nothing, text, -1 } };

        for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
                JobFile job = { .operation = OPERATION_IMPORT, .directory = (char *) (uintptr_t) "" };
                g_autofree char *path = fixture_path(f, "tree");
                g_autoptr(GError) error = NULL;
                _cleanup_fd_ int tree = -1;
                GThread *thread;
                int fds[2], r;

                tree_make(path, "");
                tree = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                g_assert_no_errno(pipe2(fds, O_CLOEXEC));
                streams[i].fd = fds[1];
                thread = g_thread_new("upload", upload_for_ever, &streams[i]);
                r = import(&job, fds[0], tree, NULL, &error);
                (void) close(fds[0]);
                g_thread_join(thread);
                assert_failed(r, i == 0 ? EFBIG : EBADMSG, &error, says[i]);
                clear(f);
        }
}

/* What is sent in good faith: the answer says what to do with it. */
static void test_not_for_us(Fixture *f, gconstpointer data) {
        g_autoptr(GBytes) rar = g_bytes_new_static("Rar!\032\007\001\000, and so on", 19),
                          vpk = g_bytes_new_static("4\022\252U\001\000\000\000\001\000\000\000\000", 13);
        g_autoptr(GError) error = NULL;

        assert_failed(import_bytes(f, rar, &error), EBADMSG, &error, "RAR", "make a zip, 7z or tar");
        assert_failed(import_bytes(f, vpk, &error), EBADMSG, &error, "VPK", "left4dead2/addons/NAME.vpk");
}

static void test_progress(Fixture *f, gconstpointer data) {
        g_autoptr(GBytes) tar = archive_make_tar(good_entries),
                          zip = archive_make(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, good_entries);
        g_autoptr(GError) error = NULL;
        char *text = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&text, &size);
        assert_ok(import_pieces(f, tar, 65536, "", g_bytes_get_size(tar), out, &error), error);
        (void) fclose(out);
        g_assert_true(g_regex_match_simple("^(@progress [0-9]+ [^\n]+\n)+$", text, 0, 0));
        free(text);

        out = open_memstream(&text, &size);
        assert_ok(import_pieces(f, tar, 65536, "", 0, out, &error), error);
        (void) fclose(out);
        g_assert_true(g_str_has_prefix(text, "@progress -1 left4dead2"));
        free(text);

        out = open_memstream(&text, &size);
        assert_ok(import_pieces(f, zip, 65536, "", g_bytes_get_size(zip), out, &error), error);
        (void) fclose(out);
        g_assert_true(g_regex_match_simple("^(@progress [0-9]+ [^\n]+\n)+$", text, 0, 0));
        free(text);
}

/* The program as the unit runs it: the job file, the pipe, the tree in the environment. */
static void test_program(Fixture *f, gconstpointer data) {
        g_autofree char *job = g_build_filename(f->dir, "run/jobs/7", NULL),
                        *fifo = g_build_filename(job, "upload", NULL);
        g_autofree char *tree = fixture_path(f, "tree");
        g_autoptr(GBytes) bytes = archive_make(ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE, good_entries);
        Upload u = { bytes, -1, 1000 };
        int status;
        pid_t pid;

        fixture_put_run(f, "jobs/7/job", "[Job]\nOperation=import\nDirectory=sub\n");
        g_assert_no_errno(mkfifo(fifo, 0640));
        tree_make(tree, "");
        for (int wrong = 0; wrong < 2; wrong++) {
                pid = fork();
                if (pid == 0) {
                        (void) setenv("OVERLAY", tree, 1);
                        (void) dup2(STDERR_FILENO, STDOUT_FILENO);
                        (void) execl(g_getenv("LEFT4ME_BUILD"), "left4me-build", job, NULL);
                        _exit(98);
                }
                u.fd = open(fifo, O_WRONLY | O_CLOEXEC);
                g_assert_cmpint(u.fd, >=, 0);
                if (wrong)
                        (void) close(u.fd);
                else
                        (void) upload_run(&u);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_true(WIFEXITED(status));
                g_assert_cmpint(WEXITSTATUS(status), ==, wrong);
        }
        {
                g_autofree char *sub = fixture_path(f, "tree/sub");

                tree_assert(sub, GOOD_TREE);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        (void) signal(SIGPIPE, SIG_IGN);
        fixture_namespace();

        FIXTURE_ADD("/import/formats", test_formats);
        FIXTURE_ADD("/import/directory", test_directory);
        FIXTURE_ADD("/import/over", test_over);
        FIXTURE_ADD("/import/truncated", test_truncated);
        FIXTURE_ADD("/import/not-announced", test_not_announced);
        FIXTURE_ADD("/import/endless", test_endless);
        FIXTURE_ADD("/import/not-for-us", test_not_for_us);
        FIXTURE_ADD("/import/progress", test_progress);
        FIXTURE_ADD("/import/program", test_program);
        return g_test_run();
}
