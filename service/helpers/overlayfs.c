/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "overlayfs.h"
#include "stack.h"
#include "upper.h"

/* Longer values of an option the kernel refuses with a bare EINVAL. */
#define OPTION_MAX 255U

/* What the kernel wrote into the context's log, as "; the kernel says: …", or "". */
static char *context_log(int fs) {
        g_autoptr(GString) text = g_string_new(NULL);
        char line[512];
        ssize_t n;

        /* One message a read, `e overlay: …`; ENODATA ends it. */
        while ((n = read(fs, line, sizeof line)) > 2) {
                g_string_append(text, text->len > 0 ? ", " : "; the kernel says: ");
                g_string_append_len(text, line + 2, n - 2);
        }
        return g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
}

static int fail_context(int fs, int err, const char *what, GError **error) {
        g_autofree char *log = context_log(fs);

        return fail(error, err, "%s: %s%s", what, g_strerror(err), log);
}

static int set_option(int fs, const char *key, const char *value, GError **error) {
        g_autofree char *what = NULL;

        if (strlen(value) > OPTION_MAX)
                return fail(error, ENAMETOOLONG, "the path %s is longer than the kernel takes (%u bytes)",
                        value, OPTION_MAX);
        if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) >= 0)
                return 0;

        what = g_strdup_printf("the kernel refuses %s=%s", key, value);
        return fail_context(fs, errno, what, error);
}

static int add_layer(const Roots *roots, int overlays, int fs, const Layer *layer, GError **error) {
        g_autofree char *number = g_strdup_printf("%u", layer->version);
        g_autofree char *versions_path = g_strdup_printf("overlays/%s/versions", layer->overlay);
        g_autofree char *path = g_strdup_printf("%s/%s/%s", roots->state_path, versions_path, number);
        _cleanup_fd_ int overlay = -1, versions = -1, version = -1;
        g_autoptr(GError) local = NULL;

        overlay = ours_open(overlays, layer->overlay, versions_path, &local);
        if (overlay >= 0)
                versions = ours_open(overlay, "versions", versions_path, &local);
        if (versions >= 0)
                version = ours_open(versions, number, path, &local);
        if (local && local->code == ENOENT)
                return fail(error, ENOENT,
                        "layer %s/%u is missing: overlay %s has no version %u on this host; build or import it "
                        "again, or take it off the stack",
                        layer->overlay, layer->version, layer->overlay, layer->version);
        if (local) {
                g_propagate_prefixed_error(
                        error, g_steal_pointer(&local), "layer %s/%u: ", layer->overlay, layer->version);
                return -EPERM;
        }

        return set_option(fs, "lowerdir+", path, error);
}

static int add_layers(const Roots *roots, int fs, const GArray *layers, GError **error) {
        _cleanup_fd_ int overlays = -1;
        int r;

        overlays = ours_open(roots->state, "overlays", "overlays", error);
        if (overlays < 0)
                return overlays;

        for (unsigned i = 0; i < layers->len; i++) {
                r = add_layer(roots, overlays, fs, &g_array_index(layers, Layer, i), error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_upper(const Roots *roots, const MountId *id, int fs, bool add_base, GError **error) {
        g_autofree char *below = upper_path(id), *dir = g_build_filename(roots->state_path, below, NULL);
        g_autofree char *upper = g_build_filename(dir, "upper", NULL),
                        *work = g_build_filename(dir, "work", NULL);
        g_autofree char *base = g_build_filename(dir, "base", NULL);
        int r;

        r = set_option(fs, "upperdir", upper, error);
        if (r >= 0)
                r = set_option(fs, "workdir", work, error);
        if (r >= 0 && add_base)
                r = set_option(fs, "lowerdir+", base, error);
        return r;
}

static int set_flags(int fs, GError **error) {
        /* userxattr: the commit, which has no rights, must see what is opaque. The others: nothing in
         * upper may depend on which lower layers it was made with, for they change between two starts. */
        static const char *const options[][2] = {
                { "index", "off" },
                { "redirect_dir", "nofollow" },
                { "xino", "off" },
        };
        int r;

        if (fsconfig(fs, FSCONFIG_SET_STRING, "source", "left4me", 0) < 0 ||
                fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
                return fail_context(fs, errno, "the kernel's overlayfs lacks userxattr", error);
        for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
                r = set_option(fs, options[i][0], options[i][1], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int overlayfs_make(const Roots *roots, const MountId *id, const GArray *layers, GError **error) {
        _cleanup_fd_ int fs = -1, own = -1, mount = -1;
        struct statvfs sv;
        int r;

        own = upper_make(roots, id, error);
        if (own < 0)
                return own;
        fs = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return fail_errno(
                        error, errno, "the kernel has no overlayfs (modprobe overlay), or we may not mount");

        r = set_flags(fs, error);
        if (r >= 0)
                r = add_layers(roots, fs, layers, error);
        if (r >= 0)
                r = set_upper(roots, id, fs, layers->len == 0, error);
        if (r < 0)
                return r;

        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return fail_context(fs, errno, "the kernel refuses this stack", error);
        mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (mount < 0)
                return fail_context(fs, errno, "cannot mount this stack", error);

        /* When the work directory cannot be prepared overlayfs only warns, in the kernel's log, and lets
         * nobody write. */
        if (fstatvfs(mount, &sv) < 0)
                return fail_errno(error, errno, "cannot look at the new mount");
        if (sv.f_flag & ST_RDONLY)
                return fail(error, EROFS,
                        "the kernel mounted %s read-only (`dmesg` says why): is the file system full, read-only or "
                        "without extended attributes?",
                        id->text);
        return steal_fd(&mount);
}
