/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "service/autostart.h"
#include "service/bus-error.h"
#include "service/firewall.h"
#include "service/instance-internal.h"
#include "service/intent.h"
#include "service/job.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/mounts.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/request.h"
#include "service/store.h"
#include "service/util.h"

static const char *const instance_properties[] = { "Port", "Game", "Overlays", "Autostart", "ActiveState",
        "SubState", "MainPID", "Restarts", "ActiveSince", "LastExit", "LayersInUse", "UpdatePending",
        "Intents", "Held", NULL };

static const ObjectType instance_type = {
        .interface = LEFT4ME_INSTANCE_INTERFACE,
        .prefix = LEFT4ME_INSTANCE_PREFIX,
        .properties = instance_properties,
};

Instance *instance_new(Manager *m, const char *name, uint64_t named, InstanceConfig *config) {
        g_autofree char *server = g_strdup_printf("left4me-server@%s.service", name),
                        *mount = g_strdup_printf("left4me-overlay@server-%s.service", name);
        Instance *i = g_new0(Instance, 1);

        object_init(&i->object, m, &instance_type, name);
        i->manager = m;
        i->name = g_strdup(name);
        i->named = named;
        i->config = config;
        i->layers = stack_new();
        i->requests = g_ptr_array_new();
        i->stop_requests = g_ptr_array_new();
        i->server = unit_new(m->units, server, instance_on_server, i);
        i->mount = unit_new(m->units, mount, instance_on_mount, i);
        (void) g_strlcpy(i->active, unit_state(i->server)->active, sizeof(i->active));
        (void) g_strlcpy(i->sub, unit_state(i->server)->sub, sizeof(i->sub));
        g_tree_insert(m->instances, i->name, i);
        return i;
}

Instance *instance_free(Instance *i) {
        if (!i)
                return NULL;

        (void) g_tree_remove(i->manager->instances, i->name);
        autostart_forget(i);
        intent_free(i->intent);
        object_done(&i->object);
        sd_event_source_disable_unref(i->stop_again);
        unit_free(i->server);
        unit_free(i->mount);
        for (unsigned k = 0; k < i->requests->len; k++)
                request_drop(i->requests->pdata[k]);
        for (unsigned k = 0; k < i->stop_requests->len; k++)
                request_drop(i->stop_requests->pdata[k]);
        g_ptr_array_unref(i->requests);
        g_ptr_array_unref(i->stop_requests);
        g_array_unref(i->layers);
        g_clear_pointer(&i->written, g_array_unref);
        instance_config_free(i->config);
        g_free(i->console_refused);
        g_free(i->name);
        g_free(i);
        return NULL;
}

Instance *instance_find(Manager *m, const char *name) {
        return g_tree_lookup(m->instances, name);
}

bool instance_is_down(const Instance *i) {
        return unit_is_down(i->server) && unit_is_down(i->mount);
}

int instance_check_idle(const Instance *i, sd_bus_error *error) {
        static const char *const doings[] = {
                [OPERATION_START] = "is being started",
                [OPERATION_STOP] = "is being stopped",
                [OPERATION_RESTART] = "is being restarted",
                [OPERATION_JOB] = "has a job under way",
        };

        if (i->operation == OPERATION_NONE)
                return 0;

        return sd_bus_error_setf(error, LEFT4ME_ERROR_BUSY,
                "The server '%s' %s. Try again when that has ended.", i->name, doings[i->operation]);
}

int instance_check_down(const Instance *i, sd_bus_error *error) {
        int r;

        r = instance_check_idle(i, error);
        if (r < 0)
                return r;

        if (!instance_is_down(i))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INSTANCE_RUNNING,
                        "The server '%s' runs. Stop it first (left4mectl stop %s).", i->name, i->name);

        return 0;
}

/* -- what the user decides ----------------------------------------------------------------------------------- */

typedef struct PortUse {
        uint16_t port;
        const Instance *except;
        const Instance *user;
} PortUse;

static gboolean find_port(gpointer key, gpointer value, gpointer userdata) {
        PortUse *use = userdata;
        Instance *i = value;

        if (i == use->except || i->config->port != use->port)
                return FALSE;

        use->user = i;
        return TRUE;
}

static const Instance *port_user(Manager *m, uint16_t port, const Instance *except) {
        PortUse use = { .port = port, .except = except };

        g_tree_foreach(m->instances, find_port, &use);
        return use.user;
}

static int choose_port(Manager *m, uint16_t *ret, sd_bus_error *error) {
        for (unsigned port = m->config.first_port; port <= m->config.last_port; port++)
                if (!port_user(m, (uint16_t) port, NULL)) {
                        *ret = (uint16_t) port;
                        return 0;
                }

        return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_FREE_PORT,
                "All ports from %u to %u are given. Delete a server, or widen GamePorts= in left4me.conf.",
                m->config.first_port, m->config.last_port);
}

static int check_overlay(Manager *m, const char *name, sd_bus_error *error) {
        const Overlay *o = overlay_find(m, name);

        if (!o)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_OVERLAY,
                        "There is no overlay '%s'. See: left4mectl overlay list", name);

        if (o->job && job_is(o->job, JOB_DELETE_OVERLAY))
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_NO_SUCH_OVERLAY, "The overlay '%s' is being deleted.", name);

        return 0;
}

/* That the port is free and the overlays exist. */
static int check_config(Manager *m, const InstanceConfig *c, const Instance *except, sd_bus_error *error) {
        const Instance *user = port_user(m, c->port, except);
        int r;

        if (user)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_PORT_IN_USE,
                        "Port %u belongs to the server '%s'. Choose another one, or none to get the next free one.",
                        c->port, user->name);

        if (!c->game)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "Game: name the overlay that holds the game (left4mectl create NAME --game OVERLAY).");

        if (g_strv_contains((const char *const *) c->overlays, c->game))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "Overlays: '%s' is the game already, the lowest layer.", c->game);

        r = check_overlay(m, c->game, error);
        for (char **o = c->overlays; *o && r >= 0; o++)
                r = check_overlay(m, *o, error);

        return r;
}

void instance_tell_overlays(Manager *m, const InstanceConfig *c) {
        for (char **name = c->overlays; *name; name++) {
                Overlay *o = overlay_find(m, *name);

                if (o)
                        object_changed(&o->object, OVERLAY_USED_BY);
        }

        if (c->game && overlay_find(m, c->game))
                object_changed(&overlay_find(m, c->game)->object, OVERLAY_USED_BY);
}

int instance_create(
        Manager *m, const char *name, InstanceConfig **config, Instance **ret, sd_bus_error *error) {
        InstanceConfig *c = *config;
        uint64_t now = now_usec();
        Instance *i;
        int r;

        if (instance_find(m, name))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NAME_TAKEN,
                        "There is a server '%s' already. Choose another name.", name);

        if (g_tree_nnodes(m->instances) >= (int) INSTANCES_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "There are %u servers already. Delete some first.", INSTANCES_MAX);

        if (c->port == 0) {
                r = choose_port(m, &c->port, error);
                if (r < 0)
                        return r;
        }

        r = check_config(m, c, NULL, error);
        if (r >= 0)
                r = instance_check_held(m, c, error);
        if (r < 0)
                return r;

        r = store_add_instance(m->store, name, now, c);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the server");

        i = instance_new(m, name, now, g_steal_pointer(config));
        object_show(&i->object);
        instance_tell_overlays(m, i->config);
        *ret = i;
        return 0;
}

int instance_configure(Instance *i, InstanceConfig **config, sd_bus_error *error) {
        InstanceConfig *c = *config, *old = i->config;
        bool game, overlays;
        int r;

        r = i->operation == OPERATION_JOB ? instance_check_idle(i, error) : 0;
        if (r < 0)
                return r;

        instance_forget_held(c, old);
        r = check_config(i->manager, c, i, error);
        if (r >= 0)
                r = instance_check_held(i->manager, c, error);
        if (r < 0)
                return r;

        if (c->port != old->port && !instance_is_down(i))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INSTANCE_RUNNING,
                        "The server '%s' runs, so its port cannot change. Stop it first (left4mectl stop %s).",
                        i->name, i->name);

        r = store_set_instance(i->manager->store, i->name, c);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the settings");

        i->config = g_steal_pointer(config);
        game = !g_str_equal(c->game, old->game);
        overlays = !g_strv_equal((const char *const *) c->overlays, (const char *const *) old->overlays);
        object_changed(&i->object, (c->port != old->port ? INSTANCE_PORT : 0) | (game ? INSTANCE_GAME : 0) |
                                           (overlays ? INSTANCE_OVERLAYS : 0) |
                                           (c->autostart != old->autostart ? INSTANCE_AUTOSTART : 0) |
                                           (instance_held_equal(c, old) ? 0 : INSTANCE_HELD));
        if (game || overlays) {
                instance_tell_overlays(i->manager, old);
                instance_tell_overlays(i->manager, c);
        }
        instance_refresh_pending(i);
        prune_later(i->manager);
        firewall_look(i->manager->firewall, i);
        instance_config_free(old);
        return 0;
}

bool instance_uses(const Instance *i, const char *overlay) {
        return g_str_equal(i->config->game, overlay) ||
               g_strv_contains((const char *const *) i->config->overlays, overlay);
}

bool instance_has_mounted(const Instance *i, const char *overlay) {
        for (unsigned l = 0; l < i->layers->len; l++)
                if (g_str_equal(g_array_index(i->layers, Layer, l).overlay, overlay))
                        return true;

        return false;
}

void instance_rename_overlay(Instance *i, const char *from, const char *to) {
        if (g_str_equal(i->config->game, from)) {
                g_free(i->config->game);
                i->config->game = g_strdup(to);
                object_changed(&i->object, INSTANCE_GAME);
        }

        for (char **name = i->config->overlays; *name; name++)
                if (g_str_equal(*name, from)) {
                        g_free(*name);
                        *name = g_strdup(to);
                        object_changed(&i->object, INSTANCE_OVERLAYS);
                }

        instance_rename_held(i, from, to);
        instance_refresh_pending(i);
}

/* -- what systemd says --------------------------------------------------------------------------------------- */

void instance_refresh_pending(Instance *i) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autoptr(Stack) stack = NULL;
        bool pending = false;

        if (i->layers->len > 0)
                pending = instance_plan_stack(i, &stack, &error) < 0 || !stack_equal(stack, i->layers);
        sd_bus_error_free(&error);

        if (pending != i->update_pending) {
                i->update_pending = pending;
                object_changed(&i->object, INSTANCE_UPDATE_PENDING);
        }

        intent_refresh(i);
}

/* What is mounted is read, not remembered, and whatever the unit of the mount says: news of it may be late, and one that has failed may be
 * mounted. */
void instance_read_layers(Instance *i) {
        g_autofree char *target = g_strdup_printf(
                "%s/var/lib/left4me/runtime/server-%s/merged", i->manager->root, i->name);
        const char *options = mounts_find(i->manager->mounts, target);
        Stack *layers;

        layers = options ? stack_from_mount_options(options) : stack_new();
        if (!stack_equal(layers, i->layers))
                object_changed(&i->object, INSTANCE_LAYERS_IN_USE);
        g_array_unref(i->layers);
        i->layers = layers;
        instance_refresh_pending(i);
}

/* Of an exit that systemd missed its word for the result may leave no doubt of the signal. */
static int status_of(const UnitState *s) {
        if (s->exited > 0)
                return s->exit_status;

        return g_str_equal(s->result, "timeout") || g_str_equal(s->result, "oom-kill") ? SIGKILL : 0;
}

/* systemd forgets it when it starts the server again, so the store remembers. */
static void note_exit(Instance *i, const UnitState *s, uint64_t when) {
        i->last_exit = (LastExit){ .status = status_of(s), .when = when };
        (void) g_strlcpy(i->last_exit.result, s->result, sizeof(i->last_exit.result));
        object_changed(&i->object, INSTANCE_LAST_EXIT);

        if (store_set_last_exit(i->manager->store, i->name, &i->last_exit) < 0)
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_OPERATION_FAILED, i->name,
                        "cannot store how it ended, ignoring");
}

/* The first process of a PID namespace is not always a child of systemd's, whose end it can miss; the unit's own then tells (257, tried). */
static bool exit_was_missed(const Instance *i, const UnitState *s) {
        bool ended = unit_is_down(i->server) || unit_waits_to_restart(i->server);

        return ended && s->exited == 0 && s->entered > i->last_exit.when && s->down > s->entered &&
               s->result[0];
}

static void note_crash(Instance *i, const UnitState *s) {
        if (unit_waits_to_restart(i->server))
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_INSTANCE_CRASHED, i->name,
                        "ended by itself (%s, status %d), systemd starts it again", s->result, status_of(s));
        else if (s->restarts > 0)
                /* That the start limit is reached systemd tells nobody: it just starts it no more. */
                log_instance(LOG_ERR, LEFT4ME_MESSAGE_INSTANCE_GAVE_UP, i->name,
                        "ended by itself too often (%u automatic restarts) and stays down (%s, status %d)",
                        s->restarts, s->result, status_of(s));
        else
                log_instance(LOG_ERR, LEFT4ME_MESSAGE_INSTANCE_CRASHED, i->name, "failed (%s, status %d)",
                        s->result, status_of(s));
}

void instance_take_state(Instance *i) {
        const UnitState *s = unit_state(i->server);
        bool failed = g_str_equal(s->sub, "failed"), waits = g_str_equal(s->sub, "auto-restart");
        /* Nobody who watches is to take the moment before an automatic restart for a failure. */
        const char *active = unit_waits_to_restart(i->server) ? "activating" : s->active;
        uint32_t bits = 0;

        /* The result may come after the exit; that somebody resets a failure changes nothing about the exit. */
        if (s->exited > 0 &&
                (s->exited != i->last_exit.when || (!g_str_equal(s->result, "success") &&
                                                           !g_str_equal(s->result, i->last_exit.result))))
                note_exit(i, s, s->exited);
        else if (exit_was_missed(i, s))
                note_exit(i, s, s->down);
        if ((failed && !g_str_equal(i->sub, "failed")) || (waits && !g_str_equal(i->sub, "auto-restart")))
                note_crash(i, s);

        bits |= g_str_equal(i->active, active) ? 0 : INSTANCE_ACTIVE_STATE;
        bits |= g_str_equal(i->sub, s->sub) ? 0 : INSTANCE_SUB_STATE;
        bits |= i->main_pid == s->main_pid ? 0 : INSTANCE_MAIN_PID;
        bits |= i->restarts == s->restarts ? 0 : INSTANCE_RESTARTS;
        bits |= i->active_since == s->active_since ? 0 : INSTANCE_ACTIVE_SINCE;

        (void) g_strlcpy(i->active, active, sizeof(i->active));
        (void) g_strlcpy(i->sub, s->sub, sizeof(i->sub));
        i->main_pid = s->main_pid;
        i->restarts = s->restarts;
        i->active_since = s->active_since;
        object_changed(&i->object, bits);
        intent_refresh(i);
}
