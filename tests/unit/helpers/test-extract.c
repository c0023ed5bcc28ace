/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hostile archives: nothing is written where it should not be, and the entry is named. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "archives.h"
#include "extract.h"
#include "fixture.h"

static void check(const Fixture *f, const char *tree) {
        g_autofree char *path = fixture_path(f, "tree");

        tree_assert(path, tree);
}

static void clear(const Fixture *f) {
        g_autofree char *path = fixture_path(f, "tree");

        tree_remove(path);
}

static void test_hostile(Fixture *f, gconstpointer data) {
        static const struct {
                Entry entries[4];
                int err;
                const char *name;
        } archives[] = {
                { { { 'f', "/etc/evil", "x" } }, EXDEV, "/etc/evil" },
                { { { 'f', "../evil", "x" } }, EXDEV, "../evil" },
                { { { 'f', "a/../../evil", "x" } }, EXDEV, "a/../../evil" },
                { { { 'd', "a/..", NULL } }, EXDEV, "a/.." },
                { { { 'f', "a\nb", "x" } }, EILSEQ, "a\nb" },
                { { { 'l', "evil", "/etc/passwd" } }, EXDEV, "evil: the symbolic link" },
                { { { 'l', "evil", "../outside" } }, EXDEV, "evil: the symbolic link" },
                { { { 'l', "d/evil", "../../outside" } }, EXDEV, "d/evil: the symbolic link" },
                { { { 'd', "d/e", NULL }, { 'l', "l", "d/e" }, { 'l', "evil", "l/../../.." } }, EXDEV,
                        "evil: the symbolic link" },
                { { { 'l', "l", "." }, { 'f', "l/evil", "x" } }, ENOTDIR, "l/evil" },
                { { { 'f', "a", "x" }, { 'f', "a/evil", "x" } }, ENOTDIR, "a/evil" },
                { { { 'h', "evil", "../outside/a" } }, EXDEV, "../outside/a" },
                { { { 'h', "evil", "/etc/passwd" } }, EXDEV, "/etc/passwd" },
                { { { 'h', "evil", "missing" } }, ENOENT, "evil: a link to missing" },
                { { { 'l', "l", "missing" }, { 'h', "evil", "l" } }, ENOENT, "evil: a link to l" },
                { { { 'c', "evil", NULL } }, EINVAL, "evil: devices" },
                { { { 'b', "d/evil", NULL } }, EINVAL, "d/evil: devices" },
                { { { 'p', "evil", NULL } }, EINVAL, "evil: devices" },
                { { { 'u', "d/evil", "x" } }, EPERM, "d/evil: a file with a set-user-id" },
                { { { 'f', "d/File", "x" }, { 'f', "d/file", "x" } }, EEXIST,
                        "d/file and d/File, which is in the archive too" },
                { { { 'f', "Maps/a.bsp", "x" }, { 'f', "maps/b.bsp", "x" } }, EEXIST,
                        "maps and Maps, which is in the archive too" },
                { { { 'd', "a/Maps", NULL }, { 'l', "a/maps", "Maps" } }, EEXIST, "a/maps and a/Maps" },
                { { { 'f', "d/a", "x" }, { 'h', "d/A", "d/a" } }, EEXIST, "d/A and d/a" },
                { { { 'f', "d", "x" }, { 'd', "d", NULL } }, EEXIST, "d: a file and a directory" },
                { { { 'd', "d", NULL }, { 'f', "d", "x" } }, EEXIST, "d: a file and a directory" },
                { { { 'f', "d/a", "x" }, { 'f', "d", "x" } }, EEXIST, "d: a file and a directory" },
                { { { 'l', "d", "x" }, { 'd', "d", NULL } }, EEXIST, "d: a file and a directory" },
                { { { 'f', "c:evil", "x" } }, EILSEQ, "c:evil: a name must" },
                { { { 'f', "d\\evil", "x" } }, EILSEQ, "d\\evil: a name must" },
                { { { 'f', "d/a", "x" }, { 'h', "b", "d\\a" } }, EILSEQ, "d\\a: a name must" },
                { { { 'f', "..\\evil", "x" } }, EILSEQ, "..\\evil: a name must" },
                { { { 'l', "evil", "a\nb" } }, EILSEQ, "evil: a name must" },
                { { { 'd', "d", NULL }, { 'f', "d/Maps.7Z", "7z" } }, EINVAL,
                        "d/Maps.7Z: there is only another archive" },
                { { { 'f', "a.zip", "PK" }, { 'f', "b.tar.gz", "x" } }, EINVAL,
                        "a.zip: there is only another archive" },
        };
        g_autofree char *outside = fixture_path(f, "outside");

        tree_make(outside, "f a precious\n");
        for (size_t i = 0; i < G_N_ELEMENTS(archives); i++) {
                g_autoptr(GBytes) bytes = archive_make_tar(archives[i].entries);
                g_autoptr(GError) error = NULL;

                assert_failed(import_bytes(f, bytes, &error), archives[i].err, &error, archives[i].name);
                tree_assert(outside, "f a precious");
                clear(f);
        }
}

static void test_harmless(Fixture *f, gconstpointer data) {
        static const Entry entries[] = { { 'x', "run", "x" }, { 'd', "./", NULL }, { 'h', "run", "run" },
                { 'f', ".../..a", "y" }, { 'd', "...", NULL }, { 'f', "addons/inner.zip", "PK" }, { 0 } };
        g_autoptr(GBytes) bytes = archive_make_tar(entries);
        g_autoptr(GError) error = NULL;

        assert_ok(import_bytes(f, bytes, &error), error);
        check(f, "x run x\nd ...\nf .../..a y\nd addons\nf addons/inner.zip PK\n");
}

/* Only the oldest format lets its writer write such names. */
static void test_bytes(Fixture *f, gconstpointer data) {
        static const Entry entries[] = { { 'f', "caf\351", "x" }, { 0 } };
        g_autoptr(GBytes) bytes = archive_make(ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, entries);
        g_autoptr(GError) error = NULL;

        assert_failed(import_bytes(f, bytes, &error), EILSEQ, &error, "caf\351: a name must be UTF-8");
        check(f, "");
}

/* The tree has names already: they may be replaced, but not joined by others of another case. */
static void test_case_of_tree(Fixture *f, gconstpointer data) {
        static const Entry file[] = { { 'f', "maps/A.bsp", "new" }, { 0 } },
                           directory[] = { { 'f', "Maps/b.bsp", "new" }, { 0 } },
                           both[] = { { 'f', "maps/a.bsp", "new" }, { 'f', "x/Y", "1" }, { 'f', "x/y", "2" },
                                   { 0 } };
        g_autoptr(GBytes) file_bytes = archive_make_tar(file), directory_bytes = archive_make_tar(directory),
                          both_bytes = archive_make_tar(both);
        g_autofree char *tree = fixture_path(f, "tree");
        g_autoptr(GError) error = NULL;

        tree_make(tree, "d maps\nf maps/a.bsp old\nd x\nf x/Y a\nf x/y b\n");
        assert_failed(import_bytes(f, file_bytes, &error), EEXIST, &error,
                "maps/A.bsp and maps/a.bsp, which is in the overlay");
        assert_failed(import_bytes(f, directory_bytes, &error), EEXIST, &error,
                "Maps and maps, which is in the overlay");
        assert_ok(import_bytes(f, both_bytes, &error), error);
        check(f, "d maps\nf maps/a.bsp new\nd x\nf x/Y 1\nf x/y 2\n");
}

/* What extract_entry() says of the entries of a tar, one after the other, with figures that are near their limits already. */
static int extract_all(const Fixture *f, GBytes *bytes, Extract *x, GError **error) {
        g_autofree char *path = fixture_path(f, "tree");
        struct archive *a = archive_read_new();
        struct archive_entry *entry;
        int r = 0;

        tree_make(path, "");
        x->directory = "";
        x->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(archive_read_support_format_tar(a), ==, ARCHIVE_OK);
        g_assert_cmpint(archive_read_open_memory(a, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)),
                ==, ARCHIVE_OK);
        while (r >= 0 && archive_read_next_header(a, &entry) == ARCHIVE_OK)
                r = extract_entry(x, a, entry, error);
        archive_read_free(a);
        extract_done(x);
        return r;
}

static void test_counts(Fixture *f, gconstpointer data) {
        static const Entry deep[] = { { 'f', "a/b/c", "x" }, { 0 } },
                           links[] = { { 'f', "a", "123" }, { 'h', "b", "a" }, { 0 } };
        g_autoptr(GBytes) deep_bytes = archive_make_tar(deep), links_bytes = archive_make_tar(links);
        Extract x = EXTRACT_INIT, y = EXTRACT_INIT, z = EXTRACT_INIT, w = EXTRACT_INIT;
        g_autoptr(GError) error = NULL;

        /* Directories that are only named in a path count as well. */
        x.made = EXTRACT_ENTRIES_MAX - 2;
        assert_failed(extract_all(f, deep_bytes, &x, &error), E2BIG, &error, "more than 400000 entries");
        y.made = EXTRACT_ENTRIES_MAX - 3;
        assert_ok(extract_all(f, deep_bytes, &y, &error), error);
        clear(f);

        /* A commit makes a file of each link: a small archive must not become many large files. */
        z.size = EXTRACT_SIZE_MAX - 5;
        z.before = EXTRACT_SIZE_MAX;
        assert_failed(extract_all(f, links_bytes, &z, &error), EFBIG, &error,
                "b: the archive unpacks to more than");
        w.size = EXTRACT_SIZE_MAX - 6;
        w.before = EXTRACT_SIZE_MAX;
        assert_ok(extract_all(f, links_bytes, &w, &error), error);
}

/* A zip whose entries say that they are encrypted: the bit in both of its lists. */
static void test_encrypted(Fixture *f, gconstpointer data) {
        g_autoptr(GBytes) zip = archive_make(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, good_entries),
                          changed = NULL;
        size_t size = g_bytes_get_size(zip);
        char *copy = g_memdup2(g_bytes_get_data(zip, NULL), size);
        g_autoptr(GError) error = NULL;

        for (size_t i = 0; i + 10 < size; i++) {
                if (memcmp(copy + i, "PK\003\004", 4) == 0)
                        copy[i + 6] |= 1;
                if (memcmp(copy + i, "PK\001\002", 4) == 0)
                        copy[i + 8] |= 1;
        }
        changed = g_bytes_new_take(copy, size);
        assert_failed(import_bytes(f, changed, &error), EACCES, &error,
                "encrypted, and there is no way to give a password", "left4dead2");
}

/* A 7z that even its names are encrypted in, made with 7-Zip 26.02. */
static void test_encrypted_names(Fixture *f, gconstpointer data) {
        static const char text[] =
                "N3q8ryccAAQaDUDQoAAAAAAAAAA+AAAAAAAAAOfJUgiWhl3gpfhkvkRCW2FeTpVQNE33mCInwu74q0pXXj4AsTeZ"
                "yAtRwcWwTbVx/ChZFuo86Z3+acfk+niRXTo9Jc3ANMVEKdSmfbcXJ2Br/QBGRip8XNo1g2mQGuIR+xgEhq66yNUv"
                "JTp6Pz79CbPhfNBDpMsf0a+J/LJ5t0FK3w/OyF81w6aS0Pi+QGSI2yg/6eHKiN5BS2Pf/GITjeE0jiEYFwYQAQmA"
                "kAAHCwEAAiQG8QcBElMP5J1rDCSnm6UXd9QIFCwJeiMDAQEFXQAQAAABAAyAhICmCgEK5A47AAA=";
        gsize size;
        guchar *content = g_base64_decode(text, &size);
        g_autoptr(GBytes) bytes = g_bytes_new_take(content, size);
        g_autoptr(GError) error = NULL;

        assert_failed(import_bytes(f, bytes, &error), EACCES, &error, "the archive is encrypted",
                "make one without");
        check(f, "");
}

static void test_limits(Fixture *f, gconstpointer data) {
        g_autofree char *deep = NULL, *wide = NULL, *name = g_strnfill(256, 'n');
        Entry entries[] = { { 'f', NULL, "x" }, { 0 } };
        const char *paths[3];

        {
                g_autoptr(GString) s = g_string_new(NULL), t = g_string_new(NULL);

                for (int i = 0; i < 65; i++)
                        g_string_append(s, "d/");
                for (int i = 0; i < 51; i++)
                        g_string_append(t, "01234567890123456789/");
                deep = g_string_free(g_steal_pointer(&s), FALSE);
                wide = g_string_free(g_steal_pointer(&t), FALSE);
        }
        paths[0] = deep;
        paths[1] = wide;
        paths[2] = name;
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                g_autoptr(GBytes) bytes = NULL;
                g_autoptr(GError) error = NULL;

                entries[0].path = paths[i];
                bytes = archive_make_tar(entries);
                assert_failed(import_bytes(f, bytes, &error), ENAMETOOLONG, &error, "too long");
        }

        g_free(name);
        name = g_strnfill(100000, 'n');
        entries[0].path = name;
        {
                g_autoptr(GBytes) bytes = archive_make_tar(entries);
                g_autoptr(GError) error = NULL;

                g_assert_cmpint(import_bytes(f, bytes, &error), ==, -ENAMETOOLONG);
                g_assert_cmpuint(strlen(error->message), <, 500);
        }
}

/* Many gigabytes of nothing in some kilobytes; the tree does not get to see all of it. */
static void test_bomb(Fixture *f, gconstpointer data) {
        g_autofree char *buffer = g_malloc(ARCHIVE_MAX), *zeros = g_malloc0(ARCHIVE_MAX);
        struct archive *a = archive_write_new();
        struct archive_entry *entry = archive_entry_new();
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(GError) error = NULL;
        size_t used;

        g_assert_cmpint(archive_write_set_format_pax_restricted(a), ==, ARCHIVE_OK);
        g_assert_cmpint(archive_write_add_filter_zstd(a), ==, ARCHIVE_OK);
        g_assert_cmpint(archive_write_open_memory(a, buffer, ARCHIVE_MAX, &used), ==, ARCHIVE_OK);
        archive_entry_set_pathname(entry, "bomb");
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, INT64_C(3) << 30);
        archive_write_header(a, entry);
        for (int i = 0; i < 3 << 10; i++)
                g_assert_cmpint(archive_write_data(a, zeros, ARCHIVE_MAX), ==, ARCHIVE_MAX);
        archive_entry_free(entry);
        g_assert_cmpint(archive_write_close(a), ==, ARCHIVE_OK);
        archive_write_free(a);
        bytes = g_bytes_new(buffer, used);
        assert_failed(import_bytes(f, bytes, &error), EFBIG, &error, "bomb: ", "bomb");
}

/* A tar whose one file says it has that size (12 bytes, as the header has them) but comes with one byte. */
static GBytes *make_liar(const char *size) {
        static const Entry entries[] = { { 'f', "a", "x" }, { 0 } };
        g_autoptr(GBytes) bytes = archive_make(ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, entries);
        char *copy = g_memdup2(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        unsigned sum = 0;

        memcpy(copy + 124, size, 12);
        memset(copy + 148, ' ', 8);
        for (int i = 0; i < 512; i++)
                sum += (unsigned char) copy[i];
        (void) g_snprintf(copy + 148, 8, "%06o", sum);
        return g_bytes_new_take(copy, g_bytes_get_size(bytes));
}

static void test_liar(Fixture *f, gconstpointer data) {
        g_autoptr(GBytes) eight_gib = make_liar("77777777777"),
                          more = make_liar("\200\0\0\0\0\0\0\020\100\0\0");
        g_autoptr(GError) error = NULL;

        assert_failed(
                import_pieces(f, eight_gib, 65536, "", 0, NULL, &error), EPIPE, &error, "ends early", "a (");
        assert_failed(import_pieces(f, more, 65536, "", 0, NULL, &error), EFBIG, &error, "64 GiB");
}

/* Mutations of good archives: whatever becomes of them, nothing is written elsewhere. */
static void test_random(Fixture *f, gconstpointer data) {
        static const int formats[] = { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FORMAT_TAR_GNUTAR,
                ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_7ZIP };
        g_autofree char *outside = fixture_path(f, "outside"), *state = fixture_path(f, ".");
        int64_t end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
        g_autofree char *before = NULL;
        unsigned rounds = 0, passed = 0;

        tree_make(outside, "f a precious\n");
        before = tree_dump(state);
        while (g_get_monotonic_time() < end) {
                g_autoptr(GBytes) bytes = archive_make(
                        formats[rounds % G_N_ELEMENTS(formats)], ARCHIVE_FILTER_NONE, good_entries),
                                  changed = NULL;
                size_t size = g_bytes_get_size(bytes);
                g_autofree char *copy = g_memdup2(g_bytes_get_data(bytes, NULL), size), *after = NULL;
                g_autoptr(GError) error = NULL;

                for (int i = g_test_rand_int_range(1, 6); i > 0; i--)
                        copy[g_test_rand_int_range(0, (int) size)] = (char) g_test_rand_int_range(0, 256);
                changed = g_bytes_new(copy, size);
                passed += import_pieces(f, changed, 65536, "", 0, NULL, &error) >= 0;
                clear(f);
                after = tree_dump(state);
                g_assert_cmpstr(after, ==, before);
                rounds++;
        }
        g_test_message("%u archives, %u of them imported", rounds, passed);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        (void) signal(SIGPIPE, SIG_IGN);
        fixture_namespace();

        FIXTURE_ADD("/extract/hostile", test_hostile);
        FIXTURE_ADD("/extract/harmless", test_harmless);
        FIXTURE_ADD("/extract/bytes", test_bytes);
        FIXTURE_ADD("/extract/case-of-tree", test_case_of_tree);
        FIXTURE_ADD("/extract/counts", test_counts);
        FIXTURE_ADD("/extract/encrypted", test_encrypted);
        FIXTURE_ADD("/extract/encrypted-names", test_encrypted_names);
        FIXTURE_ADD("/extract/limits", test_limits);
        FIXTURE_ADD("/extract/bomb", test_bomb);
        FIXTURE_ADD("/extract/liar", test_liar);
        FIXTURE_ADD("/extract/random", test_random);
        return g_test_run();
}
