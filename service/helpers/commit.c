/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cache.h"
#include "commit.h"
#include "fail.h"
#include "manifest.h"
#include "merge.h"
#include "notes.h"
#include "overlay.h"
#include "server-cfg.h"
#include "settle.h"

#define STAGE_NAME "version"

typedef struct Commit {
        int build;    /* builds/N */
        int versions; /* overlays/NAME/versions */
        int base;     /* …/BASE, or -1 */
        int stage;    /* builds/N/version */
        bool released;
        char *version, *info;
} Commit;

static void commit_done(Commit *c) {
        close_fd(&c->build);
        close_fd(&c->versions);
        close_fd(&c->base);
        close_fd(&c->stage);
        g_clear_pointer(&c->version, g_free);
        g_clear_pointer(&c->info, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Commit, commit_done)

static int open_versions(const Roots *roots, const char *name, GError **error) {
        g_autofree char *where = g_strdup_printf("overlays/%s", name);
        _cleanup_fd_ int overlays = -1, overlay = -1;

        overlays = ours_open(roots->state, "overlays", "overlays", error);
        if (overlays < 0)
                return overlays;
        overlay = ours_make(overlays, name, 0750, where, error);
        if (overlay < 0)
                return overlay;
        return ours_make(overlay, "versions", 0750, where, error);
}

/* Which build a version came from, 0 if it has no (readable) info. */
static uint64_t built_by(const Commit *c) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        size_t size;

        if (beneath_read_from(c->versions, c->info, geteuid(), 4096, &text, &size) < 0 ||
                !g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, NULL))
                return 0;
        return g_key_file_get_uint64(file, "Version", "Build", NULL);
}

/* 1 if the version is there already, made by the same build. */
static int is_committed(const Commit *c, const JobFile *job, GError **error) {
        struct stat st;

        if (fstatat(c->versions, c->version, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0
                                       : fail_errno(error, errno, "cannot look at version %s", c->version);
        if (built_by(c) != job->build)
                return fail(error, EEXIST, "overlay %s has a version %u from another build", job->overlay,
                        job->version);
        return 1;
}

static int open_all(const Roots *roots, const JobFile *job, Commit *c, GError **error) {
        g_autofree char *build = g_strdup_printf("builds/%u", job->build);

        if (job->base != 0) {
                g_autofree char *base = g_strdup_printf("%u", job->base);

                c->base = ours_open(c->versions, base, "the version that the build began with", error);
                if (c->base < 0)
                        return c->base;
        }
        c->build = beneath_open(roots->state, build, O_RDONLY | O_DIRECTORY);
        if (c->build < 0)
                return fail_errno(error, -c->build, "there is nothing to commit in %s", build);
        c->stage = beneath_make(c->build, STAGE_NAME, 0755);
        if (c->stage < 0)
                return fail_errno(error, -c->stage, "cannot make %s/%s", build, STAGE_NAME);
        /* Whatever the umask left of it. */
        if (fchmod(c->stage, 0755) < 0)
                return fail_errno(error, errno, "cannot set the mode of %s/%s", build, STAGE_NAME);
        return 0;
}

static int write_info(
        int dirfd, const char *name, const TreeFigures *figures, const JobFile *job, GError **error) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        gsize size;
        int r;

        g_key_file_set_boolean(file, "Version", "Changed", figures->changed);
        g_key_file_set_uint64(file, "Version", "Size", figures->size);
        g_key_file_set_uint64(file, "Version", "Files", figures->files);
        g_key_file_set_int64(file, "Version", "Created", g_get_real_time());
        g_key_file_set_uint64(file, "Version", "Build", job->build);
        text = g_key_file_to_data(file, &size, NULL);

        r = beneath_write(dirfd, name, text, size, 0640);
        if (r < 0)
                return fail_errno(error, -r, "cannot write %s", name);
        return 0;
}

/* Everything that a version consists of is on the disk before it gets its name. */
static int publish(const Commit *c, const JobFile *job, const TreeFigures *figures, GError **error) {
        int r;

        r = write_info(c->versions, c->info, figures, job, error);
        if (r < 0)
                return r;
        if (syncfs(c->stage) < 0)
                return fail_errno(error, errno, "cannot write version %s to the disk", c->version);
        if (renameat2(c->build, STAGE_NAME, c->versions, c->version, RENAME_NOREPLACE) < 0)
                return fail_errno(error, errno, "cannot put version %s in its place", c->version);
        if (fsync(c->versions) < 0)
                return fail_errno(error, errno, "cannot write version %s to the disk", c->version);
        return 0;
}

/* 1: the stage has what the manifest says; 0: there is none, and nothing to be made. */
static int stage_manifest(
        const Roots *roots, const Commit *c, int upper, const Settle *settle, GError **error) {
        g_autoptr(WorkshopList) list = NULL;
        _cleanup_fd_ int cache = -1;
        int r;

        r = manifest_take(c->build, upper, &list, error);
        if (r <= 0)
                return r;
        cache = ours_open(roots->state, WORKSHOP_CACHE, WORKSHOP_CACHE, error);
        if (cache < 0)
                return cache;
        r = manifest_link(list, cache, c->base, c->stage, settle, error);
        return r < 0 ? r : 1;
}

static int make_version(const Roots *roots, const Commit *c, const JobFile *job, GError **error) {
        Settle settle = { .scratch = c->build, .released = c->released };
        _cleanup_fd_ int upper = -1;
        TreeFigures figures = { 0 };
        int r;

        upper = beneath_open_closed(c->build, "upper");
        if (upper < 0)
                return fail_errno(error, -upper, "builds/%u has no upper layer", job->build);

        r = notes_take(c->build, upper, error);
        if (r < 0)
                return r;

        r = job->manifest ? stage_manifest(roots, c, upper, &settle, error)
                          : merge_trees(upper, c->base, c->stage, &settle, error);
        if (r == 0 && job->manifest)
                return write_info(c->build, "result", &figures, job, error);
        if (r >= 0)
                r = server_cfg_link(c->stage, c->base, job->overlay, error);
        if (r >= 0)
                r = measure_tree(c->stage, c->base, &figures, error);
        if (r >= 0)
                r = write_info(c->build, "result", &figures, job, error);
        if (r < 0 || !figures.changed)
                return r;
        return publish(c, job, &figures, error);
}

int commit(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *held = g_strdup_printf("runtime/build-%u/%s", job->build, HELD_NAME);
        g_auto(Commit) c = { .build = -1, .versions = -1, .base = -1, .stage = -1 };
        int r;

        c.version = g_strdup_printf("%u", job->version);
        c.info = g_strdup_printf("%u.info", job->version);
        c.versions = open_versions(roots, job->overlay, error);
        if (c.versions < 0)
                return c.versions;

        r = is_committed(&c, job, error);
        if (r != 0)
                return r < 0 ? r : 0;
        r = open_all(roots, job, &c, error);
        if (r < 0)
                return r;
        c.released = faccessat(roots->state, held, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
        return make_version(roots, &c, job, error);
}
