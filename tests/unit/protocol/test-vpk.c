/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "hex.h"
#include "protocol/vpk.h"
#include "vpk-writer.h"

/* One file in the root, addoninfo.txt, that holds "hi". */
#define WORKED_EXAMPLE \
        "34 12 aa 55 01 00 00 00 25 00 00 00  74 78 74 00  20 00  61 64 64 6f 6e 69 6e 66 6f 00 " \
        "ac 2a 93 d8  00 00  ff 7f  00 00 00 00  02 00 00 00  ff ff  00 00 00  68 69"

static const VpkFile files[] = {
        { "txt", " ", "addoninfo", "\"AddonInfo\" { }" },
        { "txt", "missions", "Dead.Line", "line", "dead" },
        { "bsp", "maps", "deadline01", "VBSP" },
        { "bsp", "maps", "empty", "" },
        { " ", "scripts\\VScripts", "README", "", "all of it is preloaded" },
        { "vmt", "materials/caf\351", "x", "elsewhere", NULL, 13 },
        { NULL, NULL, NULL, NULL },
};

/* A file in memory, and an archive 12 beside it. */
static ssize_t read_bytes(void *userdata, unsigned archive, uint64_t offset, void *buffer, size_t size) {
        static const char other[] = "elsewhere";
        const GByteArray *b = userdata;
        const void *data = b->data;
        size_t have = b->len;

        if (archive == 12) {
                data = other;
                have = strlen(other);
        } else if (archive != VPK_ARCHIVE_SELF)
                return -ENOENT;
        if (offset >= have)
                return 0;

        /* Little at a time, as a pipe may. */
        size = MIN(MIN(size, 7), have - offset);
        memcpy(buffer, (const char *) data + offset, size);
        return (ssize_t) size;
}

static int open_bytes(GByteArray *b, Vpk **ret) {
        return vpk_open(read_bytes, b, b->len, ret);
}

static char *read_text(GByteArray *b, const VpkEntry *e) {
        g_autoptr(GBytes) bytes = NULL;

        g_assert_cmpint(vpk_read(e, read_bytes, b, 1000, &bytes), ==, 0);
        g_assert_cmpuint(g_bytes_get_size(bytes), ==, vpk_entry_size(e));
        return g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void test_worked_example(void) {
        g_autoptr(GByteArray) b = from_hex(WORKED_EXAMPLE);
        g_autofree char *text = NULL;
        g_autoptr(VpkIter) i = NULL;
        g_autoptr(Vpk) v = NULL;
        VpkEntry e;

        g_assert_cmpint(open_bytes(b, &v), ==, 0);
        g_assert_cmpint(vpk_find(v, "addoninfo.txt", &i, &e), ==, 1);
        g_assert_cmphex(e.crc, ==, 0xD8932AAC);
        g_assert_cmpuint(e.offset, ==, 49);
        text = read_text(b, &e);
        g_assert_cmpstr(text, ==, "hi");
        g_assert_cmpint(vpk_next(i, &e), ==, 0);
        g_assert_cmpint(vpk_next(i, &e), ==, 0);
}

static void test_both_versions(void) {
        static const char *const paths[] = { "addoninfo.txt", "missions/dead.line.txt",
                "maps/deadline01.bsp", "maps/empty.bsp", "scripts/vscripts/readme",
                "materials/caf\357\277\275/x.vmt" };

        for (unsigned version = 1; version <= 2; version++) {
                g_autoptr(GByteArray) b = vpk_write(version, files);
                g_autoptr(VpkIter) i = NULL;
                g_autoptr(Vpk) v = NULL;
                VpkEntry e;

                g_assert_cmpint(open_bytes(b, &v), ==, 0);
                i = vpk_iter_new(v);
                for (size_t n = 0; n < G_N_ELEMENTS(paths); n++) {
                        g_autofree char *text = NULL, *expected = NULL;

                        g_assert_cmpint(vpk_next(i, &e), ==, 1);
                        g_assert_cmpstr(e.path, ==, paths[n]);
                        g_assert_true(e.safe);
                        text = read_text(b, &e);
                        expected = g_strconcat(files[n].preload ?: "", files[n].body, NULL);
                        g_assert_cmpstr(text, ==, expected);
                }
                g_assert_cmpint(vpk_next(i, &e), ==, 0);
        }
}

static void test_empty_tree(void) {
        g_autoptr(GByteArray) b = from_hex("34 12 aa 55 01 00 00 00 01 00 00 00 00");
        g_autoptr(GByteArray) none = from_hex("34 12 aa 55 01 00 00 00 00 00 00 00");
        g_autoptr(Vpk) v = NULL, w = NULL;
        g_autoptr(VpkIter) found = NULL, i = NULL;
        VpkEntry e;

        g_assert_cmpint(open_bytes(b, &v), ==, 0);
        g_assert_cmpint(vpk_find(v, "addoninfo.txt", &found, &e), ==, 0);
        g_assert_null(found);

        /* Without the NUL that ends it. */
        g_assert_cmpint(open_bytes(none, &w), ==, 0);
        i = vpk_iter_new(w);
        g_assert_cmpint(vpk_next(i, &e), ==, -EBADMSG);
        g_assert_cmpint(vpk_next(i, &e), ==, -EBADMSG);
}

static void test_broken_headers(void) {
        static const struct {
                const char *hex;
                uint64_t file_size;
                int r;
        } cases[] = {
                { "", 0, -EBADMSG },
                { "34 12 aa", 3, -EBADMSG },
                { "50 4b 03 04 01 00 00 00 00 00 00 00", 12, -EBADMSG },
                { "34 12 aa 55 01 00 00 00 00 00 00", 11, -EBADMSG },
                { "34 12 aa 55 03 00 00 00 00 00 00 00", 12, -ENOTSUP },
                { "34 12 aa 55 02 00 03 00 00 00 00 00", 12, -ENOTSUP },
                { "34 12 aa 55 01 00 00 00 02 00 00 00", 13, -EBADMSG },
                { "34 12 aa 55 01 00 00 00 ff ff ff ff", 13, -EBADMSG },
                { "34 12 aa 55 01 00 00 00 01 00 00 02", 1U << 30, -EMSGSIZE },
                { "34 12 aa 55 02 00 00 00 00 00 00 00", 100, -EBADMSG },
                { "34 12 aa 55 02 00 00 00 01 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", 33,
                        -EBADMSG },
                { "34 12 aa 55 02 00 00 00 01 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", 34,
                        0 },
                { "34 12 aa 55 02 00 00 00 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff", 99,
                        -EBADMSG },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GByteArray) b = from_hex(cases[i].hex);
                VpkHeader h;

                g_assert_cmpint(vpk_decode_header(b->data, b->len, cases[i].file_size, &h), ==, cases[i].r);
        }
}

/* What walking all of it ends with. */
static int walk(GByteArray *b) {
        g_autoptr(VpkIter) i = NULL;
        g_autoptr(Vpk) v = NULL;
        VpkEntry e;
        int r;

        r = open_bytes(b, &v);
        if (r < 0)
                return r;

        i = vpk_iter_new(v);
        while ((r = vpk_next(i, &e)) > 0) {
                g_assert_true(g_utf8_validate(e.path, -1, NULL));
                g_assert_true(
                        e.archive != VPK_ARCHIVE_SELF || e.length == 0 || e.offset + e.length <= b->len);
        }
        return r;
}

static void test_cut_anywhere(void) {
        g_autoptr(GByteArray) b = vpk_write(1, files);

        for (guint n = b->len; n > 0; n--) {
                g_byte_array_set_size(b, n - 1);
                g_assert_cmpint(walk(b), ==, -EBADMSG);
        }
}

static void put(GByteArray *b, guint at, uint8_t value) {
        b->data[at] = value;
}

static void test_broken_entries(void) {
        /* Of the worked example: where, what. */
        static const struct {
                guint at;
                uint8_t value;
        } cases[] = {
                { 32, 1 },    /* one byte of preload: eats one of the three NULs at the end */
                { 33, 1 },    /* more preload than tree */
                { 35, 0x7E }, /* archive 0x7eff */
                { 36, 1 },    /* one byte too far */
                { 39, 0xFF }, /* far too far */
                { 40, 3 },    /* one byte too many */
                { 43, 0xFF },
                { 44, 0 }, /* terminator */
                { 46, 'x' },
                { 48, 'x' },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GByteArray) b = from_hex(WORKED_EXAMPLE);

                put(b, cases[i].at, cases[i].value);
                g_assert_cmpint(walk(b), ==, -EBADMSG);
        }
}

static void test_content_is_checked(void) {
        g_autoptr(GByteArray) b = from_hex(WORKED_EXAMPLE);
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(VpkIter) i = NULL;
        g_autoptr(Vpk) v = NULL;
        VpkEntry e;

        g_assert_cmpint(open_bytes(b, &v), ==, 0);
        g_assert_cmpint(vpk_find(v, "addoninfo.txt", &i, &e), ==, 1);
        g_assert_cmpint(vpk_read(&e, read_bytes, b, 1, &bytes), ==, -EMSGSIZE);
        put(b, 49, 'H');
        g_assert_cmpint(vpk_read(&e, read_bytes, b, 2, &bytes), ==, -EBADMSG);
        g_byte_array_set_size(b, 50);
        g_assert_cmpint(vpk_read(&e, read_bytes, b, 2, &bytes), ==, -EBADMSG);
        e.archive = 7;
        g_assert_cmpint(vpk_read(&e, read_bytes, b, 2, &bytes), ==, -ENOENT);
        g_assert_null(bytes);
}

static void test_unsafe_paths_are_told(void) {
        static const VpkFile unsafe[] = {
                { "txt", "..", "x", "" },
                { "txt", "a/../b", "x", "" },
                { "txt", "a\\..\\b", "x", "" },
                { "txt", "/etc", "x", "" },
                { "txt", "a//b", "x", "" },
                { "txt", "./a", "x", "" },
                { "txt", "a/", "x", "" },
                { "txt", "a\nb", "x", "" },
                { "txt", "a\177b", "x", "" },
                { " ", " ", "..", "" },
                { " ", " ", "/", "" },
                { NULL, NULL, NULL, NULL },
        };
        static const VpkFile safe[] = {
                { "txt", "..a", "..x", "" },
                { " ", "a.b", "...", "" },
                { NULL, NULL, NULL, NULL },
        };
        static const VpkFile *const all[] = { unsafe, safe };

        for (size_t n = 0; n < G_N_ELEMENTS(all); n++) {
                g_autoptr(GByteArray) b = vpk_write(1, all[n]);
                g_autoptr(VpkIter) i = NULL;
                g_autoptr(Vpk) v = NULL;
                unsigned count = 0;
                VpkEntry e;

                g_assert_cmpint(open_bytes(b, &v), ==, 0);
                i = vpk_iter_new(v);
                for (; vpk_next(i, &e) > 0; count++)
                        g_assert_cmpint(e.safe, ==, all[n] == safe);
                g_assert_cmpuint(count, ==, n == 0 ? G_N_ELEMENTS(unsafe) - 1 : G_N_ELEMENTS(safe) - 1);
        }
}

static void test_long_paths_are_refused(void) {
        g_autofree char *directory = g_strnfill(VPK_PATH_MAX - 2 - 4, 'd');
        VpkFile longest[] = { { "txt", directory, "x", "" }, { NULL, NULL, NULL, NULL } };
        VpkFile longer[] = { { "txt", directory, "xx", "" }, { NULL, NULL, NULL, NULL } };
        g_autoptr(GByteArray) b = vpk_write(1, longest), c = vpk_write(1, longer);

        g_assert_cmpint(walk(b), ==, 0);
        g_assert_cmpint(walk(c), ==, -ENAMETOOLONG);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/vpk/worked-example", test_worked_example);
        g_test_add_func("/vpk/both-versions", test_both_versions);
        g_test_add_func("/vpk/empty-tree", test_empty_tree);
        g_test_add_func("/vpk/broken-headers", test_broken_headers);
        g_test_add_func("/vpk/cut-anywhere", test_cut_anywhere);
        g_test_add_func("/vpk/broken-entries", test_broken_entries);
        g_test_add_func("/vpk/content-is-checked", test_content_is_checked);
        g_test_add_func("/vpk/unsafe-paths", test_unsafe_paths_are_told);
        g_test_add_func("/vpk/long-paths", test_long_paths_are_refused);
        return g_test_run();
}
