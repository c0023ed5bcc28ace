/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/pkt_sched.h>
#include <string.h>

#include "service/shaper-plan.h"

#define IFB_PREFIX "l4i-"

void tc_snapshot_init(TcSnapshot *s) {
        *s = (TcSnapshot){
                .links = g_array_new(false, false, sizeof(TcLink)),
                .qdiscs = g_array_new(false, false, sizeof(TcQdisc)),
                .filters = g_array_new(false, false, sizeof(TcFilter)),
        };
}

void tc_snapshot_clear(TcSnapshot *s) {
        g_clear_pointer(&s->links, g_array_unref);
        g_clear_pointer(&s->qdiscs, g_array_unref);
        g_clear_pointer(&s->filters, g_array_unref);
}

const TcLink *tc_snapshot_find(const TcSnapshot *s, const char *name) {
        for (guint i = 0; i < s->links->len; i++) {
                const TcLink *l = &g_array_index(s->links, TcLink, i);

                if (g_str_equal(l->name, name))
                        return l;
        }

        return NULL;
}

static const TcQdisc *find_qdisc(const TcSnapshot *s, int link, uint32_t parent) {
        for (guint i = 0; i < s->qdiscs->len; i++) {
                const TcQdisc *q = &g_array_index(s->qdiscs, TcQdisc, i);

                if (q->link == link && q->parent == parent)
                        return q;
        }

        return NULL;
}

const TcQdisc *tc_snapshot_root(const TcSnapshot *s, int link) {
        return find_qdisc(s, link, TC_H_ROOT);
}

bool tc_snapshot_has_ingress(const TcSnapshot *s, int link) {
        return find_qdisc(s, link, TC_H_INGRESS) != NULL;
}

char *shaper_ifb_name(const char *interface) {
        g_autofree char *sum = NULL;

        if (strlen(IFB_PREFIX) + strlen(interface) < IFNAMSIZ)
                return g_strconcat(IFB_PREFIX, interface, NULL);

        sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, interface, -1);
        return g_strdup_printf(IFB_PREFIX "%.11s", sum);
}

/* -- who else --------------------------------------------------------------------------------------------------- */

static bool has_our_handle(const TcQdisc *q) {
        return q && q->is_cake && q->handle == TC_OUR_HANDLE;
}

/* The kernel's own default has no handle. */
static bool is_foreign(const TcQdisc *root, bool known) {
        return root && root->handle != 0 && !(known && has_our_handle(root));
}

static char *describe(const TcQdisc *q) {
        if (!q->is_cake)
                return g_strdup_printf("%s %x:", q->kind, TC_H_MAJ(q->handle) >> 16);

        return g_strdup_printf(
                "cake %x: %s", TC_H_MAJ(q->handle) >> 16, cake_presets[q->cake.options.preset]);
}

/* A preset that somebody else has chosen may make our marks mean nothing. */
static char *describe_other(const ShaperWish *w, const TcQdisc *root) {
        g_autofree char *what = root && root->handle != 0 ? describe(root) : NULL;
        bool blind = root && root->is_cake && root->cake.options.preset == CAKE_DIFFSERV_BESTEFFORT;

        return g_strdup_printf("%s manages its queue%s%s%s%s", w->other ? w->other : "another program",
                what ? " (" : "", what ? what : "", what ? ")" : "",
                blind ? ", and besteffort ignores what left4me marks" : "");
}

/* -- what comes in ---------------------------------------------------------------------------------------------- */

typedef struct Ingress {
        const TcQdisc *qdisc;   /* of the interface, NULL: none */
        const TcFilter *filter; /* ours in it, NULL: none */
        bool others;            /* there are other filters in it, or are to come */
        const TcLink *ifb;      /* NULL: none */
        char *name;             /* of the ifb */
} Ingress;

static void look_at_ingress(const ShaperWish *w, const TcSnapshot *s, const TcLink *link, Ingress *ret) {
        *ret = (Ingress){ .name = shaper_ifb_name(w->interface) };
        ret->ifb = tc_snapshot_find(s, ret->name);
        ret->qdisc = link ? find_qdisc(s, link->index, TC_H_INGRESS) : NULL;
        ret->others = ret->qdisc && !g_str_equal(ret->qdisc->kind, "ingress");

        for (guint i = 0; link && i < s->filters->len; i++) {
                const TcFilter *f = &g_array_index(s->filters, TcFilter, i);

                if (f->link != link->index)
                        continue;
                if (f->priority == TC_OUR_PRIORITY)
                        ret->filter = f;
                else
                        ret->others = true;
        }
}

/* Somebody else's filters, and none of ours among them. */
static bool ingress_is_foreign(const Ingress *i) {
        return i->others && !i->filter;
}

static void plan_no_ingress(const Ingress *i, const TcLink *link, GByteArray *messages) {
        if (i->filter && i->others)
                tc_delete_redirect(messages, link->index);
        else if (i->filter)
                tc_delete_ingress(messages, link->index);
        if (i->ifb && g_str_equal(i->ifb->kind, "ifb"))
                tc_delete_link(messages, i->ifb->index);
}

static void plan_ingress(const ShaperConfig *c, const TcSnapshot *s, const Ingress *i, const TcLink *link,
        GByteArray *messages) {
        const TcQdisc *root;
        CakeOptions options;

        /* The rest when the kernel has numbered it. */
        if (!i->ifb) {
                g_autofree char *alias = g_strdup_printf("left4me: what comes in by %s", link->name);

                tc_add_ifb(messages, i->name, alias);
                return;
        }

        if (!i->ifb->up)
                tc_set_up(messages, i->ifb->index);

        shaper_config_ingress(c, &options);
        root = tc_snapshot_root(s, i->ifb->index);
        if (root && root->handle == TC_OUR_HANDLE && !has_our_handle(root))
                tc_delete_root(messages, i->ifb->index);
        if (!has_our_handle(root) || !cake_is(&root->cake, &options))
                tc_set_cake(messages, i->ifb->index, &options, has_our_handle(root) ? &root->cake : NULL);

        /* In one go with the filter: an ingress of ours without it is never left behind. */
        if (ingress_is_foreign(i))
                tc_delete_ingress(messages, link->index);
        if (!i->qdisc || ingress_is_foreign(i))
                tc_add_ingress(messages, link->index);
        if (i->filter && i->filter->target != i->ifb->index)
                tc_delete_redirect(messages, link->index);
        if (!i->filter || i->filter->target != i->ifb->index)
                tc_add_redirect(messages, link->index, i->ifb->index);
}

/* -- the whole -------------------------------------------------------------------------------------------------- */

static void plan_egress(
        const ShaperConfig *c, const TcQdisc *root, const TcLink *link, GByteArray *messages) {
        if (has_our_handle(root) && cake_is(&root->cake, &c->egress))
                return;

        /* A new one takes the place of the old, or leaves it where it is; but for one of another kind with the handle that it is to get. */
        if (root && root->handle == TC_OUR_HANDLE && !has_our_handle(root))
                tc_delete_root(messages, link->index);
        tc_set_cake(messages, link->index, &c->egress, has_our_handle(root) ? &root->cake : NULL);
}

static ShaperPlan plan_removal(const ShaperWish *w, const TcQdisc *root, const Ingress *i,
        const TcLink *link, GByteArray *messages) {
        if (link && w->known && has_our_handle(root))
                tc_delete_root(messages, link->index);
        plan_no_ingress(i, link, messages);
        return messages->len > 0 ? SHAPER_SAY : SHAPER_DONE;
}

static ShaperPlan plan(
        const ShaperWish *w, const TcSnapshot *s, const Ingress *i, GByteArray *messages, char **ret_why) {
        const TcLink *link = tc_snapshot_find(s, w->interface);
        const TcQdisc *root = link ? tc_snapshot_root(s, link->index) : NULL;
        const ShaperConfig *c = w->config;

        if (!c)
                return plan_removal(w, root, i, link, messages);
        if (!link)
                return SHAPER_ABSENT;

        if (!c->takeover && (w->other || is_foreign(root, w->known))) {
                *ret_why = describe_other(w, root);
                return SHAPER_FOREIGN;
        }
        if (!c->takeover && c->ingress > 0 && ingress_is_foreign(i)) {
                *ret_why = g_strdup("another program has filters on what comes in");
                return SHAPER_FOREIGN;
        }
        if (c->ingress > 0 && i->ifb && !g_str_equal(i->ifb->kind, "ifb")) {
                *ret_why = g_strdup_printf("there is another interface %s", i->name);
                return SHAPER_FOREIGN;
        }

        plan_egress(c, root, link, messages);
        if (c->ingress > 0)
                plan_ingress(c, s, i, link, messages);
        else
                plan_no_ingress(i, link, messages);

        return messages->len > 0 ? SHAPER_SAY : SHAPER_DONE;
}

ShaperPlan shaper_plan(const ShaperWish *w, const TcSnapshot *s, GByteArray *messages, char **ret_why) {
        Ingress i;
        ShaperPlan p;

        look_at_ingress(w, s, tc_snapshot_find(s, w->interface), &i);
        p = plan(w, s, &i, messages, ret_why);
        g_free(i.name);
        return p;
}
