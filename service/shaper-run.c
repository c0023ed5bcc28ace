/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/manager.h"
#include "service/shaper-internal.h"
#include "service/util.h"

/*
 * One run: dumps of what the kernel has; for each shaper what is to be said; and again, since a link that was made must first be seen.
 * Everything is asynchronous, `awaited` counts the requests under way. Nothing is said twice in a run after the kernel refused it.
 */

/* What is made in one run: link, then its queue; and one more look, for the good end. */
#define ROUNDS_MAX 6U

/* A fight with another program: so many times in a minute, then not until the minute is over. */
#define SAID_MAX 40U
#define WINDOW_USEC (60 * G_USEC_PER_SEC)

static void run_round(Shapers *s);

static gboolean forget_refusal(gpointer key, gpointer value, gpointer userdata) {
        Shaper *shaper = value;

        shaper->r = 0;
        g_clear_pointer(&shaper->refusal, g_free);
        return FALSE;
}

static gboolean settle(gpointer key, gpointer value, gpointer userdata) {
        shaper_settle(value);
        return FALSE;
}

/* One that is told to leave in the middle of a run goes with the next. */
static gboolean find_left(gpointer key, gpointer value, gpointer userdata) {
        const Shaper *shaper = value;

        if (shaper->left)
                *(const char **) userdata = key;
        return shaper->left;
}

/* Those whose removal is over, be it well or not: what is left of one that the kernel did not give up is no concern of the store. */
static void forget_left(Shapers *s) {
        for (;;) {
                const char *left = NULL;

                g_tree_foreach(s->shapers, find_left, &left);
                if (!left)
                        return;

                shapers_forget(s, left);
        }
}

static void end_run(Shapers *s) {
        g_tree_foreach(s->shapers, settle, NULL);
        shaper_calls_end(s);
        forget_left(s);
        s->busy = false;

        if (s->gone && (s->r < 0 || g_tree_nnodes(s->shapers) == 0)) {
                void (*gone)(void *userdata) = s->gone;

                s->gone = NULL;
                gone(s->gone_userdata);
        }

        if (s->again || !g_queue_is_empty(&s->calls))
                shapers_run(s);
}

/* -- saying ---------------------------------------------------------------------------------------------------- */

static int on_window_over(sd_event_source *source, uint64_t usec, void *userdata) {
        shapers_run(userdata);
        return 0;
}

/* Whether it may be said once more. */
static bool spend(Shaper *shaper) {
        Shapers *s = shaper->all;
        uint64_t now = (uint64_t) g_get_monotonic_time();

        if (now - shaper->window >= WINDOW_USEC) {
                shaper->window = now;
                shaper->n_said = 0;
        }

        if (shaper->n_said < SAID_MAX) {
                shaper->n_said++;
                return true;
        }

        shaper->tired = true;
        sd_event_source_disable_unref(s->timer);
        s->timer = NULL;
        (void) sd_event_add_time(s->manager->event, &s->timer, CLOCK_MONOTONIC, shaper->window + WINDOW_USEC,
                G_USEC_PER_SEC, on_window_over, s);
        return false;
}

static void on_said(int r, const char *why, void *userdata) {
        Shaper *shaper = userdata;
        Shapers *s = shaper->all;

        if (s->closing)
                return;

        /* One that went meanwhile is seen with the next look, as is whatever else moved under us. */
        if (r < 0 && r != -ENODEV) {
                shaper->r = r;
                g_free(shaper->refusal);
                shaper->refusal = g_strdup(why);
        }

        if (--s->awaited == 0)
                run_round(s);
}

static gboolean say(gpointer key, gpointer value, gpointer userdata) {
        g_autoptr(GByteArray) messages = g_byte_array_new();
        Shaper *shaper = value;
        Shapers *s = shaper->all;
        int r;

        shaper->left = shaper->leaving;
        if (shaper->r < 0)
                return FALSE;

        shaper->tired = false;
        shaper->plan = shaper_look(shaper, messages);
        if (shaper->plan != SHAPER_SAY || s->rounds >= ROUNDS_MAX || !spend(shaper))
                return FALSE;

        r = netlink_request(s->netlink, messages->data, messages->len, NULL, on_said, shaper);
        if (r < 0)
                shaper->r = r;
        else {
                shaper->said = true;
                s->awaited++;
        }

        return FALSE;
}

static void on_seen(Shapers *s) {
        /* What is there is known, if anything is: the first look of a run is the one that a call needs. */
        if (s->rounds == 1)
                shaper_calls_begin(s);

        g_tree_foreach(s->shapers, say, NULL);
        if (s->awaited == 0)
                end_run(s);
}

/* -- looking --------------------------------------------------------------------------------------------------- */

static void on_link(const struct nlmsghdr *message, void *userdata) {
        Shapers *s = userdata;
        TcLink link;

        if (tc_parse_link(message, &link) >= 0)
                g_array_append_val(s->seen.links, link);
}

static void on_qdisc(const struct nlmsghdr *message, void *userdata) {
        Shapers *s = userdata;
        TcQdisc qdisc;

        if (tc_parse_qdisc(message, &qdisc) >= 0)
                g_array_append_val(s->seen.qdiscs, qdisc);
}

static void on_filter(const struct nlmsghdr *message, void *userdata) {
        Shapers *s = userdata;
        TcFilter filter;

        if (tc_parse_filter(message, &filter) >= 0)
                g_array_append_val(s->seen.filters, filter);
}

static void on_filters(int r, const char *why, void *userdata) {
        Shapers *s = userdata;

        if (s->closing)
                return;

        /* An interface that goes while it is asked about has none. */
        if (--s->awaited == 0)
                on_seen(s);
}

static void look_at_filters(Shapers *s, const char *interface) {
        g_autoptr(GByteArray) message = g_byte_array_new();
        const TcLink *link = tc_snapshot_find(&s->seen, interface);

        if (!link || !tc_snapshot_has_ingress(&s->seen, link->index))
                return;

        tc_dump_filters(message, link->index);
        if (netlink_request(s->netlink, message->data, message->len, on_filter, on_filters, s) >= 0)
                s->awaited++;
}

static gboolean look_at_filters_of(gpointer key, gpointer value, gpointer userdata) {
        look_at_filters(userdata, key);
        return FALSE;
}

static void on_links_and_qdiscs(int r, const char *why, void *userdata) {
        Shapers *s = userdata;
        const ShaperCall *call = g_queue_peek_head(&s->calls);

        if (s->closing)
                return;

        if (r < 0)
                s->r = r;
        if (--s->awaited > 0)
                return;

        if (s->r < 0) {
                end_run(s);
                return;
        }

        g_tree_foreach(s->shapers, look_at_filters_of, s);
        if (call && !g_tree_lookup(s->shapers, call->interface))
                look_at_filters(s, call->interface);
        if (s->awaited == 0)
                on_seen(s);
}

static void look(Shapers *s, void (*build)(GByteArray *buffer), NetlinkMessage on_message) {
        g_autoptr(GByteArray) message = g_byte_array_new();
        int r;

        build(message);
        r = netlink_request(s->netlink, message->data, message->len, on_message, on_links_and_qdiscs, s);
        if (r < 0)
                s->r = r;
        else
                s->awaited++;
}

static void run_round(Shapers *s) {
        s->rounds++;
        tc_snapshot_clear(&s->seen);
        tc_snapshot_init(&s->seen);

        look(s, tc_dump_links, on_link);
        look(s, tc_dump_qdiscs, on_qdisc);
        if (s->awaited == 0)
                end_run(s);
}

void shapers_run(Shapers *s) {
        if (s->busy) {
                s->again = true;
                return;
        }
        if (!s->netlink)
                return;

        s->busy = true;
        s->again = false;
        s->r = 0;
        s->rounds = 0;
        g_tree_foreach(s->shapers, forget_refusal, NULL);
        run_round(s);
}
