/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "dbus/names.h"
#include "service/bus-error.h"
#include "service/request.h"
#include "service/shaper-internal.h"

/* Those who ask: one at a time, each answered at the end of the run in which the kernel was told. */

/* More than a host has interfaces worth it. */
#define SHAPERS_MAX 32U

static ShaperCall *call_pop(Shapers *s) {
        return g_queue_pop_head(&s->calls);
}

static void call_free(ShaperCall *call) {
        g_free(call->interface);
        g_free(call->refusal);
        g_free(call);
}

static void call_fail(Shapers *s, const char *name, const char *text) {
        ShaperCall *call = call_pop(s);

        request_failf(call->request, name, "%s", text);
        call_free(call);
}

static void call_ok(Shapers *s) {
        ShaperCall *call = call_pop(s);

        request_ok(call->request);
        call_free(call);
}

/* The names that there are, so that who mistyped one sees it. */
static char *list_links(const TcSnapshot *seen) {
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < seen->links->len && i < 20; i++) {
                const TcLink *link = &g_array_index(seen->links, TcLink, i);

                g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", link->name);
        }

        return g_string_free(text, FALSE);
}

static void fail_unknown_interface(Shapers *s, const ShaperCall *call) {
        g_autofree char *links = list_links(&s->seen), *text = NULL;

        text = g_strdup_printf("There is no interface '%s'. There are: %s", call->interface, links);
        call_fail(s, LEFT4ME_ERROR_NO_SUCH_INTERFACE, text);
}

static void fail_foreign(Shapers *s, const ShaperCall *call, const char *why) {
        g_autofree char *text = g_strdup_printf(
                "%s: %s. It was left as it is; with Takeover (--takeover) left4me takes the queue over.",
                call->interface, why);

        call_fail(s, LEFT4ME_ERROR_IN_USE, text);
}

/* -- begin ----------------------------------------------------------------------------------------------------- */

/* Whether it may be set, with what there is now. Nothing has changed yet. */
static bool check_set(Shapers *s, const ShaperCall *call, const Shaper *have) {
        g_autoptr(GByteArray) messages = g_byte_array_new();
        g_autofree char *why = NULL;
        Shaper wanted = {
                .all = s,
                .interface = call->interface,
                .config = call->config,
                .known = have != NULL,
        };

        switch (shaper_look(&wanted, messages)) {
        case SHAPER_ABSENT:
                fail_unknown_interface(s, call);
                return false;
        case SHAPER_FOREIGN:
                why = wanted.why;
                fail_foreign(s, call, why);
                return false;
        case SHAPER_SAY:
        case SHAPER_DONE:
                break;
        }

        if (!have && g_tree_nnodes(s->shapers) >= (int) SHAPERS_MAX) {
                call_fail(s, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "The queues of 32 interfaces are shaped already. Clear one first.");
                return false;
        }

        return true;
}

static void begin_set(Shapers *s, ShaperCall *call) {
        Shaper *shaper = g_tree_lookup(s->shapers, call->interface);
        int r;

        if (!check_set(s, call, shaper))
                return;

        call->had = shaper != NULL;
        if (shaper)
                call->old = shaper->config;
        else
                shaper = shapers_add(s, call->interface, &call->config);

        /* First the store: what the kernel has is ours only if it stands there. */
        shaper->config = call->config;
        r = shapers_store(s, NULL);
        if (r < 0) {
                sd_bus_error error = SD_BUS_ERROR_NULL;

                if (call->had)
                        shaper->config = call->old;
                else
                        shapers_forget(s, call->interface);
                (void) bus_error_set_io(&error, r, "Cannot write down what is asked for");
                call_fail(s, error.name, error.message);
                sd_bus_error_free(&error);
                return;
        }

        shaper->n_said = 0;
        shaper->asked = true;
        call->begun = true;
}

static void begin_clear(Shapers *s, ShaperCall *call) {
        Shaper *shaper = g_tree_lookup(s->shapers, call->interface);

        if (!shaper) {
                g_autofree char *text = g_strdup_printf(
                        "left4me does not shape the queue of '%s'. See: left4mectl qos show",
                        call->interface);

                call_fail(s, LEFT4ME_ERROR_NO_SUCH_INTERFACE, text);
                return;
        }

        shaper->leaving = true;
        shaper->n_said = 0;
        call->begun = true;
}

void shaper_calls_begin(Shapers *s) {
        ShaperCall *call = g_queue_peek_head(&s->calls);

        /* One that is being undone has begun already. */
        if (!call || call->begun)
                return;

        if (call->clear)
                begin_clear(s, call);
        else
                begin_set(s, call);
}

/* -- end ------------------------------------------------------------------------------------------------------- */

/* What it had before comes back with the next run, or whatever the kernel took of it goes. */
static void undo_set(Shapers *s, const ShaperCall *call, Shaper *shaper) {
        if (call->had)
                shaper->config = call->old;
        else
                shaper->leaving = true;

        s->again = true;
        (void) shapers_store(s, call->had ? NULL : call->interface);
}

/* Who is refused hears of it when what he asked for is gone again: with the end of the next run. */
static void end_set(Shapers *s, ShaperCall *call) {
        Shaper *shaper = g_tree_lookup(s->shapers, call->interface);

        s->changed(s->manager);
        if (shaper->r == 0 && shaper->plan == SHAPER_DONE) {
                call_ok(s);
                return;
        }

        call->refusal_name = shaper_is_unsupported(shaper) ? LEFT4ME_ERROR_NOT_SUPPORTED
                                                           : LEFT4ME_ERROR_FAILED;
        call->refusal = g_strdup_printf("%s: %s", call->interface, shaper->state);
        undo_set(s, call, shaper);
}

/* Out of the kernel first: who gets no answer finds it as it was, or gone. */
static void end_clear(Shapers *s, ShaperCall *call) {
        Shaper *shaper = g_tree_lookup(s->shapers, call->interface);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autofree char *text = NULL;
        int r;

        if (shaper->r < 0 || shaper->plan != SHAPER_DONE) {
                shaper->leaving = shaper->left = false;
                text = g_strdup_printf("%s: %s", call->interface, shaper->state);
                call_fail(s, LEFT4ME_ERROR_FAILED, text);
                return;
        }

        r = shapers_store(s, call->interface);
        if (r < 0) {
                shaper->leaving = shaper->left = false;
                s->again = true;
                (void) bus_error_set_io(&error, r, "Cannot write down what is asked for");
                call_fail(s, error.name, error.message);
                sd_bus_error_free(&error);
                return;
        }

        shapers_forget(s, call->interface);
        call_ok(s);
}

void shaper_calls_end(Shapers *s) {
        ShaperCall *call = g_queue_peek_head(&s->calls);

        if (!call)
                return;

        if (call->refusal) {
                call_fail(s, call->refusal_name, call->refusal);
                return;
        }

        if (s->r < 0) {
                g_autofree char *text = g_strdup_printf("The kernel cannot be asked: %s", strerror(-s->r));
                Shaper *shaper = g_tree_lookup(s->shapers, call->interface);

                if (call->begun && call->clear)
                        shaper->leaving = shaper->left = false;
                else if (call->begun)
                        undo_set(s, call, shaper);
                call_fail(s, LEFT4ME_ERROR_FAILED, text);
                return;
        }

        if (!call->begun)
                return;

        if (call->clear)
                end_clear(s, call);
        else
                end_set(s, call);
}

/* -- from the edge --------------------------------------------------------------------------------------------- */

static void call_add(Shapers *s, Request *q, const char *interface, const ShaperConfig *c) {
        ShaperCall *call;

        if (!s->netlink) {
                request_failf(
                        q, LEFT4ME_ERROR_NOT_SUPPORTED, "left4med cannot speak with the kernel's network");
                return;
        }

        call = g_new0(ShaperCall, 1);
        call->request = q;
        call->interface = g_strdup(interface);
        call->clear = !c;
        if (c)
                call->config = *c;
        g_queue_push_tail(&s->calls, call);
        shapers_run(s);
}

void shapers_set(Shapers *s, Request *q, const char *interface, const ShaperConfig *c) {
        call_add(s, q, interface, c);
}

void shapers_clear(Shapers *s, Request *q, const char *interface) {
        call_add(s, q, interface, NULL);
}

void shaper_calls_drop(Shapers *s) {
        ShaperCall *call;

        while ((call = call_pop(s))) {
                request_drop(call->request);
                call_free(call);
        }
}
