/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "extract.h"
#include "fail.h"
#include "names.h"

void extract_done(Extract *x) {
        close_fd(&x->root);
        close_fd(&x->parent);
        g_clear_pointer(&x->parent_path, g_free);
}

static int fail_path(GError **error, int err, const char *name) {
        switch (err) {
        case EXDEV:
                return fail(error, err, "%s: a path in an archive must be relative and have no `..`", name);
        case ENAMETOOLONG:
                return fail(error, err, "%s: the path is too long (%u bytes) or too deep (%u directories)",
                        name, TREE_PATH_MAX, TREE_DEPTH_MAX);
        case EILSEQ:
                return fail(error, err, "%s: a name must be UTF-8 without control characters", name);
        case ENOTDIR:
        case ELOOP:
                return fail(error, ENOTDIR, "%s: the path leads through a link or a file", name);
        case ENOSPC:
        case EDQUOT:
                return fail(
                        error, ENOSPC, "%s: no space left on the disk: free some and import again", name);
        case EFBIG:
                return fail(error, err, "%s: the file is larger than a build may write", name);
        default:
                return fail_errno(error, err, "%s", name);
        }
}

/* The path below root of a name in the archive. */
static int resolve(const Extract *x, const char *name, char **ret, GError **error) {
        g_autofree char *path = NULL, *whole = NULL;
        int r;

        r = path_normalise(name, &path);
        if (r >= 0) {
                whole = g_strdup_printf("%s/%s", x->directory, path);
                r = path_normalise(x->directory[0] ? whole : path, ret);
        }
        return r < 0 ? fail_path(error, -r, name) : 0;
}

/* Opens a directory below root, making what is missing of it. */
static int open_directory(const Extract *x, const char *path) {
        g_auto(GStrv) parts = NULL;
        _cleanup_fd_ int fd = -1;

        fd = beneath_open(x->root, path[0] ? path : ".", O_RDONLY | O_DIRECTORY);
        if (fd != -ENOENT)
                return steal_fd(&fd);

        fd = beneath_open(x->root, ".", O_RDONLY | O_DIRECTORY);
        parts = g_strsplit(path, "/", -1);
        for (char **part = parts; *part && fd >= 0; part++) {
                int next = beneath_make(fd, *part, 0755);

                close_fd(&fd);
                fd = next;
        }
        return steal_fd(&fd);
}

/* Makes x->parent the directory of path; *ret_name points to the last part of path. */
static int enter_parent(Extract *x, const char *path, const char **ret_name) {
        const char *slash = strrchr(path, '/');
        g_autofree char *parent = g_strndup(path, slash ? (gsize) (slash - path) : 0);

        *ret_name = slash ? slash + 1 : path;
        if (x->parent >= 0 && strcmp(x->parent_path, parent) == 0)
                return 0;

        close_fd(&x->parent);
        g_free(x->parent_path);
        x->parent_path = g_steal_pointer(&parent);
        x->parent = open_directory(x, x->parent_path);
        return x->parent < 0 ? x->parent : 0;
}

/* Takes away what stands at the name: another version of the file, or an empty directory. */
static int clear_name(Extract *x, const char *name) {
        if (unlinkat(x->parent, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return -errno;
        return unlinkat(x->parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int check_size(const Extract *x, uint64_t more, const char *path, GError **error) {
        if (more > EXTRACT_SIZE_MAX || x->size + more > EXTRACT_SIZE_MAX)
                return fail(error, EFBIG, "%s: the archive unpacks to more than %" PRIu64 " GiB", path,
                        EXTRACT_SIZE_MAX >> 30);
        return 0;
}

/* After each piece: how far we are, and whether what comes out is still in proportion to what went in. */
static int check_pace(Extract *x, struct archive *a, const char *path, GError **error) {
        uint64_t consumed = (uint64_t) MAX(archive_filter_bytes(a, -1), 0);
        uint64_t in = x->before > 0 ? x->before : consumed;

        progress_report(&x->progress, x->before + consumed, x->before + x->whole, path);
        if (x->size > EXTRACT_FREE_SIZE && x->size / EXTRACT_RATIO_MAX > in)
                return fail(error, EFBIG,
                        "%s: the archive unpacks to more than %u times its size, it looks like a bomb", path,
                        EXTRACT_RATIO_MAX);
        return 0;
}

int extract_fail(struct archive *a, const char *where, GError **error) {
        const char *why = archive_error_string(a);

        if (why && strcasestr(why, "truncated"))
                return fail(error, EPIPE, "archive ends early, at %s (%s)", where, why);
        return fail(
                error, EBADMSG, "the archive is damaged at %s (%s)", where, why ? why : "unknown format");
}

static int write_at(int fd, const char *data, size_t size, int64_t offset) {
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                offset += n;
                size -= (size_t) n;
        }
        return 0;
}

static int write_content(
        Extract *x, struct archive *a, int fd, int64_t size, const char *path, GError **error) {
        const void *data;
        int64_t end = 0, offset;
        size_t length;
        int r;

        for (;;) {
                r = archive_read_data_block(a, &data, &length, &offset);
                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_OK)
                        return extract_fail(a, path, error);
                /* A file with holes counts as large as it looks. Blocks come in order. */
                if (offset < end || (uint64_t) offset > EXTRACT_SIZE_MAX || length > EXTRACT_SIZE_MAX)
                        return extract_fail(a, path, error);
                r = check_size(x, (uint64_t) (offset - end) + length, path, error);
                if (r < 0)
                        return r;
                r = write_at(fd, data, length, offset);
                if (r < 0)
                        return fail_path(error, -r, path);
                x->size += (uint64_t) (offset - end) + length;
                end = offset + (int64_t) length;
                r = check_pace(x, a, path, error);
                if (r < 0)
                        return r;
        }

        if (size <= end)
                return 0;
        if (ftruncate(fd, size) < 0)
                return fail_path(error, errno, path);
        x->size += (uint64_t) (size - end);
        return check_pace(x, a, path, error);
}

static int extract_file(Extract *x, struct archive *a, struct archive_entry *entry, const char *path,
        const char *name, GError **error) {
        int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
        _cleanup_fd_ int fd = -1;
        int r;

        r = check_size(x, size < 0 ? UINT64_MAX : (uint64_t) size, path, error);
        if (r < 0)
                return r;
        fd = openat(x->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                (archive_entry_perm(entry) & 0111) ? 0755 : 0644);
        if (fd < 0)
                return fail_path(error, errno, path);
        r = write_content(x, a, fd, size, path, error);
        if (r < 0)
                return r;

        if (archive_entry_mtime_is_set(entry) && archive_entry_mtime(entry) > 0) {
                times[1] = (struct timespec){ .tv_sec = archive_entry_mtime(entry) };
                (void) futimens(fd, times);
        }
        x->files++;
        return 0;
}

static int extract_symlink(
        Extract *x, struct archive_entry *entry, const char *path, const char *name, GError **error) {
        const char *target = archive_entry_symlink(entry);

        if (!target || strlen(target) > TREE_PATH_MAX || !link_stays_inside(target, path_depth(path)))
                return fail(
                        error, EXDEV, "%s: the symbolic link leads, or could lead, out of the tree", path);
        if (symlinkat(target, x->parent, name) < 0)
                return fail_path(error, errno, path);
        x->files++;
        return 0;
}

static int extract_hard_link(
        Extract *x, const char *to, const char *path, const char *name, GError **error) {
        const char *slash = strrchr(to, '/');
        g_autofree char *to_parent = g_strndup(to, slash ? (gsize) (slash - to) : 0);
        _cleanup_fd_ int dir = -1;
        struct stat st;

        dir = beneath_open(x->root, to_parent[0] ? to_parent : ".", O_RDONLY | O_DIRECTORY);
        if (dir < 0)
                return fail(error, -dir, "%s: a link to %s, which is not there", path, to);
        to = slash ? slash + 1 : to;
        if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return fail(error, ENOENT, "%s: a link to %s, which is no file here", path, to);
        if (linkat(dir, to, x->parent, name, 0) < 0)
                return fail_path(error, errno, path);
        x->files++;
        return 0;
}

static int extract_directory(Extract *x, const char *path, const char *name, GError **error) {
        struct stat st;
        int r;

        if (fstatat(x->parent, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode))
                return 0;
        r = clear_name(x, name);
        if (r >= 0 && mkdirat(x->parent, name, 0755) < 0)
                r = -errno;
        return r < 0 ? fail_path(error, -r, path) : 0;
}

static int extract_at(
        Extract *x, struct archive *a, struct archive_entry *entry, const char *path, GError **error) {
        const char *link = archive_entry_hardlink(entry), *name;
        g_autofree char *to = NULL;
        int r;

        r = enter_parent(x, path, &name);
        if (r < 0)
                return fail_path(error, -r, path);
        if (link) {
                r = resolve(x, link, &to, error);
                if (r < 0 || strcmp(to, path) == 0)
                        return r;
        } else if (archive_entry_filetype(entry) == AE_IFDIR)
                return extract_directory(x, path, name, error);
        else if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != AE_IFLNK)
                return fail(error, EINVAL, "%s: devices, pipes and sockets are not unpacked", path);

        r = clear_name(x, name);
        if (r == -ENOTEMPTY)
                return fail(error, -r, "%s: a file in the archive, but a directory with content in the tree",
                        path);
        if (r < 0)
                return fail_path(error, -r, path);

        if (link)
                return extract_hard_link(x, to, path, name, error);
        if (archive_entry_filetype(entry) == AE_IFLNK)
                return extract_symlink(x, entry, path, name, error);
        return extract_file(x, a, entry, path, name, error);
}

int extract_entry(Extract *x, struct archive *a, struct archive_entry *entry, GError **error) {
        const char *name = archive_entry_pathname(entry);
        g_autofree char *unix_name = NULL, *path = NULL;
        int r;

        if (++x->entries > EXTRACT_ENTRIES_MAX)
                return fail(error, E2BIG, "the archive has more than %u entries", EXTRACT_ENTRIES_MAX);
        if (!name || name[0] == '\0')
                return fail(error, EILSEQ, "entry %" PRIu64 " of the archive has no name that can be read",
                        x->entries);

        /* Archives made on Windows by some programs have the wrong slash. */
        unix_name = g_strdup(name);
        if (archive_format(a) == ARCHIVE_FORMAT_ZIP)
                g_strdelimit(unix_name, "\\", '/');
        r = resolve(x, unix_name, &path, error);
        if (r < 0)
                return r;
        if (strcmp(path, x->directory) == 0)
                return 0; /* `./`, the top directory itself */
        r = check_pace(x, a, path, error);
        return r < 0 ? r : extract_at(x, a, entry, path, error);
}
