/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "archives.h"
#include "beneath.h"
#include "common/io.h"
#include "import.h"

const Entry good_entries[] = {
        { 'd', "left4dead2/", NULL },
        { 'f', "left4dead2/maps/one.bsp", "a map" },
        { 'x', "./srcds_run", "#!" },
        { 'f', "left4dead2//ünï.txt", "" },
        { 'l', "left4dead2/link", "../srcds_run" },
        { 0 },
};

static void write_entry(struct archive *a, const Entry *e) {
        struct archive_entry *entry = archive_entry_new();
        size_t size = e->content ? strlen(e->content) : 0;

        archive_entry_set_pathname(entry, e->path);
        archive_entry_set_mtime(entry, 1000000000, 0);
        archive_entry_set_uid(entry, 4711);
        archive_entry_set_perm(entry, e->kind == 'u' ? 06777 : e->kind == 'x' ? 0775 : 0664);
        switch (e->kind) {
        case 'd':
                archive_entry_set_filetype(entry, AE_IFDIR);
                break;
        case 'l':
                archive_entry_set_filetype(entry, AE_IFLNK);
                archive_entry_set_symlink(entry, e->content);
                break;
        case 'h':
                archive_entry_set_filetype(entry, AE_IFREG);
                archive_entry_set_hardlink(entry, e->content);
                break;
        case 'c':
                archive_entry_set_filetype(entry, AE_IFCHR);
                archive_entry_set_rdevmajor(entry, 1);
                archive_entry_set_rdevminor(entry, 3);
                break;
        case 'b':
                archive_entry_set_filetype(entry, AE_IFBLK);
                break;
        case 'p':
                archive_entry_set_filetype(entry, AE_IFIFO);
                break;
        default:
                archive_entry_set_filetype(entry, AE_IFREG);
                archive_entry_set_size(entry, (int64_t) size);
        }
        g_assert_cmpint(archive_write_header(a, entry), ==, ARCHIVE_OK);
        if (archive_entry_size(entry) > 0)
                g_assert_cmpint(archive_write_data(a, e->content, size), ==, (int64_t) size);
        archive_entry_free(entry);
}

GBytes *archive_make(int format, int filter, const Entry *entries) {
        g_autofree char *buffer = g_malloc(ARCHIVE_MAX);
        struct archive *a = archive_write_new();
        size_t used;

        g_assert_cmpint(archive_write_set_format(a, format), ==, ARCHIVE_OK);
        g_assert_cmpint(archive_write_add_filter(a, filter), ==, ARCHIVE_OK);
        g_assert_cmpint(archive_write_set_bytes_in_last_block(a, 1), ==, ARCHIVE_OK);
        g_assert_cmpint(archive_write_open_memory(a, buffer, ARCHIVE_MAX, &used), ==, ARCHIVE_OK);
        for (; entries->path; entries++)
                write_entry(a, entries);
        g_assert_cmpint(archive_write_close(a), ==, ARCHIVE_OK);
        archive_write_free(a);
        return g_bytes_new(buffer, used);
}

GBytes *archive_make_tar(const Entry *entries) {
        return archive_make(ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_NONE, entries);
}

gpointer upload_run(gpointer data) {
        Upload *u = data;
        const char *p;
        size_t size;

        p = g_bytes_get_data(u->bytes, &size);
        while (size > 0) {
                size_t n = MIN(size, u->piece);

                if (write_all(u->fd, p, n) < 0)
                        break; /* refused before the end */
                p += n;
                size -= n;
        }
        (void) close(u->fd);
        return NULL;
}

int import_pieces(const Fixture *f, GBytes *bytes, size_t piece, const char *directory, uint64_t size,
        FILE *out, GError **error) {
        g_autofree char *path = fixture_path(f, "tree"), *where = g_strdup(directory);
        JobFile job = { .operation = OPERATION_IMPORT, .directory = where, .size = size };
        _cleanup_fd_ int tree = -1;
        Upload u = { bytes, -1, piece };
        GThread *thread;
        int fds[2], r;

        tree_make(path, "");
        tree = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(pipe2(fds, O_CLOEXEC));
        u.fd = fds[1];
        thread = g_thread_new("upload", upload_run, &u);
        r = import(&job, fds[0], tree, out, error);
        (void) close(fds[0]);
        g_thread_join(thread);
        return r;
}

int import_bytes(const Fixture *f, GBytes *bytes, GError **error) {
        return import_pieces(f, bytes, 65536, "", g_bytes_get_size(bytes), NULL, error);
}
