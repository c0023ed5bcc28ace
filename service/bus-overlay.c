/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/util.h"

#define REMOVED_MAX 1000U
#define REMOVED_SIZE_MAX 100000U /* of their paths: the description of a job holds them, escaped */

static int property_get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;

        return sd_bus_message_append(reply, "s",
                g_str_equal(property, "Name")   ? o->name
                : g_str_equal(property, "Kind") ? o->kind->name
                                                : overlay_state(o));
}

static int property_get_versions(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(uttts)");
        for (unsigned k = 0; k < o->versions->len && r >= 0; k++) {
                const StoredVersion *v = &g_array_index(o->versions, StoredVersion, k);

                r = sd_bus_message_append(
                        reply, "(uttts)", v->number, v->created, v->size, v->files, v->label);
        }

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;

        return sd_bus_message_append(reply, "u", g_str_equal(property, "Current") ? o->current : o->keep);
}

static int property_get_build_pending(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "b", (int) overlay_build_pending(userdata));
}

static int property_get_used_by(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        g_auto(GStrv) names = overlay_used_by(userdata);

        return sd_bus_message_append_strv(reply, names);
}

static int property_get_last_job(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        Job *j = job_find(o->manager, o->last_job);

        return sd_bus_message_append(reply, "o", j ? j->object.path : "/");
}

/* -- methods --------------------------------------------------------------------------------------------------- */

typedef struct ImportOptions {
        uint64_t size;
        const char *directory;
        const char *label;
} ImportOptions;

static const BusOption import_options[] = {
        { "Size", "t", offsetof(ImportOptions, size) },
        { "Directory", "s", offsetof(ImportOptions, directory) },
        { "Label", "s", offsetof(ImportOptions, label) },
};

static int read_import_options(sd_bus_message *call, ImportOptions *options, sd_bus_error *error) {
        int r;

        r = bus_read_options(call, import_options, G_N_ELEMENTS(import_options), options, error);
        if (r < 0)
                return r;

        if (*options->directory != '\0' && !bus_path_is_valid(options->directory))
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "Directory: a relative path inside the overlay, such as left4dead2/addons, without . and ..");

        return bus_overlay_check_label(options->label, error);
}

static int begin(Overlay *o, sd_bus_message *call, const char *verb, Request **ret_q, sd_bus_error *error) {
        return bus_begin(
                o->manager, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, verb, "overlay", o->name, ret_q, error);
}

/* Answers the job of a build, with the pipe to write what is sent. */
static int start_build(
        sd_bus_message *call, Overlay *o, const BuildPlan *plan, const char *verb, sd_bus_error *error) {
        Request *q;
        int fd, r;
        Job *j;

        r = begin(o, call, verb, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = overlay_build(o, plan, &j, &fd, error);
        if (r < 0)
                return request_return(q, r, error);

        if (plan->kind == JOB_REMOVE_FILE) {
                request_ok_path(q, j->object.path);
                return 1;
        }

        request_ok_path_fd(q, j->object.path, fd);
        (void) close(fd);
        return 1;
}

static int method_import(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        ImportOptions options = { .directory = "", .label = "" };
        BuildPlan plan;
        int r;

        r = read_import_options(call, &options, error);
        if (r < 0)
                return r;

        plan = (BuildPlan){
                .kind = JOB_IMPORT,
                .path = options.directory,
                .size = options.size,
                .executable = -1,
                .label = options.label,
        };
        return start_build(call, userdata, &plan, "import", error);
}

/* What a version made by one small change is called when nobody gave it a name. */
static char *default_label(const char *what, const char *path) {
        g_autofree char *label = g_strdup_printf("%s %s", what, path);

        return text_is_plain(label, BUS_LABEL_MAX) ? g_steal_pointer(&label) : g_strdup(what);
}

typedef struct PutOptions {
        uint64_t size;
        const char *label;
        bool executable, executable_given;
} PutOptions;

static const BusOption put_options[] = {
        { "Size", "t", offsetof(PutOptions, size), 0 },
        { "Label", "s", offsetof(PutOptions, label), 0 },
        { "Executable", "b", offsetof(PutOptions, executable), offsetof(PutOptions, executable_given) },
};

static int method_put_file(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *label = NULL;
        PutOptions options = { 0 };
        const char *path;
        BuildPlan plan;
        int r;

        r = sd_bus_message_read(call, "s", &path);
        if (r >= 0)
                r = bus_overlay_check_path(path, error);
        if (r >= 0)
                r = bus_read_options(call, put_options, G_N_ELEMENTS(put_options), &options, error);
        if (r >= 0 && options.label)
                r = bus_overlay_check_label(options.label, error);
        if (r < 0)
                return r;

        label = default_label("put", path);
        plan = (BuildPlan){
                .kind = JOB_PUT_FILE,
                .path = path,
                .size = options.size,
                .executable = options.executable_given ? options.executable : -1,
                .label = options.label ?: label,
        };
        return start_build(call, userdata, &plan, "put-file", error);
}

static int read_paths(sd_bus_message *call, char ***ret, sd_bus_error *error) {
        g_auto(GStrv) paths = NULL;
        gsize size = 0, n = 0;
        int r;

        r = sd_bus_message_read_strv(call, &paths);
        if (r < 0)
                return r;

        for (; paths && paths[n]; n++) {
                r = bus_overlay_check_path(paths[n], error);
                if (r < 0)
                        return r;

                size += strlen(paths[n]);
        }
        if (n == 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "Nothing is to be removed: give at least one path.");
        if (n > REMOVED_MAX || size > REMOVED_SIZE_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "At most %u paths of %u bytes together are removed at once: remove a directory, or call again.",
                        REMOVED_MAX, REMOVED_SIZE_MAX);

        *ret = g_steal_pointer(&paths);
        return 0;
}

static int method_remove_files(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *label = NULL;
        g_auto(GStrv) paths = NULL;
        BuildPlan plan;
        int r;

        r = read_paths(call, &paths, error);
        if (r < 0)
                return r;

        label = paths[1] ? g_strdup_printf("rm of %u paths", g_strv_length(paths))
                         : default_label("rm", paths[0]);
        plan = (BuildPlan){ .kind = JOB_REMOVE_FILE, .paths = paths, .executable = -1, .label = label };
        return start_build(call, userdata, &plan, "remove-files", error);
}

static int method_rename(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        const char *to;
        Request *q;
        int r;

        r = bus_read_name(call, "an overlay", &to, error);
        if (r < 0)
                return r;

        r = begin(o, call, "rename", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, overlay_rename(o, to, q, error), error);
}

static int method_delete(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        Request *q;
        Job *j;
        int r;

        r = begin(o, call, "delete", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = overlay_delete(o, &j, error);
        if (r >= 0)
                request_ok_path(q, j->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int set_number(sd_bus_message *call, Overlay *o, const char *verb,
        int (*set)(Overlay *, uint32_t, sd_bus_error *), sd_bus_error *error) {
        uint32_t number;
        Request *q;
        int r;

        r = sd_bus_message_read(call, "u", &number);
        if (r < 0)
                return r;

        r = begin(o, call, verb, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = set(o, number, error);
        if (r >= 0)
                request_ok(q);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int method_rollback(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return set_number(call, userdata, "rollback", overlay_rollback, error);
}

static int method_set_keep_versions(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return set_number(call, userdata, "set-keep-versions", overlay_set_keep, error);
}

static const sd_bus_vtable overlay_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Import", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("o", job, "h", pipe),
                method_import, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("PutFile", SD_BUS_ARGS("s", path, "a{sv}", options),
                SD_BUS_RESULT("o", job, "h", pipe), method_put_file, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemoveFiles", SD_BUS_ARGS("as", paths), SD_BUS_RESULT("o", job),
                method_remove_files, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Build", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("o", job),
                bus_overlay_build, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetSource", SD_BUS_ARGS("s", source), SD_BUS_NO_RESULT,
                bus_overlay_set_source, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSource", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", source),
                bus_overlay_get_source, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", overlay), method_rename,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_delete,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("u", version), SD_BUS_NO_RESULT, method_rollback,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetKeepVersions", SD_BUS_ARGS("u", keep), SD_BUS_NO_RESULT,
                method_set_keep_versions, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListFiles", SD_BUS_ARGS("s", directory, "u", version),
                SD_BUS_RESULT("a(sstt)", files), bus_overlay_list_files, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Diff", SD_BUS_ARGS("u", a, "u", b), SD_BUS_RESULT("a(sstt)", changes),
                bus_overlay_diff, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenFile", SD_BUS_ARGS("s", path, "u", version), SD_BUS_RESULT("h", file),
                bus_overlay_open_file, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetApp", SD_BUS_ARGS("u", app, "s", branch), SD_BUS_NO_RESULT,
                bus_overlay_set_app, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetItems", SD_BUS_ARGS("as", items), SD_BUS_NO_RESULT,
                bus_overlay_set_items, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Pin", SD_BUS_ARGS("s", item, "b", pin), SD_BUS_NO_RESULT, bus_overlay_pin,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Name", "s", property_get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Kind", "s", property_get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(
                "Versions", "a(uttts)", property_get_versions, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Current", "u", property_get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("KeepVersions", "u", property_get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("State", "s", property_get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "BuildPending", "b", property_get_build_pending, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("UsedBy", "as", property_get_used_by, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastJob", "o", property_get_last_job, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "WantedItems", "as", bus_overlay_get_wanted_items, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Items", "a(ssttbs)", bus_overlay_get_items, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Campaigns", "a(sssa(sa(ss)))", bus_overlay_get_campaigns, 0,
                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("App", "u", bus_overlay_get_app, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Branch", "s", bus_overlay_get_branch, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("UpdateAvailable", "b", bus_overlay_get_update_available, 0,
                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int find_overlay(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
        sd_bus_error *error) {
        g_autofree char *name = NULL;
        Overlay *o;
        int r;

        r = sd_bus_path_decode(path, LEFT4ME_OVERLAY_PREFIX, &name);
        if (r <= 0 || *name == '\0')
                return r < 0 ? r : 0;

        o = overlay_find(userdata, name);
        if (!o)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_OVERLAY,
                        "There is no overlay '%s'. See: left4mectl overlay list", name);

        *ret = o;
        return 1;
}

static int list_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        Manager *m = userdata;

        return objects_list_paths(m->overlays, ret);
}

int bus_add_overlays(Manager *m) {
        int r;

        r = sd_bus_add_fallback_vtable(m->bus, NULL, LEFT4ME_OVERLAY_PREFIX, LEFT4ME_OVERLAY_INTERFACE,
                overlay_vtable, find_overlay, m);
        return r < 0 ? r : sd_bus_add_node_enumerator(m->bus, NULL, LEFT4ME_OVERLAY_PREFIX, list_paths, m);
}
