/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>

#include "service/firewall.h"
#include "service/manager.h"
#include "service/nft-meter.h"
#include "service/shield-report.h"
#include "service/shield-rules.h"
#include "service/shield.h"

/* Questions to the kernel, one after the other: the counters, the sources of IPv4, those of IPv6. */
typedef struct Question {
        Shield *shield;
        ShieldFigures done;
        void *userdata;
        GArray *figures;
        uint64_t now; /* usec since 1970 */
        uint8_t family;
} Question;

static int compare_figures(gconstpointer a, gconstpointer b) {
        const ShieldFigure *x = a, *y = b;

        return x->packets < y->packets ? 1 : x->packets > y->packets ? -1 : 0;
}

static void question_end(Question *q, int r, const char *why) {
        g_array_sort(q->figures, compare_figures);
        q->done(r, why, q->figures, q->userdata);
        g_array_unref(q->figures);
        g_free(q);
}

static void take(const NftMetered *k, void *userdata) {
        Question *q = userdata;
        ShieldFigure f;
        ShieldSource s;

        if (!shield_source_key_parse(q->family, k->key, k->size, &s))
                return;

        f = (ShieldFigure){ .port = s.port, .kind = s.kind, .packets = k->packets, .bytes = k->bytes };
        /* It is to be forgotten so long after the last one. */
        f.last = q->now - (SHIELD_SOURCES_MEMORY - MIN(k->left, SHIELD_SOURCES_MEMORY)) * 1000U;
        G_STATIC_ASSERT(sizeof(f.source) >= INET6_ADDRSTRLEN + 4U);
        shield_source_to_text(q->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET, s.address, f.source);
        g_array_append_val(q->figures, f);
}

static void on_message(const struct nlmsghdr *m, void *userdata) {
        nft_parse_meter(m, take, userdata);
}

static void ask_sources(Question *q, uint8_t family, NetlinkDone done) {
        Netlink *n = firewall_netlink(q->shield->object.manager->firewall);
        int r = -EPROTONOSUPPORT;

        q->family = family;
        if (n)
                r = nft_list_meter(n, FIREWALL_TABLE, shield_sources_set(family), on_message, done, q);
        if (r < 0)
                done(r, NULL, q);
}

static void on_ipv6(int r, const char *why, void *userdata) {
        question_end(userdata, r, why);
}

static void on_ipv4(int r, const char *why, void *userdata) {
        if (r < 0)
                question_end(userdata, r, why);
        else
                ask_sources(userdata, NFPROTO_IPV6, on_ipv6);
}

static void on_counters(int r, const char *why, void *userdata) {
        Question *q = userdata;

        if (r < 0 || q->shield->config.mode == SHIELD_OFF)
                question_end(q, r, why);
        else
                ask_sources(q, NFPROTO_IPV4, on_ipv4);
}

void shield_get_figures(Shield *s, ShieldFigures done, void *userdata) {
        Question *q = g_new(Question, 1);

        *q = (Question){ .shield = s,
                .done = done,
                .userdata = userdata,
                .figures = g_array_new(FALSE, FALSE, sizeof(ShieldFigure)),
                .now = (uint64_t) g_get_real_time() };
        firewall_read_counters(s->object.manager->firewall, on_counters, q);
}
