/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "dbus/names.h"
#include "service/auth.h"
#include "service/autostart.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/comparison.h"
#include "service/conflicts.h"
#include "service/cpus.h"
#include "service/firewall.h"
#include "service/instance-internal.h"
#include "service/intent.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/mounts.h"
#include "service/object.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/qos.h"
#include "service/reconcile.h"
#include "service/shield.h"
#include "service/steam.h"
#include "service/store.h"
#include "service/unit.h"
#include "service/util.h"
#include "service/workshop.h"

#define DEFAULT_CONFIG "/etc/left4me/left4me.conf"

static int compare_names(gconstpointer a, gconstpointer b) {
        return strcmp(a, b);
}

/* The newest job comes first. */
static int compare_numbers(gconstpointer a, gconstpointer b) {
        unsigned x = GPOINTER_TO_UINT(a), y = GPOINTER_TO_UINT(b);

        return x > y ? -1 : x < y;
}

static int on_flush(sd_event_source *source, void *userdata) {
        objects_flush(userdata);
        return 0;
}

static int open_directory(Manager *m, const char *path) {
        g_autofree char *full = g_strconcat(m->root, path, NULL);
        int fd;

        fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
                int r = -errno;

                log_plain(LOG_ERR,
                        "Cannot open %s: %s. The package makes it (systemd-tmpfiles --create left4me.conf).",
                        full, strerror(-r));
                return r;
        }

        return fd;
}

static int open_directories(Manager *m) {
        m->instances_fd = open_directory(m, "/var/lib/left4me/instances");
        if (m->instances_fd < 0)
                return m->instances_fd;

        m->jobs_fd = open_directory(m, "/run/left4me/jobs");
        if (m->jobs_fd < 0)
                return m->jobs_fd;

        m->overlays_fd = open_directory(m, "/var/lib/left4me/overlays");
        if (m->overlays_fd < 0)
                return m->overlays_fd;

        m->uppers_fd = open_directory(m, "/var/lib/left4me/uppers");
        return m->uppers_fd < 0 ? m->uppers_fd : 0;
}

static int open_mounts(Manager *m) {
        g_autofree char *table = g_strconcat(m->root, "/proc/self/mountinfo", NULL),
                        *runtime = g_strconcat(m->root, "/var/lib/left4me/runtime/", NULL);
        int r;

        r = mounts_new(table, runtime, &m->mounts);
        if (r < 0)
                log_plain(LOG_ERR, "Cannot read %s: %s", table, strerror(-r));

        return r;
}

static int open_store(Manager *m) {
        g_autofree char *path = g_strconcat(m->root, "/var/lib/left4me/manager/left4me.db", NULL);
        int r;

        r = store_open(path, &m->store);
        if (r == -EUCLEAN)
                log_plain(LOG_ERR,
                        "%s is damaged, or was written by a newer left4me. It was left as it is: install that version, or a backup.",
                        path);
        else if (r < 0)
                log_plain(LOG_ERR, "Cannot open %s: %s", path, strerror(-r));

        return r;
}

static void load_overlay(const StoredOverlay *stored, void *userdata) {
        Overlay *o = overlay_new(userdata, stored->name, stored->kind);

        o->current = stored->current;
        o->keep = stored->keep;
        g_free(o->wanted);
        o->wanted = g_strdup(stored->wanted);
        g_free(o->built);
        o->built = g_strdup(stored->built);
        workshop_reload(o);
        steam_reload(o);
        o->object.shown = true;
}

static void load_version(const char *overlay, const StoredVersion *v, void *userdata) {
        overlay_load_version(overlay_find(userdata, overlay), v);
}

static void load_instance(
        const char *name, uint64_t named, InstanceConfig *c, const LastExit *e, void *userdata) {
        Instance *i = instance_new(userdata, name, named, c);

        i->last_exit = *e;
        i->object.shown = true;
}

static void load_intent(const char *instance, const IntentPlan *plan, void *userdata) {
        intent_load(instance_find(userdata, instance), plan);
}

static void load_job(const StoredJob *stored, void *userdata) {
        job_load(userdata, stored);
}

static int load_store(Manager *m) {
        int r;

        r = store_load_overlays(m->store, load_overlay, m);
        if (r >= 0)
                r = store_load_versions(m->store, load_version, m);
        if (r >= 0)
                r = store_load_instances(m->store, load_instance, m);
        if (r >= 0)
                r = store_load_intents(m->store, load_intent, m);
        if (r >= 0)
                r = store_load_jobs(m->store, load_job, m);
        if (r >= 0)
                r = qos_load(m->qos);
        if (r >= 0)
                r = shield_load(m->shield);
        if (r < 0)
                log_plain(LOG_ERR, "Cannot read the database: %s", strerror(-r));

        return r;
}

static void on_taken_back(Manager *m) {
        /* Nothing else to do: the states are there, and everybody was told of what changed. */
}

static gboolean refresh_intent(gpointer key, gpointer value, gpointer userdata) {
        intent_refresh(value);
        return FALSE;
}

static void on_firewall(int firewall, const char *why, void *userdata) {
        Manager *m = userdata;
        int r;

        /* systemd may have reloaded while it was asked. */
        if (m->ready || firewall == -ECANCELED)
                return;

        /* Taken only now: whoever sees the name, sees the truth behind it. */
        r = sd_bus_request_name(m->bus, LEFT4ME_BUS_NAME, 0);
        if (r < 0) {
                log_plain(LOG_ERR, "Cannot take the bus name %s: %s", LEFT4ME_BUS_NAME, strerror(-r));
                (void) sd_event_exit(m->event, r);
                return;
        }

        m->ready = true;
        reconcile_files(m);
        prune_later(m);
        g_tree_foreach(m->instances, refresh_intent, NULL);
        autostart_begin(m);
        jobs_dispatch(m);
        (void) sd_notify(false, "READY=1\nSTATUS=Ready");
}

/* The servers are known: their ports are next. */
static void on_ready(Manager *m) {
        firewall_start(m->firewall);
        firewall_settle(m->firewall, on_firewall, m);
}

static void on_resync(void *userdata) {
        Manager *m = userdata;
        int r;

        cpus_refresh(m->cpus, m->ready ? NULL : cpus_resume, NULL);
        r = reconcile_units(m, m->ready ? on_taken_back : on_ready);
        if (r < 0)
                log_plain(LOG_WARNING, "Cannot ask systemd how things stand, ignoring: %s", strerror(-r));
}

int manager_reload(Manager *m, char **ret_why) {
        return config_read(m->config_path, &m->config, ret_why);
}

static void manager_init(Manager *m, const char *root, const char *config_path) {
        m->root = g_strdup(root);
        m->config_path = config_path ? g_strdup(config_path) : g_strconcat(root, DEFAULT_CONFIG, NULL);
        m->instances_fd = m->jobs_fd = m->overlays_fd = m->uppers_fd = -1;
        m->instances = g_tree_new(compare_names);
        m->overlays = g_tree_new(compare_names);
        m->jobs = g_tree_new(compare_numbers);
        m->queue = g_queue_new();
        m->changed = g_ptr_array_new();
        m->starting = g_ptr_array_new();
        m->comparisons = g_ptr_array_new();
        m->consoles = g_ptr_array_new_with_free_func(console_call_free);
        m->auth = auth_new(m);
}

int manager_new(const char *root, const char *config_path, Manager **ret) {
        g_autoptr(Manager) m = g_new0(Manager, 1);
        g_autofree char *why = NULL;
        int r;

        bus_error_register();
        manager_init(m, root, config_path);

        r = manager_reload(m, &why);
        if (r < 0) {
                log_plain(LOG_ERR, "%s", why);
                return r;
        }

        r = open_directories(m);
        if (r >= 0)
                r = open_mounts(m);
        if (r >= 0)
                r = open_store(m);
        if (r < 0)
                return r;

        r = sd_event_default(&m->event);
        if (r >= 0)
                m->journal_watch = journal_watch_new(m->event);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &m->flush_source, on_flush, m);
        /* Before the next message is looked at: no answer shows what no signal has told yet. */
        if (r >= 0)
                r = sd_event_source_set_priority(m->flush_source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->flush_source, SD_EVENT_OFF);
        if (r >= 0)
                r = conflicts_new(m, &m->conflicts);
        if (r < 0)
                return r;

        m->qos = qos_new(m);
        m->shield = shield_new(m);
        m->firewall = firewall_new(m);

        *ret = g_steal_pointer(&m);
        return 0;
}

int manager_start(Manager *m) {
        int r;

        r = sd_bus_open_system_with_description(&m->bus, "left4med");
        if (r >= 0)
                r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(m->bus, true);
        if (r < 0) {
                log_plain(LOG_ERR, "Cannot connect to the system bus: %s", strerror(-r));
                return r;
        }

        r = units_new(m->bus, on_resync, m, &m->units);
        if (r >= 0)
                r = cpus_new(m, &m->cpus);
        if (r >= 0)
                r = bus_add_objects(m);
        if (r < 0) {
                log_plain(LOG_ERR, "Cannot offer the objects on the bus: %s", strerror(-r));
                return r;
        }

        return load_store(m);
}

static void destroy_job(gpointer j) {
        job_free(j);
}

static void destroy_instance(gpointer i) {
        instance_free(i);
}

static void destroy_overlay(gpointer o) {
        overlay_free(o);
}

static gboolean add_value(gpointer key, gpointer value, gpointer userdata) {
        g_ptr_array_add(userdata, value);
        return FALSE;
}

/* The destructors take their object out of the tree, which must not be walked meanwhile. */
static void free_all(GTree *tree, GDestroyNotify destroy) {
        g_autoptr(GPtrArray) values = g_ptr_array_new();

        g_tree_foreach(tree, add_value, values);
        for (unsigned k = 0; k < values->len; k++)
                destroy(values->pdata[k]);
        g_tree_unref(tree);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;

        m->firewall = firewall_free(m->firewall);
        g_ptr_array_unref(m->consoles);
        conflicts_free(m->conflicts);
        comparisons_cancel(m);
        free_all(m->jobs, destroy_job);
        free_all(m->instances, destroy_instance);
        free_all(m->overlays, destroy_overlay);
        qos_free(m->qos);
        shield_free(m->shield);
        auth_free(m->auth);
        cpus_free(m->cpus);
        units_free(m->units);
        sd_event_source_disable_unref(m->flush_source);
        sd_event_source_disable_unref(m->prune_source);
        journal_watch_free(m->journal_watch);
        sd_bus_flush_close_unref(m->bus);
        store_free(m->store);
        mounts_free(m->mounts);
        sd_event_unref(m->event);

        if (m->instances_fd >= 0)
                (void) close(m->instances_fd);
        if (m->jobs_fd >= 0)
                (void) close(m->jobs_fd);
        if (m->overlays_fd >= 0)
                (void) close(m->overlays_fd);
        if (m->uppers_fd >= 0)
                (void) close(m->uppers_fd);

        g_queue_free(m->queue);
        g_ptr_array_unref(m->changed);
        g_ptr_array_unref(m->starting);
        g_ptr_array_unref(m->comparisons);
        g_free(m->root);
        config_done(&m->config);
        g_free(m->config_path);
        g_free(m);
        return NULL;
}
