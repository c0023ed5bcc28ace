/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "standin.h"
#include "systemd-internal.h"

/* What an accounting property says when there is nothing to say. */
#define UNSET G_MAXUINT64

static const struct {
        const char *prefix;
        UnitKind kind;
} kinds[] = {
        { "left4me-overlay@", UNIT_OVERLAY },
        { "left4me-server@", UNIT_SERVER },
        { "left4me-build@", UNIT_BUILD },
        { "left4me-script@", UNIT_BUILD },
        { "left4me-steam@", UNIT_BUILD },
        { "left4me-workshop@", UNIT_BUILD },
        { "left4me-tree@", UNIT_TREE },
        { "left4me-cpus@", UNIT_CPUS },
};

static const char *const unit_emitted[] = { "ActiveState", "SubState", "StateChangeTimestamp",
        "InactiveExitTimestamp", "ActiveEnterTimestamp", "ActiveExitTimestamp", "InactiveEnterTimestamp",
        "Job", "InvocationID", NULL };
static const char *const service_emitted[] = { "MainPID", "ControlPID", "StatusText", "Result", "NRestarts",
        "ExecMainStartTimestamp", "ExecMainExitTimestamp", "ExecMainPID", "ExecMainCode", "ExecMainStatus",
        NULL };

char *systemd_unit_path(const char *name) {
        return standin_path(SYSTEMD_UNIT_PREFIX, name);
}

void systemd_emit(Systemd *s, const char *path, const char *interface, const char *signal, GVariant *body) {
        g_autoptr(GVariant) owned = g_variant_ref_sink(body);

        if (g_hash_table_size(s->subscribers) > 0)
                g_dbus_connection_emit_signal(s->bus, NULL, path, interface, signal, owned, NULL);
}

bool unit_is_running(const SystemdUnit *u) {
        return !g_str_equal(u->active_state, "inactive") && !g_str_equal(u->active_state, "failed");
}

void unit_free(SystemdUnit *u) {
        if (u->idle > 0)
                g_source_remove(u->idle);
        if (u->child_watch > 0) {
                g_source_remove(u->child_watch);
                (void) kill(-u->child, SIGKILL);
                (void) waitpid(u->child, NULL, 0);
        }
        if (u->job)
                g_free(u->job->path);
        g_free(u->job);
        g_hash_table_unref(u->refs);
        g_free(u->name);
        g_free(u->path);
        g_free(u->result);
        g_free(u->needs);
        g_free(u->mounted);
        g_free(u);
}

static UnitKind kind_of(const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (g_str_has_prefix(name, kinds[i].prefix))
                        return strlen(name) > strlen(kinds[i].prefix) + strlen(".service") ? kinds[i].kind
                                                                                           : UNIT_MISSING;

        return g_str_has_prefix(name, "left4me-") ? UNIT_MISSING : UNIT_OTHER;
}

/* The overlay unit that a server or a build binds to. */
static char *overlay_of(const char *name, UnitKind kind) {
        if (kind == UNIT_SERVER)
                return g_strconcat("left4me-overlay@server-", strchr(name, '@') + 1, NULL);
        if (kind == UNIT_BUILD)
                return g_strconcat("left4me-overlay@build-", strchr(name, '@') + 1, NULL);

        return NULL;
}

SystemdUnit *unit_load(Systemd *s, const char *name) {
        SystemdUnit *u = g_hash_table_lookup(s->units, name);

        if (u)
                return u;

        u = g_new0(SystemdUnit, 1);
        u->systemd = s;
        u->name = g_strdup(name);
        u->path = systemd_unit_path(name);
        u->kind = kind_of(name);
        u->active_state = "inactive";
        u->sub_state = "dead";
        u->result = g_strdup("success");
        u->refs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        u->needs = overlay_of(name, u->kind);
        g_hash_table_insert(s->units, u->name, u);
        if (u->needs)
                unit_load(s, u->needs);
        unit_announce(u);
        return u;
}

SystemdUnit *unit_by_path(Systemd *s, const char *path) {
        g_autofree char *name = standin_decode(path);

        return unit_load(s, name);
}

void unit_set_state(SystemdUnit *u, const char *active, const char *sub) {
        guint64 now = (guint64) g_get_real_time();
        bool was_active = g_str_equal(u->active_state, "active"), is_active = g_str_equal(active, "active");
        bool was_running = unit_is_running(u), is_running;

        u->active_state = active;
        u->sub_state = sub;
        is_running = unit_is_running(u);
        u->state_change = now;
        if (was_running != is_running)
                *(is_running ? &u->inactive_exit : &u->inactive_enter) = now;
        if (was_active != is_active)
                *(is_active ? &u->active_enter : &u->active_exit) = now;
        unit_mount(u);
}

static GVariant *unit_property(SystemdUnit *u, const char *property) {
        const struct {
                const char *name;
                guint64 value;
        } times[] = { { "StateChangeTimestamp", u->state_change },
                { "InactiveExitTimestamp", u->inactive_exit }, { "ActiveEnterTimestamp", u->active_enter },
                { "ActiveExitTimestamp", u->active_exit }, { "InactiveEnterTimestamp", u->inactive_enter } };
        g_autofree char *text = NULL;
        const char *names[] = { u->name, NULL };

        for (size_t i = 0; i < G_N_ELEMENTS(times); i++)
                if (g_str_equal(property, times[i].name))
                        return g_variant_new_uint64(times[i].value);
        if (g_str_equal(property, "Id"))
                return g_variant_new_string(u->name);
        if (g_str_equal(property, "Names"))
                return g_variant_new_strv(names, 1);
        if (g_str_equal(property, "LoadState"))
                return g_variant_new_string(u->kind == UNIT_MISSING ? "not-found" : "loaded");
        if (g_str_equal(property, "ActiveState"))
                return g_variant_new_string(u->active_state);
        if (g_str_equal(property, "SubState"))
                return g_variant_new_string(u->sub_state);
        if (g_str_equal(property, "FragmentPath"))
                return g_variant_new_take_string(g_strdup_printf(
                        "/usr/lib/systemd/system/%s", strchr(u->name, '@') ? "left4me.service" : u->name));
        if (g_str_equal(property, "DropInPaths"))
                return g_variant_new_strv(NULL, 0);
        if (g_str_equal(property, "NeedDaemonReload"))
                return g_variant_new_boolean(FALSE);
        if (g_str_equal(property, "Job"))
                return g_variant_new("(uo)", u->job ? u->job->id : 0, u->job ? u->job->path : "/");
        if (g_str_equal(property, "InvocationID"))
                return g_variant_new_fixed_array(
                        G_VARIANT_TYPE_BYTE, u->invocation, u->invoked ? sizeof u->invocation : 0, 1);

        return g_variant_new_string(
                g_str_equal(property, "UnitFileState") ? "static" : "left4me, as a stand-in");
}

static GVariant *service_property(SystemdUnit *u, const char *property) {
        bool runs = u->main_pid > 0;
        const struct {
                const char *name;
                guint64 value;
        } figures[] = { { "ExecMainStartTimestamp", u->exec_start },
                { "ExecMainExitTimestamp", u->exec_exit }, { "MemoryCurrent", runs ? 104857600 : UNSET },
                { "MemoryPeak", runs ? 209715200 : UNSET }, { "CPUUsageNSec", runs ? 12345678901 : UNSET },
                { "TasksCurrent", runs ? 7 : UNSET }, { "IPIngressBytes", runs ? 4096 : UNSET },
                { "IPEgressBytes", runs ? 8192 : UNSET } };

        for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
                if (g_str_equal(property, figures[i].name))
                        return g_variant_new_uint64(figures[i].value);
        if (g_str_equal(property, "Type"))
                return g_variant_new_string(
                        u->kind == UNIT_SERVER || u->kind == UNIT_OTHER ? "exec" : "oneshot");
        if (g_str_equal(property, "MainPID") || g_str_equal(property, "ExecMainPID"))
                return g_variant_new_uint32(u->main_pid);
        if (g_str_equal(property, "ControlPID"))
                return g_variant_new_uint32(0);
        if (g_str_equal(property, "Result"))
                return g_variant_new_string(u->result);
        if (g_str_equal(property, "NRestarts"))
                return g_variant_new_uint32(u->n_restarts);
        if (g_str_equal(property, "ExecMainCode"))
                return g_variant_new_int32(u->exec_code);
        if (g_str_equal(property, "ExecMainStatus"))
                return g_variant_new_int32(u->exec_status);

        return g_variant_new_string("");
}

GVariant *unit_get_property(SystemdUnit *u, const char *interface, const char *property) {
        if (g_str_equal(interface, SYSTEMD_UNIT))
                return unit_property(u, property);

        return g_str_equal(interface, SYSTEMD_SERVICE) ? service_property(u, property)
                                                       : slice_get_property(u, property);
}

static void emit_changed(SystemdUnit *u, const char *interface, const char *const *properties) {
        GVariantBuilder changed;

        g_variant_builder_init(&changed, G_VARIANT_TYPE_VARDICT);
        for (; *properties; properties++)
                g_variant_builder_add(
                        &changed, "{sv}", *properties, unit_get_property(u, interface, *properties));
        systemd_emit(u->systemd, u->path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                g_variant_new("(sa{sv}as)", interface, &changed, NULL));
}

void unit_announce(SystemdUnit *u) {
        if (!u->announced) {
                u->announced = true;
                systemd_emit(u->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "UnitNew",
                        g_variant_new("(so)", u->name, u->path));
                return;
        }

        /* The order is promised: clients may take the Unit's signal as the end of one change. */
        if (u->kind != UNIT_OTHER && u->kind != UNIT_MISSING)
                emit_changed(u, SYSTEMD_SERVICE, service_emitted);
        emit_changed(u, SYSTEMD_UNIT, unit_emitted);
}

void unit_job_add(SystemdUnit *u, const char *type) {
        Systemd *s = u->systemd;

        g_assert_null(u->job);
        u->job = g_new0(UnitJob, 1);
        u->job->id = ++s->last_job;
        u->job->path = g_strdup_printf(SYSTEMD_PATH "/job/%u", u->job->id);
        u->job->type = type;
        unit_announce(u);
        systemd_emit(s, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobNew",
                g_variant_new("(uos)", u->job->id, u->job->path, u->name));
}

void unit_job_remove(SystemdUnit *u, const char *result) {
        UnitJob *job = u->job;

        if (!job)
                return;

        /* The unit's new state comes before the end of its job, the unit without the job after it. */
        unit_announce(u);
        systemd_emit(u->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved",
                g_variant_new("(uoss)", job->id, job->path, u->name, result));
        u->job = NULL;
        g_free(job->path);
        g_free(job);
        unit_announce(u);
}

void unit_collect(SystemdUnit *u) {
        Systemd *s = u->systemd;
        GHashTableIter iter;
        SystemdUnit *other, *overlay;

        if (!g_str_equal(u->active_state, "inactive") || u->job || u->idle > 0 ||
                g_hash_table_size(u->refs) > 0)
                return;
        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &other))
                if (g_strcmp0(other->needs, u->name) == 0)
                        return;

        overlay = u->needs ? g_hash_table_lookup(s->units, u->needs) : NULL;
        systemd_emit(
                s, SYSTEMD_PATH, SYSTEMD_MANAGER, "UnitRemoved", g_variant_new("(so)", u->name, u->path));
        g_hash_table_remove(s->units, u->name);
        if (overlay)
                unit_collect(overlay);
}

void unit_ref_by(SystemdUnit *u, const char *sender) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(u->refs, sender));

        g_hash_table_insert(u->refs, g_strdup(sender), GUINT_TO_POINTER(count + 1));
}

bool unit_unref_by(SystemdUnit *u, const char *sender) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(u->refs, sender));

        if (count == 0)
                return false;

        if (count == 1)
                g_hash_table_remove(u->refs, sender);
        else
                g_hash_table_insert(u->refs, g_strdup(sender), GUINT_TO_POINTER(count - 1));
        return true;
}
