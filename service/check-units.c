/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/bus-entry.h"
#include "service/check.h"
#include "service/manager.h"
#include "service/unit-internal.h"

/*
 * That the units which systemd has are ours, whole: an administrator's drop-in may change limits, but a sandbox that a left-over
 * file in /etc has opened should be known. Asked of an instance that does not exist, which systemd loads like any other.
 */

#define FRAGMENTS "/usr/lib/systemd/system/"

typedef struct Expectation {
        const char *property;
        char type;
        const char *text; /* 's' */
        uint64_t number;  /* 'b', 't' */
} Expectation;

#define SYS_ADMIN_AND_DAC_OVERRIDE ((UINT64_C(1) << 21) | (UINT64_C(1) << 1))
#define NET_ADMIN (UINT64_C(1) << 12)

static const Expectation expect_game[] = {
        { "NoNewPrivileges", 'b', .number = 1 },
        { "PrivateUsers", 'b', .number = 1 },
        { "PrivateIPC", 'b', .number = 1 },
        { "PrivatePIDs", 's', .text = "yes" },
        { "PrivateDevices", 'b', .number = 1 },
        { "ProtectSystem", 's', .text = "strict" },
        { "RootDirectory", 's', .text = "/usr/lib/left4me/root" },
        { "User", 's', .text = "left4me" },
        { "CapabilityBoundingSet", 't', .number = 0 },
        { NULL },
};

static const Expectation expect_overlay[] = {
        { "NoNewPrivileges", 'b', .number = 1 },
        { "User", 's', .text = "left4me" },
        { "CapabilityBoundingSet", 't', .number = SYS_ADMIN_AND_DAC_OVERRIDE },
        { NULL },
};

static const Expectation expect_helper[] = {
        { "NoNewPrivileges", 'b', .number = 1 },
        { "ProtectSystem", 's', .text = "strict" },
        { "User", 's', .text = "left4me" },
        { "CapabilityBoundingSet", 't', .number = 0 },
        { NULL },
};

/* Root, and so all the more. */
static const Expectation expect_root[] = {
        { "NoNewPrivileges", 'b', .number = 1 },
        { "ProtectSystem", 's', .text = "strict" },
        { "PrivateUsers", 'b', .number = 1 },
        { "PrivateNetwork", 'b', .number = 1 },
        { "CapabilityBoundingSet", 't', .number = 0 },
        { NULL },
};

static const Expectation expect_manager[] = {
        { "NoNewPrivileges", 'b', .number = 1 },
        { "ProtectSystem", 's', .text = "strict" },
        { "User", 's', .text = "left4me-manager" },
        { "CapabilityBoundingSet", 't', .number = NET_ADMIN },
        { "AmbientCapabilities", 't', .number = NET_ADMIN },
        { NULL },
};

static const struct {
        const char *unit;
        const char *fragment;
        const Expectation *expectations;
} checked_units[] = {
        { "left4me-server@left4me-check.service", "left4me-server@.service", expect_game },
        { "left4me-build@0.service", "left4me-build@.service", expect_game },
        { "left4me-script@0.service", "left4me-script@.service", expect_game },
        { "left4me-steam@0.service", "left4me-steam@.service", expect_game },
        { "left4me-workshop@0.service", "left4me-workshop@.service", expect_game },
        { "left4me-tree@0.service", "left4me-tree@.service", expect_helper },
        { "left4me-cpus@clear.service", "left4me-cpus@.service", expect_root },
        { "left4me-overlay@left4me-check.service", "left4me-overlay@.service", expect_overlay },
        { "left4med.service", "left4med.service", expect_manager },
};

typedef struct CheckUnits {
        Manager *manager;
        GPtrArray *findings;
        void (*done)(void *userdata);
        void *userdata;
        unsigned awaited;
} CheckUnits;

typedef struct CheckUnit {
        CheckUnits *all;
        size_t index;
        char *path;
        GPtrArray *complaints; /* char* */
        unsigned told;         /* of its expectations, by systemd */
} CheckUnit;

static void check_units_unref(CheckUnits *c) {
        if (--c->awaited > 0)
                return;

        c->done(c->userdata);
        g_free(c);
}

static void check_unit_end(CheckUnit *u) {
        const char *name = checked_units[u->index].fragment;
        g_autofree char *complaints = NULL;

        g_ptr_array_add(u->complaints, NULL);
        complaints = g_strjoinv(", ", (char **) u->complaints->pdata);

        if (*complaints == '\0')
                findings_add(u->all->findings, name, "ok", g_strdup("installed, sandboxed, as shipped"),
                        g_strdup(""));
        else
                findings_add(u->all->findings, name, "failed", g_steal_pointer(&complaints),
                        g_strdup_printf(
                                "look for drop-ins that open it: systemctl cat %s; or reinstall the package",
                                name));

        check_units_unref(u->all);
        g_ptr_array_unref(u->complaints);
        g_free(u->path);
        g_free(u);
}

static int read_expected(sd_bus_message *m, const Expectation *e, bool *ret_met) {
        const char contents[] = { e->type, '\0' };
        const char *text = "";
        uint64_t number = 0;
        int b = 0, r;

        if (e->type == 's')
                r = sd_bus_message_read(m, "v", contents, &text);
        else if (e->type == 'b')
                r = sd_bus_message_read(m, "v", contents, &b);
        else
                r = sd_bus_message_read(m, "v", contents, &number);

        *ret_met = r >= 0 && (e->type == 's' ? g_str_equal(text, e->text)
                                             : e->number == (e->type == 'b' ? (uint64_t) b : number));
        return r;
}

static int read_setting(sd_bus_message *m, const char *property, void *userdata) {
        CheckUnit *u = userdata;
        const Expectation *e = checked_units[u->index].expectations;
        bool met;
        int r;

        while (e->property && !g_str_equal(e->property, property))
                e++;
        if (!e->property)
                return 0;

        r = read_expected(m, e, &met);
        if (!met)
                g_ptr_array_add(u->complaints, g_strdup_printf("%s= is not as shipped", property));
        u->told++;
        return r;
}

static int on_service(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        CheckUnit *u = userdata;
        unsigned wanted = 0;

        while (checked_units[u->index].expectations[wanted].property)
                wanted++;

        (void) bus_read_entries(reply, read_setting, u);
        if (u->told < wanted && u->complaints->len == 0)
                g_ptr_array_add(u->complaints, g_strdup("systemd does not tell all of its settings"));
        check_unit_end(u);
        return 1;
}

static int get_all(CheckUnit *u, const char *interface, sd_bus_message_handler_t handler) {
        return sd_bus_call_method_async(u->all->manager->bus, NULL, SYSTEMD_NAME, u->path,
                "org.freedesktop.DBus.Properties", "GetAll", handler, u, "s", interface);
}

/* Where a unit comes from. */
typedef struct Origin {
        char *fragment;
        char **drop_ins;
        int stale;
} Origin;

static int read_origin(sd_bus_message *m, const char *property, void *userdata) {
        Origin *o = userdata;
        const char *text;
        int r;

        if (g_str_equal(property, "NeedDaemonReload"))
                return sd_bus_message_read(m, "v", "b", &o->stale);

        if (g_str_equal(property, "FragmentPath")) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0) {
                        g_free(o->fragment);
                        o->fragment = g_strdup(text);
                }
                return r;
        }

        if (!g_str_equal(property, "DropInPaths") || o->drop_ins)
                return 0;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &o->drop_ins);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

static void check_origin(CheckUnit *u, const Origin *o) {
        const char *fragment = o->fragment ?: "";
        g_autofree char *expected = g_strconcat(FRAGMENTS, checked_units[u->index].fragment, NULL);
        g_autofree char *hardening = g_strconcat(expected, ".d/10-hardening.conf", NULL);

        if (!g_str_equal(fragment, expected))
                g_ptr_array_add(u->complaints,
                        *fragment == '\0' ? g_strdup("it is not installed")
                                          : g_strdup_printf("%s stands in its place", fragment));
        if (!o->drop_ins || !g_strv_contains((const char *const *) o->drop_ins, hardening))
                g_ptr_array_add(u->complaints, g_strdup("its 10-hardening.conf is not in force"));
        if (o->stale)
                g_ptr_array_add(u->complaints, g_strdup("its files have changed: systemctl daemon-reload"));
}

static int on_unit(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        CheckUnit *u = userdata;
        Origin origin = { 0 };

        (void) bus_read_entries(reply, read_origin, &origin);
        check_origin(u, &origin);
        g_free(origin.fragment);
        g_strfreev(origin.drop_ins);
        if (get_all(u, SYSTEMD_SERVICE, on_service) < 0)
                check_unit_end(u);

        return 1;
}

/* systemd loads a unit that is asked for by its path. */
int check_units(Manager *m, GPtrArray *findings, void (*done)(void *userdata), void *userdata) {
        CheckUnits *c = g_new(CheckUnits, 1);

        *c = (CheckUnits){
                .manager = m, .findings = findings, .done = done, .userdata = userdata, .awaited = 1
        };

        for (size_t i = 0; i < G_N_ELEMENTS(checked_units); i++) {
                CheckUnit *u = g_new0(CheckUnit, 1);

                u->all = c;
                u->index = i;
                u->complaints = g_ptr_array_new_with_free_func(g_free);
                c->awaited++;
                if (sd_bus_path_encode(SYSTEMD_UNIT_PREFIX, checked_units[i].unit, &u->path) < 0 ||
                        get_all(u, SYSTEMD_UNIT, on_unit) < 0) {
                        g_ptr_array_add(u->complaints, g_strdup("systemd cannot be asked"));
                        check_unit_end(u);
                }
        }

        check_units_unref(c);
        return 0;
}
