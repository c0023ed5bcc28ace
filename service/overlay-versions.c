/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/instance.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/workshop.h"

/* What an overlay's versions are, which of them is current, and how many are kept. */

const StoredVersion *overlay_find_version(const Overlay *o, uint32_t number) {
        for (unsigned i = 0; i < o->versions->len; i++)
                if (g_array_index(o->versions, StoredVersion, i).number == number)
                        return &g_array_index(o->versions, StoredVersion, i);

        return NULL;
}

int overlay_check_version(const Overlay *o, uint32_t *version, sd_bus_error *error) {
        if (*version == 0 && o->current == 0)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_VERSION,
                        "The overlay '%s' has no version yet. Fill it first.", o->name);

        if (*version == 0)
                *version = o->current;
        if (overlay_find_version(o, *version))
                return 0;

        return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_VERSION,
                "The overlay '%s' has no version %u. See: left4mectl overlay show %s", o->name, *version,
                o->name);
}

static int open_beneath(int dirfd, const char *path, int flags, uint64_t resolve) {
        struct open_how how = {
                .flags = (uint64_t) (unsigned) (flags | O_CLOEXEC),
                .resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        };
        int fd;

        fd = (int) syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

int overlay_open_directory(const Overlay *o, uint32_t version, const char *path) {
        g_autofree char *full = g_strdup_printf("%s/versions/%u/%s", o->name, version, path);

        return open_beneath(o->manager->overlays_fd, full, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
}

int overlay_open_file(const Overlay *o, uint32_t version, const char *path) {
        struct stat st;
        int root, fd;

        root = overlay_open_directory(o, version, ".");
        if (root < 0)
                return root;

        /* Not to be waited for, should it be a pipe against all rules. */
        fd = open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_XDEV);
        (void) close(root);
        if (fd < 0)
                return fd;

        if (fstat(fd, &st) >= 0 && S_ISREG(st.st_mode))
                return fd;

        (void) close(fd);
        return S_ISDIR(st.st_mode) ? -EISDIR : -ELOOP;
}

bool overlay_has_path(const Overlay *o, uint32_t version, const char *path) {
        g_autofree char *full = g_strdup_printf("%s/versions/%u/%s", o->name, version, path);
        int fd;

        fd = open_beneath(o->manager->overlays_fd, full, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
        if (fd < 0)
                return false;

        (void) close(fd);
        return true;
}

void overlay_load_version(Overlay *o, const StoredVersion *v) {
        StoredVersion copy = *v;

        copy.label = g_strdup(v->label);
        copy.details = NULL;
        g_array_append_val(o->versions, copy);
}

static gboolean refresh_user(gpointer key, gpointer value, gpointer userdata) {
        instance_refresh_pending(value);
        return FALSE;
}

static void set_current(Overlay *o, uint32_t version) {
        o->current = version;
        workshop_reload(o);
        object_changed(&o->object, OVERLAY_CURRENT | OVERLAY_STATE);
        g_tree_foreach(o->manager->instances, refresh_user, NULL);
}

static void set_built(Overlay *o, const char *built) {
        if (!built || g_str_equal(built, o->built))
                return;

        g_free(o->built);
        o->built = g_strdup(built);
        object_changed(&o->object, OVERLAY_BUILD_PENDING);
}

int overlay_take_version(Overlay *o, const StoredVersion *v, const char *built, const StoredJob *job) {
        int r;

        r = store_add_version(o->manager->store, o->name, v, built, job);
        if (r < 0)
                return r;

        set_built(o, built);
        overlay_load_version(o, v);
        object_changed(&o->object, OVERLAY_VERSIONS | (o->steam ? OVERLAY_UPDATE_AVAILABLE : 0));
        set_current(o, v->number);
        prune_later(o->manager);
        return 0;
}

int overlay_keep_version(
        Overlay *o, uint32_t unused, const char *details, const char *built, const StoredJob *job) {
        int r;

        r = store_keep_version(o->manager->store, o->name, unused, o->current, details, built, job);
        if (r < 0)
                return r;

        set_built(o, built);
        workshop_reload(o);
        return 0;
}

int overlay_rollback(Overlay *o, uint32_t version, sd_bus_error *error) {
        int r;

        r = overlay_check_idle(o, error);
        if (r < 0)
                return r;

        /* 0 stands for the current one, which is no version to go back to. */
        if (version == 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_NO_SUCH_VERSION, "Versions count from 1.");
        r = overlay_check_version(o, &version, error);
        if (r < 0 || version == o->current)
                return r;

        r = store_set_current(o->manager->store, o->name, version);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the current version");

        set_current(o, version);
        prune_later(o->manager);
        return 0;
}

int overlay_set_keep(Overlay *o, uint32_t keep, sd_bus_error *error) {
        int r;

        if (keep < 1 || keep > OVERLAY_KEEP_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The number of versions to keep is 1 to %u.", OVERLAY_KEEP_MAX);

        r = store_set_keep(o->manager->store, o->name, keep);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the number of versions to keep");

        if (o->keep != keep)
                object_changed(&o->object, OVERLAY_KEEP_VERSIONS);
        o->keep = keep;
        prune_now(o->manager);
        return 0;
}

int overlay_forget_versions(Overlay *o, const uint32_t *numbers, unsigned n) {
        int r;

        r = store_remove_versions(o->manager->store, o->name, numbers, n);
        if (r < 0)
                return r;

        for (unsigned k = 0; k < n; k++)
                for (unsigned i = 0; i < o->versions->len; i++)
                        if (g_array_index(o->versions, StoredVersion, i).number == numbers[k]) {
                                g_array_remove_index(o->versions, i);
                                break;
                        }

        object_changed(&o->object, OVERLAY_VERSIONS);
        return 0;
}
