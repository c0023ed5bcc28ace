/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/directory.h"
#include "fail.h"
#include "freeze.h"
#include "generated.h"
#include "names.h"
#include "remove.h"
#include "settle.h"

#define NOTES_MAX 50U
#define REMADE_MAX 20U

typedef struct Freeze {
        bool everything;
        unsigned depth, notes;
        unsigned whiteouts, remade;
        GString *path;
} Freeze;

bool freeze_is_by_product(const char *name, bool directory) {
        static const char *const directories[] = { "logs", "downloadlists", "soundcache" };
        static const char *const endings[] = { ".log", ".cache", ".mdmp", ".dmp", ".tmp" };

        for (size_t i = 0; directory && i < G_N_ELEMENTS(directories); i++)
                if (g_str_equal(name, directories[i]))
                        return true;
        for (size_t i = 0; !directory && i < G_N_ELEMENTS(endings); i++)
                if (g_str_has_suffix(name, endings[i]))
                        return true;

        return !directory && (g_str_equal(name, "core") || g_str_has_prefix(name, "core."));
}

static int fail_entry(const Freeze *f, int r, const char *name, GError **error) {
        return fail_errno(error, -r, "%s%s", f->path->str, name);
}

/* A log that a hostile server fills would say nothing. */
static void note(Freeze *f, const char *name, const char *why) {
        if (f->notes++ < NOTES_MAX)
                say(6, "left out: %s%s (%s)", f->path->str, name, why);
}

static void note_remade(Freeze *f, const char *name) {
        if (f->remade++ < REMADE_MAX)
                say(5, "%s%s/ was removed and made again by the server: with the new overlay, what other layers have in it is there again",
                        f->path->str, name);
}

static bool is_generated(const Freeze *f, const char *name) {
        if (!g_str_equal(f->path->str, GENERATED_DIR "/"))
                return false;

        for (size_t i = 0; i < G_N_ELEMENTS(generated_files); i++)
                if (g_str_equal(name, generated_files[i]))
                        return true;
        return false;
}

static bool is_left_out(Freeze *f, const char *name, const struct stat *st) {
        bool directory = S_ISDIR(st->st_mode);

        if (S_ISCHR(st->st_mode) && st->st_rdev == 0) {
                f->whiteouts++;
                return true;
        }
        if (is_generated(f, name))
                return true;
        if (!directory && !S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode)) {
                note(f, name, "no file, directory or link");
                return true;
        }
        if (!f->everything && freeze_is_by_product(name, directory)) {
                note(f, name, "made by the server itself");
                return true;
        }

        return false;
}

/* Holes stay holes: what a server pretends to have takes no space here either. */
static int copy_data(int from, int to, off_t size) {
        off_t data = 0;

        if (ftruncate(to, size) < 0)
                return -errno;

        for (;;) {
                off_t hole;

                data = lseek(from, data, SEEK_DATA);
                if (data < 0)
                        return errno == ENXIO ? 0 : -errno;
                hole = lseek(from, data, SEEK_HOLE);
                if (hole < 0)
                        return -errno;

                while (data < hole) {
                        off_t in = data, out = data;
                        ssize_t n = copy_file_range(from, &in, to, &out, (size_t) (hole - data), 0);

                        if (n < 0 && errno != EINTR)
                                return -errno;
                        if (n == 0)
                                return 0;
                        data += n > 0 ? n : 0;
                }
        }
}

static int copy_file(int from, int to, const char *name, const struct stat *st) {
        _cleanup_fd_ int source = -1, copy = -1;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st->st_mtim };
        int r;

        /* The owner of what a server made may have taken away his own right to read it. */
        source = beneath_open(from, name, O_RDONLY | O_NONBLOCK);
        if (source == -EACCES && fchmodat(from, name, (st->st_mode & 0777) | 0400, 0) >= 0)
                source = beneath_open(from, name, O_RDONLY | O_NONBLOCK);
        if (source < 0)
                return source;
        copy = openat(
                to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, settle_mode(st->st_mode));
        if (copy < 0)
                return -errno;

        r = copy_data(source, copy, st->st_size);
        return r < 0 ? r : futimens(copy, times) < 0 ? -errno : 0;
}

static int copy_link(int from, int to, const char *name) {
        char target[TREE_PATH_MAX + 2];
        ssize_t n;

        n = readlinkat(from, name, target, sizeof target - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_directory(Freeze *f, int from, int to, GError **error);

static int descend(Freeze *f, int from, int to, const char *name, GError **error) {
        _cleanup_fd_ int source = -1, copy = -1;
        gsize length = f->path->len;
        int r;

        if (f->depth == TREE_DEPTH_MAX)
                return fail(error, ELOOP, "%s%s: directories are nested too deeply", f->path->str, name);
        source = beneath_open_closed(from, name);
        if (source < 0)
                return fail_entry(f, source, name, error);
        copy = beneath_make(to, name, 0755);
        if (copy < 0)
                return fail_entry(f, copy, name, error);
        if (settle_is_opaque(source))
                note_remade(f, name);

        g_string_append_printf(f->path, "%s/", name);
        f->depth++;
        r = copy_directory(f, source, copy, error);
        f->depth--;
        g_string_truncate(f->path, length);

        /* Where nothing was worth keeping, the directory is not either. */
        if (r >= 0 && unlinkat(to, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY)
                r = fail_entry(f, -errno, name, error);
        return r;
}

static int copy_entry(Freeze *f, int from, int to, const char *name, GError **error) {
        struct stat st;
        int r;

        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_entry(f, -errno, name, error);
        if (is_left_out(f, name, &st))
                return 0;
        if (S_ISDIR(st.st_mode))
                return descend(f, from, to, name, error);

        r = S_ISLNK(st.st_mode) ? copy_link(from, to, name) : copy_file(from, to, name, &st);
        return r < 0 ? fail_entry(f, r, name, error) : 0;
}

/* Recurses, to the depth that a version may have. */
static int copy_directory(Freeze *f, int from, int to, GError **error) {
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = directory_open(from, ".", &dir);
        if (r < 0)
                return fail_entry(f, r, "", error);

        while ((entry = directory_next(dir))) {
                r = copy_entry(f, from, to, entry->d_name, error);
                if (r < 0)
                        return r;
        }

        return errno != 0 ? fail_entry(f, -errno, "", error) : 0;
}

/* Anew each time: a copy that was broken off is of no use. */
static int make_build(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *number = g_strdup_printf("%u", job->build),
                        *where = g_strdup_printf("builds/%u", job->build);
        _cleanup_fd_ int builds = -1;
        int r;

        builds = ours_open(roots->state, "builds", "builds", error);
        if (builds < 0)
                return builds;
        r = remove_by_rename(builds, number);
        if (r < 0)
                return fail_errno(error, -r, "cannot remove %s", where);
        return ours_make(builds, number, 0750, where, error);
}

static void tell_rest(const Freeze *f) {
        if (f->notes > NOTES_MAX)
                say(6, "left out: %u more", f->notes - NOTES_MAX);
        if (f->remade > REMADE_MAX)
                say(5, "%u more directories were removed and made again", f->remade - REMADE_MAX);
        if (f->whiteouts > 0)
                say(5, "%u files of other layers that the server had removed are not removed by the new overlay",
                        f->whiteouts);
}

static int write_report(int build, const Freeze *f, GError **error) {
        g_autofree char *text = g_strdup_printf(
                "[Freeze]\nRemade=%u\nRemoved=%u\n", f->remade, f->whiteouts);
        int r;

        r = beneath_write(build, FREEZE_REPORT, text, strlen(text), 0640);
        return r < 0 ? fail_errno(error, -r, "cannot write %s", FREEZE_REPORT) : 0;
}

int freeze(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *path = g_strdup_printf("uppers/%s/upper", job->instance);
        g_autoptr(GString) inside = g_string_new(NULL);
        Freeze f = { .everything = job->everything, .path = inside };
        _cleanup_fd_ int upper = -1, build = -1, copy = -1;
        int r;

        upper = beneath_open(roots->state, path, O_RDONLY | O_DIRECTORY);
        if (upper < 0 && upper != -ENOENT)
                return fail_errno(error, -upper, "cannot open %s", path);
        build = make_build(roots, job, error);
        if (build < 0)
                return build;
        copy = ours_make(build, "upper", 0755, "upper", error);
        if (copy < 0 || upper < 0)
                return copy < 0 ? copy : 0;

        r = copy_directory(&f, upper, copy, error);
        tell_rest(&f);
        return r < 0 ? r : write_report(build, &f, error);
}
