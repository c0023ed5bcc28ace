/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/bus-error.h"
#include "service/instance.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/steam.h"
#include "service/util.h"
#include "service/workshop.h"

static const char *const overlay_properties[] = { "Versions", "Current", "State", "UsedBy", "LastJob",
        "KeepVersions", "BuildPending", "WantedItems", "Items", "Campaigns", "UpdateAvailable", "App",
        "Branch", NULL };

static const ObjectType overlay_type = {
        .interface = LEFT4ME_OVERLAY_INTERFACE,
        .prefix = LEFT4ME_OVERLAY_PREFIX,
        .properties = overlay_properties,
};

static void version_clear(gpointer data) {
        StoredVersion *v = data;

        g_free(v->label);
}

Overlay *overlay_new(Manager *m, const char *name, const char *kind) {
        Overlay *o = g_new0(Overlay, 1);

        object_init(&o->object, m, &overlay_type, name);
        o->manager = m;
        o->name = g_strdup(name);
        /* The store has no others: that of a newer left4me is refused as a whole. */
        o->kind = overlay_kind_find(kind) ?: overlay_kind_find("files");
        o->wanted = g_strdup("");
        o->built = g_strdup("");
        o->keep = OVERLAY_KEEP_DEFAULT;
        if (g_str_equal(o->kind->name, "workshop"))
                o->workshop = workshop_new();
        if (g_str_equal(o->kind->name, "steam"))
                o->steam = steam_new();
        o->versions = g_array_new(FALSE, TRUE, sizeof(StoredVersion));
        g_array_set_clear_func(o->versions, version_clear);
        g_tree_insert(m->overlays, o->name, o);
        return o;
}

Overlay *overlay_free(Overlay *o) {
        if (!o)
                return NULL;

        (void) g_tree_remove(o->manager->overlays, o->name);
        object_done(&o->object);
        g_array_unref(o->versions);
        g_free(o->name);
        g_free(o->wanted);
        g_free(o->built);
        workshop_free(o->workshop);
        steam_free(o->steam);
        g_free(o);
        return NULL;
}

Overlay *overlay_find(Manager *m, const char *name) {
        return g_tree_lookup(m->overlays, name);
}

int overlay_check_room(Manager *m, unsigned n, sd_bus_error *error) {
        if ((unsigned) g_tree_nnodes(m->overlays) + n > OVERLAYS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "There would be more than %u overlays. Delete some first.", OVERLAYS_MAX);

        return 0;
}

int overlay_check_name_free(Manager *m, const char *name, sd_bus_error *error) {
        if (overlay_find(m, name) || jobs_promise(m, "overlay", name))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NAME_TAKEN,
                        "There is an overlay '%s' already. Choose another name.", name);

        return overlay_check_room(m, 1, error);
}

int overlay_create(Manager *m, const char *name, const char *kind, Overlay **ret, sd_bus_error *error) {
        Overlay *o;
        int r;

        r = overlay_check_name_free(m, name, error);
        if (r < 0)
                return r;

        r = store_add_overlay(m->store, name, kind);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the overlay");

        o = overlay_new(m, name, kind);
        if (o->steam && (r = steam_set_app(o, STEAM_APP, STEAM_BRANCH, error)) < 0) {
                (void) store_remove_overlay(m->store, name);
                overlay_free(o);
                return r;
        }

        object_show(&o->object);
        *ret = o;
        return 0;
}

const char *overlay_state(const Overlay *o) {
        if (o->job)
                return job_is(o->job, JOB_DELETE_OVERLAY) ? "deleting" : "building";

        return o->current == 0 ? "empty" : "ready";
}

typedef struct Users {
        const char *overlay;
        GStrvBuilder *names;
        bool mounted;
} Users;

static gboolean add_user(gpointer key, gpointer value, gpointer userdata) {
        Users *users = userdata;
        Instance *i = value;

        if (instance_uses(i, users->overlay))
                g_strv_builder_add(users->names, i->name);
        if (instance_has_mounted(i, users->overlay))
                users->mounted = true;

        return FALSE;
}

GStrv overlay_used_by(const Overlay *o) {
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        Users users = { .overlay = o->name, .names = names };

        g_tree_foreach(o->manager->instances, add_user, &users);
        return g_strv_builder_end(names);
}

static int overlay_check_unused(const Overlay *o, sd_bus_error *error) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        Users users = { .overlay = o->name, .names = builder };
        g_auto(GStrv) names = NULL;
        g_autofree char *joined = NULL;

        g_tree_foreach(o->manager->instances, add_user, &users);
        names = g_strv_builder_end(builder);
        joined = g_strjoinv(", ", names);

        if (*names)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_IN_USE,
                        "The overlay '%s' is in the stack of %s. Take it out there first (left4mectl configure).",
                        o->name, joined);
        if (users.mounted)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_IN_USE,
                        "A running server still has the overlay '%s' in its stack. Restart or stop it first.",
                        o->name);

        return 0;
}

int overlay_check_idle(const Overlay *o, sd_bus_error *error) {
        if (o->job)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_BUSY,
                        "Job %u works on the overlay '%s'. Wait for it, or cancel it.", job_id(o->job),
                        o->name);

        return 0;
}

/* What is uploaded into an overlay that builds itself would be lost with its next build, or worse, not be. */
static int overlay_check_kind(const Overlay *o, const BuildPlan *plan, sd_bus_error *error) {
        bool built = o->kind->template != NULL;
        g_autofree char *how = NULL;

        if (built != job_kind_builds(plan->kind))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_WRONG_KIND,
                        built ? "The overlay '%s' is of kind %s: it is built, files cannot be put into it."
                              : "The overlay '%s' is of kind %s: files are put into it, there is nothing to build.",
                        o->name, o->kind->name);
        if (!built || *o->wanted != '\0')
                return 0;

        how = g_strdup_printf("%s %s", o->kind->how, o->name);
        return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SOURCE,
                "There is nothing yet that the overlay '%s' could be built from. Give it that first: %s",
                o->name, how);
}

int overlay_build(Overlay *o, const BuildPlan *plan, Job **ret_job, int *ret_fd, sd_bus_error *error) {
        int r;

        r = overlay_check_kind(o, plan, error);
        if (r >= 0)
                r = overlay_check_idle(o, error);
        if (r < 0)
                return r;

        for (char **path = plan->paths; path && *path; path++)
                if (o->current == 0 || !overlay_has_path(o, o->current, *path))
                        return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                                "There is nothing at '%s' in the overlay '%s'. See: left4mectl overlay files %s",
                                *path, o->name, o->name);

        return job_new_build(o, plan, ret_job, ret_fd, error);
}

int overlay_delete(Overlay *o, Job **ret_job, sd_bus_error *error) {
        int r;

        r = overlay_check_idle(o, error);
        if (r < 0)
                return r;

        r = overlay_check_unused(o, error);
        if (r < 0)
                return r;

        return job_new(o->manager, JOB_DELETE_OVERLAY, o->name, "", ret_job, error);
}

void overlay_set_job(Overlay *o, Job *j) {
        o->job = j;
        if (j)
                o->last_job = job_id(j);
        else
                prune_later(o->manager);
        object_changed(&o->object, OVERLAY_STATE | OVERLAY_LAST_JOB);
}

static gboolean forget_job(gpointer key, gpointer value, gpointer userdata) {
        Overlay *o = value;

        if (o->last_job != GPOINTER_TO_UINT(userdata))
                return FALSE;

        o->last_job = 0;
        object_changed(&o->object, OVERLAY_LAST_JOB);
        return TRUE;
}

void overlays_forget_job(Manager *m, uint32_t id) {
        g_tree_foreach(m->overlays, forget_job, GUINT_TO_POINTER(id));
}
