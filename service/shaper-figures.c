/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/check.h"
#include "service/shaper-internal.h"

/* What somebody asks about: the tins, and the doctor's lines. */

/* -- the tins -------------------------------------------------------------------------------------------------- */

typedef struct Asked {
        Shapers *shapers;
        GArray *figures;
        ShaperFiguresDone done;
        void *userdata;
} Asked;

typedef struct Match {
        int link;
        const Shaper *shaper;
} Match;

static gboolean match(gpointer key, gpointer value, gpointer userdata) {
        const Shaper *shaper = value;
        Match *m = userdata;

        if (shaper->link == m->link || shaper->ifb == m->link)
                m->shaper = shaper;
        return m->shaper != NULL;
}

static void on_qdisc(const struct nlmsghdr *message, void *userdata) {
        Asked *asked = userdata;
        ShaperFigures f;
        TcQdisc qdisc;
        Match m = { 0 };

        if (tc_parse_qdisc(message, &qdisc) < 0 || !qdisc.is_cake || qdisc.parent != TC_H_ROOT ||
                qdisc.link <= 0)
                return;

        m.link = qdisc.link;
        g_tree_foreach(asked->shapers->shapers, match, &m);
        if (!m.shaper || tc_parse_statistics(message, &f.statistics) < 0)
                return;

        f.interface = m.shaper->interface;
        f.ingress = qdisc.link == m.shaper->ifb;
        f.options = qdisc.cake.options;
        g_array_append_val(asked->figures, f);
}

static int compare(gconstpointer a, gconstpointer b) {
        const ShaperFigures *x = a, *y = b;
        int c = strcmp(x->interface, y->interface);

        return c != 0 ? c : (int) x->ingress - (int) y->ingress;
}

static void on_qdiscs(int r, const char *why, void *userdata) {
        Asked *asked = userdata;

        if (r >= 0)
                g_array_sort(asked->figures, compare);
        asked->done(r < 0 ? NULL : asked->figures, asked->userdata);
        g_array_unref(asked->figures);
        g_free(asked);
}

int shapers_get_figures(Shapers *s, ShaperFiguresDone done, void *userdata) {
        g_autoptr(GByteArray) message = g_byte_array_new();
        Asked *asked;
        int r;

        if (!s->netlink)
                return -EPROTONOSUPPORT;

        asked = g_new(Asked, 1);
        *asked = (Asked){
                .shapers = s,
                .figures = g_array_new(false, false, sizeof(ShaperFigures)),
                .done = done,
                .userdata = userdata,
        };

        tc_dump_qdiscs(message);
        r = netlink_request(s->netlink, message->data, message->len, on_qdisc, on_qdiscs, asked);
        if (r < 0) {
                g_array_unref(asked->figures);
                g_free(asked);
        }

        return r;
}

/* -- the doctor ------------------------------------------------------------------------------------------------ */

typedef struct Examination {
        Shapers *shapers;
        GPtrArray *findings;
        void (*done)(void *userdata);
        void *userdata;
} Examination;

static void examine(const ShaperInfo *i, void *userdata) {
        GPtrArray *findings = userdata;
        bool active = g_str_equal(i->state, SHAPER_ACTIVE);
        g_autofree char *check = g_strdup_printf("queue of %s", i->interface);

        findings_add(findings, check, active && !i->warning ? "ok" : "warning",
                g_strdup_printf("%s, %s%s%s", i->state, cake_presets[i->config->egress.preset],
                        i->warning ? ": " : "", i->warning ? i->warning : ""),
                active && !i->warning ? g_strdup("")
                : active ? g_strdup_printf("left4mectl qos shape %s --preset diffserv4 ...", i->interface)
                         : g_strdup_printf("left4mectl qos shape %s ... --takeover, or qos unshape %s",
                                   i->interface, i->interface));
}

static void on_tried(int r, const char *why, void *userdata) {
        Examination *e = userdata;
        bool missing = r == -ENOENT;

        if (r == -ECANCELED) {
                /* The program ends, and the others of this examination with it. */
                e->done(e->userdata);
                g_free(e);
                return;
        }

        findings_add(e->findings, "CAKE",
                missing       ? "warning"
                : r == -EPERM ? "unknown"
                              : "ok",
                g_strdup(missing       ? "this kernel has no CAKE (module sch_cake): no queue can be shaped"
                         : r == -EPERM ? "left4med has no right to look for CAKE"
                                       : "this kernel has CAKE"),
                g_strdup(missing ? "run one of Debian's kernels (linux-image-amd64), which have it" : ""));
        shapers_each(e->shapers, examine, e->findings);
        e->done(e->userdata);
        g_free(e);
}

int shapers_check(Shapers *s, GPtrArray *findings, void (*done)(void *userdata), void *userdata) {
        g_autoptr(GByteArray) message = g_byte_array_new();
        Examination *e;
        int r;

        if (!s->netlink)
                return -EPROTONOSUPPORT;

        e = g_new(Examination, 1);
        *e = (Examination){ s, findings, done, userdata };
        tc_try_cake(message);
        r = netlink_request(s->netlink, message->data, message->len, NULL, on_tried, e);
        if (r < 0)
                g_free(e);

        return r;
}
