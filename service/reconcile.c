/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/instance-internal.h"
#include "service/job-kinds.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/reconcile.h"
#include "service/unit.h"
#include "service/util.h"

#define ENTRIES_MAX 100000U

typedef struct Reconcile {
        Manager *manager;
        void (*done)(Manager *m);
        GHashTable *loaded;   /* names of units that systemd has */
        GPtrArray *strangers; /* Unit: of jobs that are not under way, to be stopped */
        unsigned stopping;
} Reconcile;

static void reconcile_end(Reconcile *rc) {
        void (*done)(Manager *) = rc->done;
        Manager *m = rc->manager;

        g_hash_table_unref(rc->loaded);
        g_ptr_array_unref(rc->strangers);
        g_free(rc);
        done(m);
}

static bool is_mounted(const Manager *m, const Unit *u) {
        unsigned id;

        return sscanf(unit_name(u), "left4me-overlay@build-%u.service", &id) == 1 && build_is_mounted(m, id);
}

static void on_stranger_down(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Reconcile *rc = userdata;

        (void) unit_reset_failed(u, NULL, NULL);
        if (--rc->stopping == 0)
                reconcile_end(rc);
}

static void on_stranger_stopped(Unit *u, UnitResult result, const char *detail, void *userdata) {
        /* An unmount that had failed, the unit with it. Without a stack it cannot start; each start unmounts first, each failure
         * afterwards. */
        if (!is_mounted(((Reconcile *) userdata)->manager, u) ||
                unit_start(u, on_stranger_down, userdata) < 0)
                on_stranger_down(u, result, detail, userdata);
}

/* Of a job that has ended for us: what it makes nobody will take. Or of one that begins anew, from nothing that changes under it. */
static void add_stranger(Reconcile *rc, const char *name) {
        uint32_t id;
        Job *j;

        if (!job_unit_parse(name, &id))
                return;

        j = job_find(rc->manager, id);
        if ((!j || j->state != JOB_RUNNING) && g_hash_table_add(rc->loaded, g_strdup(name)))
                g_ptr_array_add(rc->strangers, unit_new(rc->manager->units, name, NULL, NULL));
}

/* systemd forgets units that have failed, at the latest when it is asked to; their mounts stay. */
static void add_strange_mounts(Reconcile *rc) {
        g_autofree char *mountinfo = NULL,
                        *pattern = g_strconcat(rc->manager->root, "/var/lib/left4me/runtime/build-", NULL);

        if (!g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, NULL))
                return;

        for (const char *p = mountinfo; (p = strstr(p, pattern)); p++) {
                g_autofree char *name = NULL;
                unsigned id;

                if (sscanf(p + strlen(pattern), "%u/merged", &id) != 1)
                        continue;
                name = g_strdup_printf("left4me-overlay@build-%u.service", id);
                add_stranger(rc, name);
        }
}

static gboolean read_layers(gpointer key, gpointer value, gpointer userdata) {
        instance_read_layers(value);
        return FALSE;
}

static void on_settled(void *userdata) {
        Reconcile *rc = userdata;

        g_tree_foreach(rc->manager->instances, read_layers, NULL);

        rc->stopping = 1;
        for (unsigned k = 0; k < rc->strangers->len; k++)
                if (unit_stop(rc->strangers->pdata[k], on_stranger_stopped, rc) >= 0)
                        rc->stopping++;
        if (--rc->stopping == 0)
                reconcile_end(rc);
}

static void on_listed(const char *name, const char *active, int r, void *userdata) {
        Reconcile *rc = userdata;

        if (name) {
                add_stranger(rc, name);
                (void) g_hash_table_add(rc->loaded, g_strdup(name));
                return;
        }

        if (r < 0)
                log_plain(
                        LOG_WARNING, "systemd does not say which units it has, ignoring: %s", strerror(-r));

        add_strange_mounts(rc);
        units_refresh_loaded(rc->manager->units, rc->loaded);
        units_when_settled(rc->manager->units, on_settled, rc);
}

static void destroy_unit(gpointer u) {
        unit_free(u);
}

int reconcile_units(Manager *m, void (*done)(Manager *m)) {
        Reconcile *rc = g_new0(Reconcile, 1);
        int r;

        rc->manager = m;
        rc->done = done;
        rc->loaded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        rc->strangers = g_ptr_array_new_with_free_func(destroy_unit);

        r = units_list(m->units, on_listed, rc);
        if (r < 0) {
                g_hash_table_unref(rc->loaded);
                g_ptr_array_unref(rc->strangers);
                g_free(rc);
        }

        return r;
}

/* -- files --------------------------------------------------------------------------------------------------- */

static int list_library(Manager *m, const char *directory, GStrv *ret) {
        g_autofree char *path = g_strdup_printf("%s/var/lib/left4me/%s", m->root, directory);

        return directory_list(-1, path, ENTRIES_MAX, ret);
}

/* Removals rename what they remove to `.NAME`; one that was broken off left that. */
static bool has_trash(Manager *m, const char *directory) {
        g_autofree char *path = g_strdup_printf("%s/var/lib/left4me/%s", m->root, directory);
        GDir *dir = g_dir_open(path, 0, NULL);
        const char *name;
        bool found = false;

        if (!dir)
                return false;

        while (!found && (name = g_dir_read_name(dir)))
                found = *name == '.';
        g_dir_close(dir);
        return found;
}

static gboolean find_trash_of_versions(gpointer key, gpointer value, gpointer userdata) {
        const Overlay *o = value;
        g_autofree char *versions = g_strdup_printf("overlays/%s/versions", o->name);
        bool *found = userdata;

        *found = has_trash(o->manager, versions);
        return *found;
}

/* A step for each directory that no object of this table has. An object with a job under way is left to that job. */
static void clean_directories(Manager *m, GPtrArray *steps, const char *directory, GTree *known,
        const char *operation, const char *key) {
        g_auto(GStrv) names = NULL;

        if (list_library(m, directory, &names) < 0)
                return;

        for (char **name = names; *name; name++)
                if (name_is_valid(*name) && !g_tree_lookup(known, *name))
                        g_ptr_array_add(steps, job_step_new(operation, key, *name, NULL));
}

/* Names that are there, and those that a job is about to give. */
typedef struct Known {
        GTree *instances, *overlays;
} Known;

static gboolean promise_name(gpointer key, gpointer value, gpointer userdata) {
        Known *known = userdata;
        const Job *j = value;

        if (job_promises(j, "instance"))
                g_tree_insert(known->instances, j->argument, value);
        if (job_promises(j, "overlay"))
                g_tree_insert(known->overlays, j->argument, value);
        return FALSE;
}

static gboolean copy_name(gpointer key, gpointer value, gpointer userdata) {
        g_tree_insert(userdata, key, value);
        return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b) {
        return strcmp(a, b);
}

static void clean_builds(Manager *m, GPtrArray *steps) {
        g_auto(GStrv) names = NULL;
        g_autofree char *builds = NULL;

        if (list_library(m, "builds", &names) < 0 || !*names)
                return;

        builds = g_strjoinv(";", names);
        g_ptr_array_add(steps, job_step_new("discard", "Builds", builds, NULL));
}

static void clean_own_directories(Manager *m, GTree *known) {
        g_auto(GStrv) names = NULL;

        if (list_library(m, "instances", &names) < 0)
                return;

        for (char **name = names; *name; name++)
                if (!g_tree_lookup(known, *name))
                        (void) directory_remove(m->instances_fd, *name);
}

/* Descriptions of jobs that are over. */
static void clean_descriptions(Manager *m) {
        g_auto(GStrv) names = NULL;

        if (directory_list(m->jobs_fd, ".", ENTRIES_MAX, &names) < 0)
                return;

        for (char **name = names; *name; name++) {
                const Job *j = job_find(m, (uint32_t) g_ascii_strtoull(*name, NULL, 10));

                if (!j || job_has_ended(j))
                        (void) directory_remove(m->jobs_fd, *name);
        }
}

void reconcile_files(Manager *m) {
        g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GTree) instances = g_tree_new(compare_names), overlays = g_tree_new(compare_names);
        Known known = { instances, overlays };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        bool trash;
        Job *j;

        g_tree_foreach(m->instances, copy_name, instances);
        g_tree_foreach(m->overlays, copy_name, overlays);
        g_tree_foreach(m->jobs, promise_name, &known);
        clean_descriptions(m);
        clean_own_directories(m, instances);
        clean_builds(m, steps);
        prune_add_strays(m, steps);
        trash = has_trash(m, "uppers") || has_trash(m, "overlays") || has_trash(m, "builds");
        if (!trash)
                g_tree_foreach(m->overlays, find_trash_of_versions, &trash);
        if (trash)
                g_ptr_array_add(steps, job_step_new("empty-trash", NULL));
        clean_directories(m, steps, "overlays", overlays, "remove-overlay", "Overlay");
        clean_directories(m, steps, "uppers", instances, "remove-instance", "Instance");
        if (steps->len == 0)
                return;

        if (job_new(m, JOB_CLEAN, "", "", &j, &error) < 0) {
                log_plain(LOG_WARNING, "Cannot clean up what a crash left, ignoring: %s", error.message);
                sd_bus_error_free(&error);
                return;
        }

        g_ptr_array_extend_and_steal(j->steps, g_steal_pointer(&steps));
}
