/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/instance.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/nflog.h"
#include "service/shield-report.h"
#include "service/shield-rules.h"
#include "service/shield.h"

/* The rules bound what one source makes (one report a minute) and what each kind makes; this is the bound of all together. */
#define RECORDS_BURST 30U
#define RECORD_INTERVAL (2 * G_USEC_PER_SEC)

struct ShieldLog {
        Manager *manager;
        NfLog *nflog;
        char *trouble;
        unsigned left;   /* records that may be written at once */
        uint64_t filled; /* when `left` was last filled up, monotonic */
        unsigned missed; /* since the last record */
};

static bool may_write(ShieldLog *l) {
        uint64_t now = (uint64_t) g_get_monotonic_time(), more = (now - l->filled) / RECORD_INTERVAL;

        if (more > 0) {
                l->left = (unsigned) MIN(l->left + more, RECORDS_BURST);
                l->filled += more * RECORD_INTERVAL;
        }
        if (l->left == 0)
                l->missed++;

        return l->left > 0 && l->left-- > 0;
}

typedef struct Search {
        uint16_t port;
        const char *name;
} Search;

static gboolean has_port(gpointer key, gpointer value, gpointer userdata) {
        const Instance *i = value;
        Search *s = userdata;

        if (i->config->port == s->port)
                s->name = i->name;
        return s->name != NULL;
}

static char *what_happens(const ShieldConfig *c, const ShieldReport *r) {
        const char *kind = shield_kind_to_string(r->kind);
        const ShieldLimit *l;

        if (r->kind >= _SHIELD_LIMITED_MAX)
                return g_strdup_printf("%s sends %s datagrams", r->source, kind);

        l = &c->limits[r->kind];
        if (r->of_port)
                return g_strdup_printf(
                        "all sources together send more %s packets than %u a second (%u of them new sources')",
                        kind, (unsigned) l->port_rate, (unsigned) l->port_rate / 2);

        return g_strdup_printf(
                "%s sends more %s packets than %u a second", r->source, kind, (unsigned) l->source_rate);
}

static void on_packet(const char *prefix, const uint8_t *packet, size_t size, void *userdata) {
        g_autofree char *what = NULL;
        ShieldLog *l = userdata;
        const ShieldConfig *c = &l->manager->shield->config;
        Search search = { 0 };
        ShieldReport r;

        if (shield_report_parse(prefix, packet, size, &r) < 0 || !may_write(l))
                return;

        search.port = r.port;
        g_tree_foreach(l->manager->instances, has_port, &search);
        what = what_happens(c, &r);
        log_shield(&(const ShieldRecord){
                .instance = search.name ?: "",
                .what = what,
                .source = r.of_port ? "" : r.source,
                .kind = shield_kind_to_string(r.kind),
                .limit = r.of_port ? "port" : "source",
                .port = r.port,
                .dropped = c->mode == SHIELD_ON,
                .missed = l->missed,
        });
        l->missed = 0;
}

ShieldLog *shield_log_new(Manager *m) {
        ShieldLog *l = g_new(ShieldLog, 1);
        int r;

        *l = (ShieldLog){ .manager = m, .left = RECORDS_BURST, .filled = (uint64_t) g_get_monotonic_time() };
        r = nflog_new(m->event, SHIELD_LOG_GROUP, SHIELD_REPORT_LENGTH, on_packet, l, &l->nflog);
        if (r == -EBUSY)
                l->trouble = g_strdup_printf("another program has the log group %u", SHIELD_LOG_GROUP);
        else if (r < 0)
                l->trouble = g_strdup_printf("the kernel's packet log: %s", strerror(-r));

        return l;
}

ShieldLog *shield_log_free(ShieldLog *l) {
        if (!l)
                return NULL;

        nflog_free(l->nflog);
        g_free(l->trouble);
        g_free(l);
        return NULL;
}

const char *shield_log_trouble(const ShieldLog *l) {
        return l->trouble;
}
