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

#define NAME_SHOWN_MAX 300

void extract_done(Extract *x) {
        close_fd(&x->root);
        close_fd(&x->parent);
        g_clear_pointer(&x->parent_path, g_free);
        g_clear_pointer(&x->first_archive, g_free);
        g_clear_pointer(&x->clashes, clashes_free);
}

static int fail_path(GError **error, int err, const char *name) {
        g_autofree char *beginning = NULL;

        /* Its end says nothing, and a message has an end too. */
        if (strlen(name) > NAME_SHOWN_MAX)
                name = beginning = g_strdup_printf("%.*s...", NAME_SHOWN_MAX, name);
        switch (err) {
        case EXDEV:
                return fail(error, err, "%s: a path in an archive must be relative and have no `..`", name);
        case ENAMETOOLONG:
                return fail(error, err, "%s: the path is too long (%u bytes) or too deep (%u directories)",
                        name, TREE_PATH_MAX, TREE_DEPTH_MAX);
        case EILSEQ:
                return fail(error, err, "%s: a name must be UTF-8 without control characters, `:` and `\\`",
                        name);
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
        /* To the engine the one is a slash; both lead elsewhere on the systems where such archives are made. */
        if (r >= 0 && strpbrk(path, ":\\"))
                r = -EILSEQ;
        if (r >= 0) {
                whole = g_strdup_printf("%s/%s", x->directory, path);
                r = path_normalise(x->directory[0] ? whole : path, ret);
        }
        return r < 0 ? fail_path(error, -r, name) : 0;
}

/* Counts what comes to lie in the tree: entries, and the directories above them. */
static int check_count(const Extract *x, GError **error) {
        if (x->entries + x->made > EXTRACT_ENTRIES_MAX)
                return fail(error, E2BIG, "the archive has more than %u entries", EXTRACT_ENTRIES_MAX);
        return 0;
}

/* Opens the directory name in the one of that path, making it if it is missing. entry: on whose behalf. */
static int open_part(
        Extract *x, int parent, const char *path, const char *name, const char *entry, GError **error) {
        g_autofree char *whole = path[0] ? g_strdup_printf("%s/%s", path, name) : g_strdup(name);
        int fd, r;

        fd = beneath_open(parent, name, O_RDONLY | O_DIRECTORY);
        if (fd != -ENOENT)
                return fd < 0 ? fail_path(error, -fd, entry) : fd;

        r = clashes_claim(x->clashes, parent, path, name, CLASH_DIRECTORY, error);
        if (r < 0)
                return r;
        x->made++;
        r = check_count(x, error);
        if (r < 0)
                return r;
        fd = beneath_make(parent, name, 0755);
        if (fd < 0)
                return fail_path(error, -fd, entry);
        clashes_add_directory(x->clashes, whole);
        return fd;
}

/* Opens a directory below root, making what is missing of it. */
static int open_directory(Extract *x, const char *path, const char *entry, GError **error) {
        g_autoptr(GString) done = g_string_new(NULL);
        g_auto(GStrv) parts = NULL;
        _cleanup_fd_ int fd = -1;

        fd = beneath_open(x->root, path[0] ? path : ".", O_RDONLY | O_DIRECTORY);
        if (fd >= 0)
                return steal_fd(&fd);
        if (fd != -ENOENT)
                return fail_path(error, -fd, entry);

        fd = beneath_open(x->root, ".", O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fail_path(error, -fd, entry);
        parts = g_strsplit(path, "/", -1);
        for (char **part = parts; *part; part++) {
                int next;

                next = open_part(x, fd, done->str, *part, entry, error);
                if (next < 0)
                        return next;
                close_fd(&fd);
                fd = next;
                g_string_append_printf(done, "%s%s", done->len > 0 ? "/" : "", *part);
        }
        return steal_fd(&fd);
}

/* Makes x->parent the directory of path; *ret_name points to the last part of path. */
static int enter_parent(Extract *x, const char *path, const char **ret_name, GError **error) {
        const char *slash = strrchr(path, '/');
        g_autofree char *parent = g_strndup(path, slash ? (gsize) (slash - path) : 0);

        *ret_name = slash ? slash + 1 : path;
        if (x->parent >= 0 && strcmp(x->parent_path, parent) == 0)
                return 0;

        close_fd(&x->parent);
        x->parent = open_directory(x, parent, path, error);
        if (x->parent < 0)
                return x->parent;
        g_free(x->parent_path);
        x->parent_path = g_steal_pointer(&parent);
        return 0;
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

        if (why && strcasestr(why, "encrypt"))
                return fail(error, EACCES,
                        "%s: is encrypted, and there is no way to give a password: make an archive without one",
                        where);
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

/* Of the kinds that people pack files in. Compressed single files (x.bsp.bz2) are not: game clients download those. */
static bool is_archive_name(const char *name) {
        static const char *const ends[] = { ".7z", ".rar", ".tar", ".tar.bz2", ".tar.gz", ".tar.lz4",
                ".tar.xz", ".tar.zst", ".tbz2", ".tgz", ".txz", ".tzst", ".zip" };
        g_autofree char *lower = g_ascii_strdown(name, -1);

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
                if (g_str_has_suffix(lower, ends[i]))
                        return true;
        return false;
}

static int extract_file(Extract *x, struct archive *a, struct archive_entry *entry, const char *path,
        const char *name, GError **error) {
        int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
        _cleanup_fd_ int fd = -1;
        int r;

        if (archive_entry_perm(entry) & (S_ISUID | S_ISGID))
                return fail(error, EPERM,
                        "%s: a file with a set-user-id or set-group-id bit is not unpacked", path);
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
        if (is_archive_name(name)) {
                x->archives++;
                if (!x->first_archive)
                        x->first_archive = g_strdup(path);
        }
        return 0;
}

static int extract_symlink(
        Extract *x, struct archive_entry *entry, const char *path, const char *name, GError **error) {
        const char *target = archive_entry_symlink(entry);

        if (!target || strlen(target) > TREE_PATH_MAX || !link_stays_inside(target, path_depth(path)))
                return fail(
                        error, EXDEV, "%s: the symbolic link leads, or could lead, out of the tree", path);
        for (const char *p = target; *p; p++)
                if (g_ascii_iscntrl(*p))
                        return fail_path(error, EILSEQ, path);
        if (!g_utf8_validate(target, -1, NULL))
                return fail_path(error, EILSEQ, path);
        if (symlinkat(target, x->parent, name) < 0)
                return fail_path(error, errno, path);
        x->files++;
        return 0;
}

static int extract_hard_link(
        Extract *x, struct archive *a, const char *to, const char *path, const char *name, GError **error) {
        const char *slash = strrchr(to, '/');
        g_autofree char *to_parent = g_strndup(to, slash ? (gsize) (slash - to) : 0);
        _cleanup_fd_ int dir = -1;
        struct stat st;
        int r;

        dir = beneath_open(x->root, to_parent[0] ? to_parent : ".", O_RDONLY | O_DIRECTORY);
        if (dir < 0)
                return fail(error, -dir, "%s: a link to %s, which is not there", path, to);
        to = slash ? slash + 1 : to;
        if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return fail(error, ENOENT, "%s: a link to %s, which is no file here", path, to);
        r = check_size(x, (uint64_t) st.st_size, path, error);
        if (r < 0)
                return r;
        if (linkat(dir, to, x->parent, name, 0) < 0)
                return fail_path(error, errno, path);
        x->size += (uint64_t) st.st_size;
        x->files++;
        return check_pace(x, a, path, error);
}

static int extract_directory(Extract *x, const char *path, const char *name, GError **error) {
        struct stat st;
        int r;

        if (fstatat(x->parent, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode))
                return 0;
        r = clear_name(x, name);
        if (r >= 0 && mkdirat(x->parent, name, 0755) < 0)
                r = -errno;
        if (r < 0)
                return fail_path(error, -r, path);
        clashes_add_directory(x->clashes, path);
        return 0;
}

static int extract_at(
        Extract *x, struct archive *a, struct archive_entry *entry, const char *path, GError **error) {
        const char *link = archive_entry_hardlink(entry), *name;
        bool directory = !link && archive_entry_filetype(entry) == AE_IFDIR;
        g_autofree char *to = NULL;
        int r;

        if (!link && !directory && archive_entry_filetype(entry) != AE_IFREG &&
                archive_entry_filetype(entry) != AE_IFLNK)
                return fail(error, EINVAL, "%s: devices, pipes and sockets are not unpacked", path);
        r = enter_parent(x, path, &name, error);
        if (r < 0)
                return r;
        if (link) {
                r = resolve(x, link, &to, error);
                if (r < 0 || strcmp(to, path) == 0)
                        return r;
        }

        r = clashes_claim(x->clashes, x->parent, x->parent_path, name,
                directory ? CLASH_DIRECTORY : CLASH_FILE, error);
        if (r < 0)
                return r;
        if (directory)
                return extract_directory(x, path, name, error);

        r = clear_name(x, name);
        if (r == -ENOTEMPTY)
                return fail(error, -r, "%s: a file in the archive, but a directory with content in the tree",
                        path);
        if (r < 0)
                return fail_path(error, -r, path);

        if (link)
                return extract_hard_link(x, a, to, path, name, error);
        if (archive_entry_filetype(entry) == AE_IFLNK)
                return extract_symlink(x, entry, path, name, error);
        return extract_file(x, a, entry, path, name, error);
}

int extract_entry(Extract *x, struct archive *a, struct archive_entry *entry, GError **error) {
        const char *name = archive_entry_pathname(entry);
        g_autofree char *unix_name = NULL, *path = NULL;
        int r;

        if (!x->clashes)
                x->clashes = clashes_new();
        x->entries++;
        r = check_count(x, error);
        if (r < 0)
                return r;
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
        if (archive_entry_is_encrypted(entry))
                return fail(error, EACCES,
                        "%s: is encrypted, and there is no way to give a password: make an archive without one",
                        path);
        r = check_pace(x, a, path, error);
        return r < 0 ? r : extract_at(x, a, entry, path, error);
}

int extract_finish(const Extract *x, GError **error) {
        if (x->files == 0 || x->archives < x->files)
                return 0;
        return fail(error, EINVAL,
                "%s: there is only another archive in this one: unpack it and import what is in it",
                x->first_archive);
}
