/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-error.h"
#include "service/job.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/util.h"
#include "service/workshop.h"

/* What an overlay of the Workshop does in the manager's world: the store, the objects, the jobs. */

static void take_details(Overlay *o, int r, const char *text, WorkshopList **target) {
        g_clear_pointer(target, workshop_list_free);
        if (r >= 0 && *text != '\0')
                r = workshop_list_parse(text, strlen(text), target);
        if (r < 0)
                log_plain(LOG_WARNING, "What is known of the items of '%s' cannot be read, ignoring: %s",
                        o->name, strerror(-r));
}

void workshop_reload(Overlay *o) {
        g_autofree char *source = NULL, *contents = NULL, *seen = NULL;
        Workshop *w = o->workshop;
        int r;

        if (!w)
                return;

        r = store_get_source(o->manager->store, o->name, &source);
        if (r >= 0)
                workshop_read_source(w, source);
        r = o->current > 0 ? store_get_details(o->manager->store, o->name, o->current, &contents) : 0;
        take_details(o, r, contents ?: "", &w->contents);
        r = store_get_seen(o->manager->store, o->name, &seen);
        take_details(o, r, seen ?: "", &w->seen);
        object_changed(&o->object, OVERLAY_ITEMS | OVERLAY_CAMPAIGNS | OVERLAY_UPDATE_AVAILABLE);
}

/* Stores what w has become; when that fails, it is what it was. */
static int store_wanted(Overlay *o, sd_bus_error *error) {
        g_autofree char *text = workshop_write_source(o->workshop);
        int r;

        r = overlay_set_source(o, text);
        if (r < 0) {
                workshop_reload(o);
                return bus_error_set_io(error, r, "Cannot store the items");
        }

        object_changed(&o->object, OVERLAY_WANTED_ITEMS | OVERLAY_ITEMS | OVERLAY_UPDATE_AVAILABLE);
        return 0;
}

static int check_not_deleted(const Overlay *o, sd_bus_error *error) {
        return o->job && job_is(o->job, JOB_DELETE_OVERLAY) ? overlay_check_idle(o, error) : 0;
}

int workshop_set_items(Overlay *o, GStrv ids, sd_bus_error *error) {
        int r;

        r = check_not_deleted(o, error);
        if (r < 0)
                return r;

        g_ptr_array_set_size(o->workshop->ids, 0);
        for (char **id = ids; *id; id++)
                g_ptr_array_add(o->workshop->ids, g_strdup(*id));
        return store_wanted(o, error);
}

int workshop_pin(Overlay *o, const char *id, bool pin, sd_bus_error *error) {
        const WorkshopItem *item = workshop_list_find(o->workshop->contents, id);
        int r;

        r = check_not_deleted(o, error);
        if (r < 0)
                return r;

        if (pin && (!item || *item->revision == '\0'))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_ITEM,
                        "The overlay '%s' has no item %s in its current version. See: left4mectl overlay items %s",
                        o->name, id, o->name);

        if (pin)
                g_hash_table_replace(o->workshop->pins, g_strdup(id), g_strdup(item->revision));
        else
                (void) g_hash_table_remove(o->workshop->pins, id);
        return store_wanted(o, error);
}

static void describe_pin(gpointer key, gpointer value, gpointer userdata) {
        g_string_append_printf(userdata, "pin %s %s\n", (const char *) key, (const char *) value);
}

int workshop_describe(const Overlay *o, const Job *j, int fd, GKeyFile *job) {
        const Workshop *w = o->workshop;
        g_autoptr(GString) text = g_string_new(NULL);

        g_key_file_set_string(job, "Job", "Operation", "workshop");
        g_key_file_set_string(job, "Job", "WorkshopAPI", o->manager->config.workshop_api);
        g_key_file_set_string(job, "Job", "WorkshopHosts", o->manager->config.workshop_hosts);
        /* Its helper, left4me-steam, reads the same file. */
        g_key_file_set_string(job, "Job", "Installer", o->manager->config.steamcmd_installer);
        g_key_file_set_uint64(job, "Job", "Pause", o->manager->config.steam_retry_seconds);

        for (guint i = 0; i < w->ids->len; i++)
                g_string_append_printf(text, "want %s\n", (const char *) w->ids->pdata[i]);
        g_hash_table_foreach(w->pins, describe_pin, text);
        for (guint i = 0; w->contents && i < w->contents->items->len; i++) {
                const WorkshopItem *item = w->contents->items->pdata[i];

                if (*item->revision != '\0')
                        g_string_append_printf(text, "have %s %s\n", item->id, item->revision);
        }

        /* A version that somebody went back from is not made again each night: only what nobody has seen yet is news. */
        if (job_is(j, JOB_REFRESH) && !overlay_build_pending(o))
                for (guint i = 0; w->seen && i < w->seen->items->len; i++) {
                        const WorkshopItem *item = w->seen->items->pdata[i];

                        g_string_append_printf(text, "seen %s %s\n", item->id,
                                *item->upstream != '\0' ? item->upstream : "-");
                }

        return file_write(fd, "items", text->str, text->len, 0640);
}

int workshop_read_result(int fd, char **ret_details) {
        g_autoptr(WorkshopList) list = NULL;
        g_autofree char *text = NULL;
        int r;

        r = file_read(fd, "manifest", WORKSHOP_LIST_MAX, &text);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = workshop_list_parse(text, strlen(text), &list);
        if (r < 0)
                return r;

        *ret_details = g_steal_pointer(&text);
        return 0;
}

typedef struct Refresh {
        GStrvBuilder *paths;
        sd_bus_error *error;
        int r;
} Refresh;

static gboolean refresh_one(gpointer key, gpointer value, gpointer userdata) {
        const BuildPlan plan = { .kind = JOB_REFRESH, .label = "refreshed" };
        Refresh *refresh = userdata;
        Overlay *o = value;
        Job *j;

        if ((!o->workshop && !o->steam) || o->job || *o->wanted == '\0')
                return FALSE;
        /* Steam is only asked: a newer game is built when somebody wants it. */
        if (o->steam && o->current == 0)
                return FALSE;

        refresh->r = overlay_build(o, &plan, &j, NULL, refresh->error);
        if (refresh->r < 0)
                return TRUE;

        g_strv_builder_add(refresh->paths, j->object.path);
        return FALSE;
}

int workshop_refresh(Manager *m, GStrvBuilder *paths, sd_bus_error *error) {
        g_autofree char *age = g_strdup_printf("%u", WORKSHOP_CACHE_AGE);
        Refresh refresh = { .paths = paths, .error = error };
        Job *j;
        int r;

        g_tree_foreach(m->overlays, refresh_one, &refresh);
        if (refresh.r < 0)
                return refresh.r;

        r = job_new(m, JOB_CLEAN, "", "", &j, error);
        if (r < 0)
                return r;

        g_ptr_array_add(j->steps, job_step_new("prune-cache", "Age", age, NULL));
        return 0;
}
