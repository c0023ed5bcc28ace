/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/rcon-text.h"
#include "service/ask.h"
#include "service/bus-error.h"
#include "service/instance-internal.h"
#include "service/intent.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/presence.h"
#include "service/store.h"
#include "service/util.h"

/* How long until a server that looks empty, but is not certain to be, is asked again. */
#define ASK_AGAIN (30 * G_TIME_SPAN_SECOND)

struct Intent {
        Instance *instance;
        IntentPlan plan;
        bool by_policy;
        char *invocation; /* the run that is watched, NULL for none yet */
        const char *waits_for;
        Presence *presence;
        Ask *status, *say;
        sd_event_source *again, *clock;
        unsigned announced; /* how many announcements are due or past */
};

static void look(Intent *t);

Intent *intent_free(Intent *t) {
        if (!t)
                return NULL;

        ask_free(t->status);
        ask_free(t->say);
        presence_free(t->presence);
        sd_event_source_disable_unref(t->again);
        sd_event_source_disable_unref(t->clock);
        g_free(t->invocation);
        g_free(t);
        return NULL;
}

static void wait_for(Intent *t, const char *what) {
        if (g_strcmp0(t->waits_for, what) == 0)
                return;

        t->waits_for = what;
        object_changed(&t->instance->object, INSTANCE_INTENTS);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        look(userdata);
        return 0;
}

static void wait_and_ask_again(Intent *t, const char *why) {
        wait_for(t, why);
        t->again = sd_event_source_disable_unref(t->again);
        if (sd_event_add_time_relative(
                    t->instance->manager->event, &t->again, CLOCK_MONOTONIC, ASK_AGAIN, 0, on_again, t) < 0)
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_OPERATION_FAILED, t->instance->name,
                        "cannot set a timer for a stop when empty, ignoring");
}

/* -- the end of waiting ------------------------------------------------------------------------------------ */

static void store_plan(Intent *t) {
        if (!t->by_policy && store_set_intent(t->instance->manager->store, t->instance->name, &t->plan) < 0)
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_OPERATION_FAILED, t->instance->name,
                        "cannot store what is to happen when it is empty, ignoring");
}

/* May free the intent: the operation can end at once. */
static void act(Intent *t, const char *why) {
        Instance *i = t->instance;
        bool restart = t->plan.restart;
        int r;

        /* Before anything happens: a manager that is killed now finds another run than this one, and knows what that came of. */
        (void) g_strlcpy(t->plan.acting, t->invocation, sizeof(t->plan.acting));
        store_plan(t);

        r = instance_begin(i, restart);
        if (r < 0) {
                t->plan.acting[0] = '\0';
                store_plan(t);
                wait_and_ask_again(t, r == -EBUSY ? "something else is under way"
                                                  : "its stack cannot be made: see left4mectl status");
                return;
        }

        log_instance(LOG_INFO, LEFT4ME_MESSAGE_INTENT, i->name, "%s, as asked: %s",
                restart ? "restarts" : "stops", why);
}

static void on_status(int r, const char *answer, size_t size, void *userdata) {
        Intent *t = userdata;
        g_autoptr(RconStatus) status = NULL;

        t->status = NULL;
        if (r >= 0)
                r = rcon_status_parse(answer, size, &status);

        if (r == -EACCES)
                wait_for(t, "its console refuses left4me's password");
        else if (r < 0 || !status->complete)
                wait_and_ask_again(t, "it does not answer");
        else if (status->humans > 0)
                wait_and_ask_again(t, "its log says that nobody plays, its console that somebody does");
        else if (status->reserved)
                wait_and_ask_again(t, "a lobby has reserved it");
        /* Somebody may have come while it was asked. */
        else if (presence_state(t->presence) == PRESENCE_EMPTY)
                act(t, "nobody plays");
        else
                look(t);
}

static bool is_overdue(const Intent *t) {
        return t->plan.deadline != 0 && t->plan.deadline <= now_usec();
}

/* Finds out whether it is time. May free the intent. */
static void look(Intent *t) {
        int r;

        t->again = sd_event_source_disable_unref(t->again);
        if (!t->presence || t->plan.acting[0] != '\0')
                return;

        /* What could not be done when its time came is done as soon as it can. */
        if (is_overdue(t)) {
                act(t, "its deadline has come");
                return;
        }

        switch (presence_state(t->presence)) {
        case PRESENCE_READING:
                wait_for(t, "its log is being read");
                break;

        case PRESENCE_UNKNOWN:
                wait_for(t, "it has not said whether somebody plays (`log on` in its settings helps)");
                break;

        case PRESENCE_PLAYERS:
                wait_for(t, "somebody plays");
                break;

        case PRESENCE_EMPTY:
                if (t->status)
                        return;

                r = ask_new(t->instance, "status", on_status, t, &t->status);
                if (r < 0)
                        on_status(r, "", 0, t);
        }
}

static void on_presence(void *userdata) {
        look(userdata);
}

/* -- the deadline -------------------------------------------------------------------------------------------- */

static void set_clock(Intent *t);

static void on_said(int r, const char *answer, size_t size, void *userdata) {
        Intent *t = userdata;

        t->say = NULL;
        if (r < 0)
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_OPERATION_FAILED, t->instance->name,
                        "the players could not be told of what is about to happen, ignoring: %s",
                        strerror(-r));
}

static void announce(Intent *t, uint64_t left) {
        g_autofree char *text = intent_announcement(t->plan.restart, left);
        int r;

        t->say = ask_free(t->say);
        r = ask_new(t->instance, text, on_said, t, &t->say);
        if (r < 0)
                on_said(r, "", 0, t);
}

static int on_clock(sd_event_source *source, uint64_t usec, void *userdata) {
        Intent *t = userdata;

        if (is_overdue(t)) {
                t->clock = sd_event_source_disable_unref(t->clock);
                if (t->plan.acting[0] == '\0')
                        act(t, "its deadline has come");
                return 0;
        }

        if (t->announced < t->plan.n_announcements)
                announce(t, t->plan.announcements[t->announced++]);
        set_clock(t);
        return 0;
}

/* The next announcement that is not past, or the deadline. */
static void set_clock(Intent *t) {
        uint64_t now = now_usec(), next = t->plan.deadline;

        if (t->plan.deadline == 0)
                return;

        for (; t->announced < t->plan.n_announcements; t->announced++) {
                uint64_t at = t->plan.deadline - t->plan.announcements[t->announced] * G_TIME_SPAN_SECOND;

                if (at > now) {
                        next = at;
                        break;
                }
        }

        t->clock = sd_event_source_disable_unref(t->clock);
        if (sd_event_add_time(t->instance->manager->event, &t->clock, CLOCK_REALTIME, next, 0, on_clock, t) <
                0)
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_OPERATION_FAILED, t->instance->name,
                        "cannot set a timer for a deadline, ignoring");
}

/* -- its life ------------------------------------------------------------------------------------------------ */

/* Watches the run that there is now. */
static void watch(Intent *t) {
        const char *invocation = unit_state(t->instance->server)->invocation;

        if (g_strcmp0(t->invocation, invocation) == 0)
                return;

        g_free(t->invocation);
        t->invocation = g_strdup(invocation);
        t->status = ask_free(t->status);
        t->presence = presence_free(t->presence);
        if (presence_new(t->instance->manager, t->instance->server, on_presence, t, &t->presence) < 0)
                wait_for(t, "its log cannot be read");
        else
                look(t);
}

static void end(Instance *i) {
        Intent *t = g_steal_pointer(&i->intent);

        if (!t->by_policy && store_set_intent(i->manager->store, i->name, NULL) < 0)
                log_instance(LOG_WARNING, LEFT4ME_MESSAGE_OPERATION_FAILED, i->name,
                        "cannot remove from the database what was to happen when it is empty, ignoring");

        intent_free(t);
        object_changed(&i->object, INSTANCE_INTENTS);
}

static void begin(Instance *i, const IntentPlan *plan, bool by_policy) {
        Intent *t = g_new0(Intent, 1);

        *t = (Intent){ .instance = i, .plan = *plan, .by_policy = by_policy, .waits_for = "" };
        i->intent = t;
        object_changed(&i->object, INSTANCE_INTENTS);
}

/* What UpdateWhenEmpty asks for now. */
static void follow_policy(Instance *i) {
        const IntentPlan restart = { .restart = true, .asked = now_usec() };
        bool due = i->config->update_when_empty && i->update_pending;

        if (i->intent && i->intent->by_policy && !due)
                end(i);
        else if (!i->intent && due)
                begin(i, &restart, true);
}

/* The first look at a server that runs, by this manager. */
static void take_up(Intent *t) {
        t->plan.acting[0] = '\0';
        set_clock(t);
}

void intent_refresh(Instance *i) {
        const UnitState *s = unit_state(i->server);

        if (!i->manager->ready || i->operation != OPERATION_NONE)
                return;

        if (i->intent && instance_is_down(i))
                end(i);

        if (!g_str_equal(s->active, "active"))
                return;

        /* An earlier manager ended that run, and did not live to see what came of it. */
        if (i->intent && i->intent->plan.acting[0] != '\0' &&
                !g_str_equal(i->intent->plan.acting, s->invocation))
                end(i);

        follow_policy(i);
        if (i->intent) {
                if (!i->intent->invocation)
                        take_up(i->intent);
                watch(i->intent);
        }
        if (i->intent && is_overdue(i->intent))
                look(i->intent);
}

void intent_fulfilled(Instance *i) {
        if (i->intent)
                end(i);
        intent_refresh(i);
}

void intent_load(Instance *i, const IntentPlan *plan) {
        begin(i, plan, false);
}

int intent_set(Instance *i, const IntentPlan *plan, sd_bus_error *error) {
        int r;

        r = instance_check_idle(i, error);
        if (r < 0)
                return r;

        if (!g_str_equal(unit_state(i->server)->active, "active"))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INSTANCE_NOT_RUNNING,
                        "The server '%s' does not run: there is nothing to wait for.", i->name);

        r = store_set_intent(i->manager->store, i->name, plan);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store it");

        i->intent = intent_free(i->intent);
        begin(i, plan, false);
        intent_refresh(i);
        return 0;
}

int intent_cancel(Instance *i, sd_bus_error *error) {
        if (!i->intent)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_INTENT,
                        "Nothing is to happen to the server '%s' when it is empty.", i->name);

        if (i->intent->by_policy)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_INTENT,
                        "The server '%s' restarts into updates when it is empty because it is set so: left4mectl configure %s --no-update-when-empty",
                        i->name, i->name);

        /* Whoever is told that it goes on must not find it gone. */
        if (i->intent->plan.acting[0] != '\0' && i->operation != OPERATION_NONE)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_BUSY,
                        "The server '%s' is being stopped already: nobody plays on it, or the deadline has come.",
                        i->name);

        end(i);
        intent_refresh(i);
        return 0;
}

const IntentPlan *intent_plan(const Instance *i, bool *ret_by_policy, const char **ret_waits_for) {
        if (!i->intent)
                return NULL;

        *ret_by_policy = i->intent->by_policy;
        *ret_waits_for = i->intent->waits_for;
        return &i->intent->plan;
}
