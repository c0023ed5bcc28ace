/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/shield.h"
#include "dbus/names.h"
#include "service/bus-error.h"
#include "service/check.h"
#include "service/firewall.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/shield-rules.h"
#include "service/store.h"

#define SETTING "shield"

static const char *const shield_properties[] = { "Mode", "State", "Limits", NULL };

static const ObjectType shield_type = {
        .interface = LEFT4ME_SHIELD_INTERFACE,
        .prefix = LEFT4ME_ROOT_PATH,
        .properties = shield_properties,
};

Shield *shield_new(Manager *m) {
        Shield *s = g_new0(Shield, 1);

        object_init(&s->object, m, &shield_type, "shield");
        s->object.shown = true;
        shield_config_init(&s->config);
        s->log = shield_log_new(m);
        return s;
}

Shield *shield_free(Shield *s) {
        if (!s)
                return NULL;

        shield_log_free(s->log);
        object_done(&s->object);
        g_free(s);
        return NULL;
}

int shield_load(Shield *s) {
        g_autofree char *text = NULL;
        int r;

        r = store_get_setting(s->object.manager->store, SETTING, &text);
        if (r < 0)
                return r;

        if (text)
                shield_config_from_text(text, &s->config);
        return 0;
}

int shield_configure(Shield *s, const ShieldConfig *c, Request *request, sd_bus_error *error) {
        g_autofree char *text = shield_config_to_text(c);
        Manager *m = s->object.manager;
        ShieldConfig old = s->config;
        int r;

        r = store_set_setting(m->store, SETTING, text);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the limits");

        s->config = *c;
        if (!shield_config_equal(&old, c)) {
                object_changed(&s->object,
                        old.mode != c->mode ? SHIELD_PROP_MODE | SHIELD_PROP_STATE | SHIELD_PROP_LIMITS
                                            : SHIELD_PROP_LIMITS);
                firewall_remake(m->firewall);
        }
        firewall_settle(m->firewall, request_in_force, request);
        return 0;
}

const char *shield_state(const Shield *s) {
        return s->config.mode == SHIELD_OFF ? "off" : firewall_state(s->object.manager->firewall);
}

void shield_firewall_changed(Shield *s) {
        if (s->config.mode != SHIELD_OFF)
                object_changed(&s->object, SHIELD_PROP_STATE);
}

void shield_check(const Shield *s, GPtrArray *findings) {
        const char *state = shield_state(s), *trouble = shield_log_trouble(s->log);

        if (s->config.mode == SHIELD_OFF)
                findings_add(findings, "shield", "warning",
                        g_strdup("it is off: a flood of queries reaches the servers as it is"),
                        g_strdup(
                                "left4mectl shield on; or first, to see what it would do: left4mectl shield count"));
        else if (!g_str_equal(state, "active"))
                findings_add(findings, "shield", "failed", g_strdup(state),
                        g_strdup("see what is said of the firewall; the kernel needs nf_tables"));
        else if (trouble)
                findings_add(findings, "shield", "warning",
                        g_strdup_printf("it acts, but the journal does not hear of floods: %s", trouble),
                        g_strdup("lsmod | grep nfnetlink_log; then systemctl restart left4med"));
        else if (s->config.mode == SHIELD_COUNT)
                findings_add(findings, "shield", "warning",
                        g_strdup("it counts what is above its limits, and drops nothing"),
                        g_strdup("left4mectl shield show; then left4mectl shield on"));
        else
                findings_add(findings, "shield", "ok", g_strdup("it is on"), g_strdup(""));
}

void shield_put(Manager *m, NftBatch *b) {
        const ShieldConfig *c = &m->shield->config;

        if (c->mode == SHIELD_OFF)
                return;

        for (ShieldKind kind = 0; kind < _SHIELD_KIND_MAX; kind++)
                for (ShieldCounter counter = 0; counter < _SHIELD_COUNTER_MAX; counter++) {
                        g_autofree char *name = shield_counter_name(kind, counter);

                        if (shield_counter_exists(kind, counter))
                                firewall_add_counter(m->firewall, b, name);
                }
        shield_rules_put(b, FIREWALL_TABLE, FIREWALL_PORTS, c, SHIELD_SEEN_MAX);
}
