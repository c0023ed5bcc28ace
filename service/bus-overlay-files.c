/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/comparison.h"
#include "service/file-name.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/util.h"

/* Looking into an overlay: its directories and files, version by version. */

int bus_overlay_check_path(const char *path, sd_bus_error *error) {
        if (!bus_path_is_valid(path))
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The path is a relative one inside the overlay, such as left4dead2/cfg/x.cfg, without . and ..");

        return 0;
}

static int append_file(sd_bus_message *reply, int fd, const char *name) {
        g_autofree char *text = file_name_escape(name);
        struct stat st;
        const char *type;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;

        type = S_ISDIR(st.st_mode) ? "directory" : S_ISLNK(st.st_mode) ? "symlink" : "file";
        return sd_bus_message_append(reply, "(sstt)", text, type, (uint64_t) st.st_size,
                (uint64_t) st.st_mtim.tv_sec * G_TIME_SPAN_SECOND + (uint64_t) st.st_mtim.tv_nsec / 1000U);
}

static int reply_files(sd_bus_message *call, int fd, GStrv names) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sstt)");
        for (char **name = names; *name && r >= 0; name++)
                r = append_file(reply, fd, *name);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static int list_files(
        Overlay *o, sd_bus_message *call, const char *directory, uint32_t version, sd_bus_error *error) {
        g_auto(GStrv) names = NULL;
        int fd, r;

        r = overlay_check_version(o, &version, error);
        if (r < 0)
                return r;

        fd = overlay_open_directory(o, version, *directory != '\0' ? directory : ".");
        if (fd < 0)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                        "There is no directory '%s' in version %u of '%s'.", directory, version, o->name);

        r = directory_list_all(fd, ".", OVERLAY_DIRECTORY_MAX, &names);
        if (r == -E2BIG)
                r = sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "The directory '%s' has more than %u entries.", directory, OVERLAY_DIRECTORY_MAX);
        if (r >= 0)
                r = reply_files(call, fd, names);

        (void) close(fd);
        return r;
}

int bus_overlay_list_files(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *directory = NULL;
        Overlay *o = userdata;
        const char *text;
        uint32_t version;
        uid_t uid;
        int r;

        r = sd_bus_message_read(call, "su", &text, &version);
        if (r >= 0)
                r = bus_unescape_path(text, true, &directory, error);
        if (r < 0)
                return r;

        r = auth_check(o->manager->auth, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "list-files", "overlay",
                o->name, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return list_files(o, call, directory, version, error);
}

static int fail_open(const Overlay *o, int r, const char *path, uint32_t version, sd_bus_error *error) {
        if (r == -EISDIR)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "'%s' is a directory. See: left4mectl overlay files %s %s", path, o->name, path);
        if (r == -EXDEV)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                        "'%s' in version %u of '%s' is a link that leads out of the overlay.", path, version,
                        o->name);
        if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                        "There is no file '%s' in version %u of '%s'.", path, version, o->name);

        return bus_error_set_io(error, r, "Cannot open the file");
}

int bus_overlay_open_file(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *path = NULL;
        Overlay *o = userdata;
        const char *text;
        uint32_t version;
        uid_t uid;
        int fd, r;

        r = sd_bus_message_read(call, "su", &text, &version);
        if (r >= 0)
                r = bus_unescape_path(text, false, &path, error);
        if (r < 0)
                return r;

        r = auth_check(o->manager->auth, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "open-file", "overlay",
                o->name, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = overlay_check_version(o, &version, error);
        if (r < 0)
                return r;

        fd = overlay_open_file(o, version, path);
        if (fd < 0)
                return fail_open(o, fd, path, version, error);

        r = sd_bus_reply_method_return(call, "h", fd);
        (void) close(fd);
        return r;
}

static int reply_changes(sd_bus_message *call, const GArray *changes) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sstt)");
        for (unsigned i = 0; i < changes->len && r >= 0; i++) {
                const TreeChange *change = &g_array_index(changes, TreeChange, i);
                g_autofree char *path = file_name_escape(change->path);

                r = sd_bus_message_append(reply, "(sstt)", path, change->kind, change->a, change->b);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static void on_compared(Manager *m, const GArray *changes, int r, void *userdata) {
        g_autoptr(sd_bus_message) call = userdata;

        if (r >= 0)
                r = reply_changes(call, changes);

        if (r == -E2BIG)
                (void) sd_bus_reply_method_errorf(call, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "The two versions differ in more than 20000 files.");
        else if (r == -ENOENT)
                (void) sd_bus_reply_method_errorf(call, LEFT4ME_ERROR_NO_SUCH_VERSION,
                        "The overlay was removed while it was looked at.");
        else if (r < 0)
                (void) sd_bus_reply_method_errorf(
                        call, LEFT4ME_ERROR_FAILED, "Cannot compare the versions: %s", g_strerror(-r));
}

int bus_overlay_diff(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        uint32_t a, b;
        uid_t uid;
        int r;

        r = sd_bus_message_read(call, "uu", &a, &b);
        if (r < 0)
                return r;

        r = auth_check(o->manager->auth, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "diff", "overlay", o->name,
                &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = comparison_new(o, a, b, on_compared, call, error);
        if (r < 0)
                return r;

        (void) sd_bus_message_ref(call);
        return 1;
}
