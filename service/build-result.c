/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "service/job-kinds.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/mounts.h"
#include "service/overlay.h"
#include "service/steam.h"
#include "service/util.h"

/* What a build and its commit left for us to read, in builds/N: figures of the version, and notes in words. */

#define RESULT_MAX 4096U
#define NOTE_MAX 100U

bool build_has_manifest(const Job *j) {
        return job_kind_builds(j->kind) && overlay_find(j->manager, j->subject)->kind->read_result;
}

/* Its tree, or the directory of its job beside it: an unmount that was killed may have left one of them. */
bool build_is_mounted(const Manager *m, uint32_t id) {
        g_autofree char *runtime = g_strdup_printf("%s/var/lib/left4me/runtime/build-%u", m->root, id),
                        *tree = g_build_filename(runtime, "merged", NULL),
                        *job = g_build_filename(runtime, "job", NULL);

        return mounts_find(m->mounts, tree) || mounts_find(m->mounts, job);
}

/* The directory that left4me-tree leaves its results in. */
static int open_build(const Job *j) {
        g_autofree char *path = g_strdup_printf("%s/var/lib/left4me/builds/%u", j->manager->root, j->id);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int build_read_result(Job *j, StoredVersion *v, bool *ret_changed) {
        g_autofree char *text = NULL;
        g_autoptr(GKeyFile) file = g_key_file_new();
        int fd, r;

        fd = open_build(j);
        if (fd < 0)
                return fd;

        r = file_read(fd, "result", RESULT_MAX, &text);
        if (r >= 0 && build_has_manifest(j))
                r = overlay_find(j->manager, j->subject)->kind->read_result(fd, &v->details);
        (void) close(fd);
        if (r < 0)
                return r;

        if (!g_key_file_load_from_data(file, text, (gsize) -1, G_KEY_FILE_NONE, NULL))
                return -EBADMSG;

        *ret_changed = g_key_file_get_boolean(file, "Version", "Changed", NULL);
        v->size = g_key_file_get_uint64(file, "Version", "Size", NULL);
        v->files = g_key_file_get_uint64(file, "Version", "Files", NULL);
        v->created = now_usec();
        return 0;
}

void build_read_freeze(const Job *j, unsigned *ret_remade, unsigned *ret_removed) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        int fd;

        *ret_remade = *ret_removed = 0;
        fd = open_build(j);
        if (fd < 0)
                return;

        if (file_read(fd, "frozen", RESULT_MAX, &text) >= 0 &&
                g_key_file_load_from_data(file, text, (gsize) -1, G_KEY_FILE_NONE, NULL)) {
                *ret_remade = (unsigned) g_key_file_get_uint64(file, "Freeze", "Remade", NULL);
                *ret_removed = (unsigned) g_key_file_get_uint64(file, "Freeze", "Removed", NULL);
        }
        (void) close(fd);
}

/* One line of words of the build; NULL: there is none, or none that a label can be. */
static char *read_note(const Job *j, const char *name) {
        g_autofree char *text = NULL;
        int fd, r;

        fd = open_build(j);
        if (fd < 0)
                return NULL;

        r = file_read(fd, name, NOTE_MAX, &text);
        (void) close(fd);
        if (r < 0)
                return NULL;

        g_strchomp(text);
        return *text != '\0' && text_is_plain(text, NOTE_MAX) ? g_steal_pointer(&text) : NULL;
}

char *build_make_label(const Job *j) {
        g_autofree char *note = read_note(j, "label");

        if (!note)
                return g_strdup(j->argument);

        return *j->argument != '\0' ? g_strdup_printf("%s (%s)", note, j->argument) : g_steal_pointer(&note);
}

void build_take_newest(const Job *j, bool changed) {
        g_autofree char *newest = read_note(j, changed ? "label" : "newest");
        Overlay *o = overlay_find(j->manager, j->subject);

        if (newest && o->steam && steam_note_newest(o, newest) < 0)
                log_plain(LOG_WARNING, "Cannot store what the newest build of '%s' is, ignoring", o->name);
}
