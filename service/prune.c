/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "service/comparison.h"
#include "service/instance-internal.h"
#include "service/job.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/util.h"

#define ENTRIES_MAX 100000U

/* -- what somebody looks at ------------------------------------------------------------------------------------ */

static void hold_layers(GHashTable *held, const Stack *stack) {
        for (unsigned k = 0; k < stack->len; k++) {
                const Layer *l = &g_array_index(stack, Layer, k);

                g_hash_table_add(held, g_strdup_printf("%s/%u", l->overlay, l->version));
        }
}

/* From the choice of a stack to its mount, only the file says which versions it will need; and while a unit ends, a sandbox may
 * outlive the mount that the host sees. */
static gboolean hold_running(gpointer key, gpointer value, gpointer userdata) {
        g_autoptr(Stack) chosen = NULL;
        const Instance *i = value;

        if (i->operation != OPERATION_START && i->operation != OPERATION_RESTART && instance_is_down(i))
                return FALSE;

        hold_layers(userdata, i->layers);
        if (instance_read_stack(i, &chosen) >= 0)
                hold_layers(userdata, chosen);
        return FALSE;
}

static void hold_version(const char *overlay, uint32_t version, void *userdata) {
        g_hash_table_add(userdata, g_strdup_printf("%s/%u", overlay, version));
}

/* "overlay/version" of all that must stay; NULL when that cannot be told. */
static GHashTable *find_held(Manager *m) {
        g_autoptr(GHashTable) held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autofree char *mountinfo = NULL;
        g_autoptr(Stack) mounted = NULL;

        if (!g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, NULL))
                return NULL;

        mounted = stack_from_mountinfo(mountinfo);
        hold_layers(held, mounted);
        comparisons_foreach(m, hold_version, held);
        g_tree_foreach(m->instances, hold_running, held);
        return g_steal_pointer(&held);
}

static bool is_held(GHashTable *held, const Overlay *o, uint32_t version) {
        g_autofree char *name = g_strdup_printf("%s/%u", o->name, version);

        return g_hash_table_contains(held, name);
}

bool prune_holds(const Overlay *o) {
        g_autoptr(GHashTable) held = find_held(o->manager);

        for (unsigned i = 0; held && i < o->versions->len; i++)
                if (is_held(held, o, g_array_index(o->versions, StoredVersion, i).number))
                        return true;

        return !held;
}

/* -- files without a version ----------------------------------------------------------------------------------- */

typedef struct Strays {
        GHashTable *held;
        GPtrArray *steps;
} Strays;

/* numbers: uint32_t. */
static void add_step(GPtrArray *steps, const Overlay *o, const GArray *numbers) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < numbers->len; i++)
                g_string_append_printf(text, "%u;", g_array_index(numbers, uint32_t, i));
        g_ptr_array_add(
                steps, job_step_new("remove-versions", "Overlay", o->name, "Versions", text->str, NULL));
}

static gboolean add_strays_of(gpointer key, gpointer value, gpointer userdata) {
        g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        g_autofree char *directory = NULL;
        g_auto(GStrv) names = NULL;
        const Overlay *o = value;
        Strays *strays = userdata;
        uint32_t last = 0;

        /* A build that ends has a version on the disk before it has one in the store: this overlay is for later. */
        if (o->job) {
                o->manager->unclean = true;
                return FALSE;
        }

        directory = g_strdup_printf("%s/var/lib/left4me/overlays/%s/versions", o->manager->root, o->name);
        if (directory_list(-1, directory, ENTRIES_MAX, &names) < 0)
                return FALSE;

        /* "5" and "5.info" come one after the other. */
        for (char **name = names; *name; name++) {
                uint32_t number;

                if (sscanf(*name, "%u", &number) != 1 || number == last || overlay_find_version(o, number) ||
                        is_held(strays->held, o, number))
                        continue;
                g_array_append_val(numbers, number);
                last = number;
        }

        if (numbers->len > 0)
                add_step(strays->steps, o, numbers);
        return FALSE;
}

void prune_add_strays(Manager *m, GPtrArray *steps) {
        g_autoptr(GHashTable) held = find_held(m);
        Strays strays = { held, steps };

        if (held)
                g_tree_foreach(m->overlays, add_strays_of, &strays);
}

/* -- builds that have ended ------------------------------------------------------------------------------------ */

/* Of each job nothing is to be left there when it has ended. */
static void add_builds(Manager *m, GPtrArray *steps) {
        g_autofree char *directory = g_strconcat(m->root, "/var/lib/left4me/builds", NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        g_auto(GStrv) names = NULL;

        if (directory_list(-1, directory, ENTRIES_MAX, &names) < 0)
                return;

        for (char **name = names; *name; name++) {
                guint64 id;
                const Job *j;

                if (!g_ascii_string_to_unsigned(*name, 10, 1, G_MAXUINT32, &id, NULL))
                        continue;
                j = job_find(m, (uint32_t) id);
                if (!j || job_has_ended(j))
                        g_string_append_printf(text, "%s;", *name);
        }

        if (text->len > 0)
                g_ptr_array_add(steps, job_step_new("discard", "Builds", text->str, NULL));
}

/* -- versions that nobody keeps -------------------------------------------------------------------------------- */

/* What a server is held at, whether it runs or not. */
static gboolean hold_configured(gpointer key, gpointer value, gpointer userdata) {
        const Instance *i = value;
        GHashTableIter iter;
        gpointer name, version;

        g_hash_table_iter_init(&iter, i->config->held);
        while (g_hash_table_iter_next(&iter, &name, &version))
                hold_version(name, GPOINTER_TO_UINT(version), userdata);

        return FALSE;
}

/* What goes of one overlay. */
typedef struct Removal {
        Overlay *overlay;
        GArray *numbers; /* uint32_t */
} Removal;

static void removal_clear(gpointer data) {
        Removal *removal = data;

        g_array_unref(removal->numbers);
}

/* Whether a version goes, if nobody holds it: there are enough newer ones, and it is not the current one. A job that removes or
 * moves the overlay as a whole knows nothing of us. */
static bool is_superfluous(const Overlay *o, unsigned index) {
        return index + o->keep < o->versions->len &&
               g_array_index(o->versions, StoredVersion, index).number != o->current &&
               !(o->job && !job_is_build(o->job));
}

static gboolean find_superfluous(gpointer key, gpointer value, gpointer userdata) {
        const Overlay *o = value;
        bool *found = userdata;

        for (unsigned i = 0; !*found && i < o->versions->len; i++)
                *found = is_superfluous(o, i);

        return *found;
}

typedef struct Plan {
        GHashTable *held;
        GArray *removals; /* Removal */
} Plan;

static gboolean plan_overlay(gpointer key, gpointer value, gpointer userdata) {
        g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        Plan *plan = userdata;
        Overlay *o = value;
        Removal removal;

        for (unsigned i = 0; i < o->versions->len; i++) {
                uint32_t number = g_array_index(o->versions, StoredVersion, i).number;

                if (is_superfluous(o, i) && !is_held(plan->held, o, number))
                        g_array_append_val(numbers, number);
        }
        if (numbers->len == 0)
                return FALSE;

        removal = (Removal){ o, g_steal_pointer(&numbers) };
        g_array_append_val(plan->removals, removal);
        return FALSE;
}

static void forget(const Removal *removal, Job *j) {
        const GArray *numbers = removal->numbers;
        int r;

        r = overlay_forget_versions(
                removal->overlay, (const uint32_t *) (void *) numbers->data, numbers->len);
        if (r < 0)
                log_plain(LOG_WARNING, "Cannot remove old versions of '%s', ignoring: %s",
                        removal->overlay->name, strerror(-r));
        else
                add_step(j->steps, removal->overlay, numbers);
}

/* The job is there before the store forgets anything, for without one nobody would remove the files. */
static void prune(Manager *m, const Plan *plan) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        bool unclean = m->unclean;
        Strays strays;
        Job *j;

        if (job_new(m, JOB_CLEAN, "", "", &j, &error) < 0) {
                log_plain(LOG_WARNING, "Cannot remove old versions, ignoring: %s", error.message);
                sd_bus_error_free(&error);
                return;
        }

        m->unclean = false;
        strays = (Strays){ plan->held, j->steps };
        if (unclean)
                g_tree_foreach(m->overlays, add_strays_of, &strays);
        for (unsigned i = 0; i < plan->removals->len; i++)
                forget(&g_array_index(plan->removals, Removal, i), j);
        /* Last: the one that something still holds keeps nothing else from going. */
        if (unclean)
                add_builds(m, j->steps);
}

void prune_now(Manager *m) {
        g_autoptr(GHashTable) held = NULL;
        g_autoptr(GArray) removals = NULL;
        bool found = m->unclean;
        Plan plan;

        g_tree_foreach(m->overlays, find_superfluous, &found);
        if (!found || !m->ready)
                return;

        held = find_held(m);
        if (!held)
                return;

        g_tree_foreach(m->instances, hold_configured, held);
        removals = g_array_new(FALSE, FALSE, sizeof(Removal));
        g_array_set_clear_func(removals, removal_clear);
        plan = (Plan){ held, removals };
        g_tree_foreach(m->overlays, plan_overlay, &plan);
        if (removals->len > 0 || m->unclean)
                prune(m, &plan);
}

static int on_prune(sd_event_source *source, void *userdata) {
        prune_now(userdata);
        return 0;
}

void prune_later(Manager *m) {
        if (!m->prune_source &&
                (sd_event_add_defer(m->event, &m->prune_source, on_prune, m) < 0 ||
                        sd_event_source_set_priority(m->prune_source, SD_EVENT_PRIORITY_IDLE) < 0))
                return;

        (void) sd_event_source_set_enabled(m->prune_source, SD_EVENT_ONESHOT);
}

void prune_failed(Manager *m) {
        m->unclean = true;
}
