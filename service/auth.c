/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/auth.h"
#include "service/call-queue.h"
#include "service/log.h"
#include "service/manager.h"

#define PENDING_MAX 256U

/* How many polkit is asked at a time. */
#define ASKED_MAX 64U

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_FLAG_INTERACTIVE 1U

typedef enum Verdict {
        VERDICT_NONE,
        VERDICT_ALLOWED,
        VERDICT_CHALLENGE, /* allowed after a password, but the caller did not want to be asked */
        VERDICT_DENIED,
        VERDICT_ABSENT, /* polkit is not there: root only */
} Verdict;

/* One message that waits for polkit, or has its answer and waits to be dispatched again. */
typedef struct Pending {
        Auth *auth;
        sd_bus_message *call;
        char *action;
        QueuedCall *question; /* to polkit, until it has answered */
        sd_bus_slot *uid_slot;
        sd_event_source *sweep;
        Verdict verdict;
        uid_t uid;
} Pending;

struct Auth {
        Manager *manager;
        CallQueue *calls; /* to polkit, NULL before the first */
        GPtrArray *pending;
};

static void pending_free(gpointer data) {
        Pending *p = data;

        queued_call_free(p->question);
        sd_bus_slot_unref(p->uid_slot);
        sd_event_source_disable_unref(p->sweep);
        sd_bus_message_unref(p->call);
        g_free(p->action);
        g_free(p);
}

Auth *auth_new(Manager *m) {
        Auth *a = g_new(Auth, 1);

        *a = (Auth){ .manager = m, .pending = g_ptr_array_new_with_free_func(pending_free) };
        return a;
}

Auth *auth_free(Auth *a) {
        if (!a)
                return NULL;

        g_ptr_array_unref(a->pending);
        call_queue_free(a->calls);
        g_free(a);
        return NULL;
}

/* The handler may refuse the message before it comes to its check the second time: what is then left goes here. */
static int on_sweep(sd_event_source *source, void *userdata) {
        Pending *p = userdata;

        g_ptr_array_remove(p->auth->pending, p);
        return 0;
}

/* With both answers there, the message goes through the handler again. */
static void pending_advance(Pending *p) {
        int r;

        if (p->question || p->uid_slot)
                return;

        r = sd_bus_message_rewind(p->call, true);
        if (r >= 0)
                r = sd_bus_enqueue_for_read(p->auth->manager->bus, p->call);
        if (r >= 0)
                r = sd_event_add_defer(p->auth->manager->event, &p->sweep, on_sweep, p);
        if (r >= 0)
                r = sd_event_source_set_priority(p->sweep, SD_EVENT_PRIORITY_IDLE);
        if (r < 0) {
                (void) sd_bus_reply_method_errnof(p->call, r, "Cannot go on after the authorization");
                g_ptr_array_remove(p->auth->pending, p);
        }
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Pending *p = userdata;
        uint32_t uid;

        p->uid_slot = sd_bus_slot_unref(p->uid_slot);
        if (!sd_bus_message_get_error(reply) && sd_bus_message_read(reply, "u", &uid) >= 0)
                p->uid = (uid_t) uid;

        pending_advance(p);
        return 1;
}

static Verdict read_verdict(sd_bus_message *reply) {
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        int authorized, challenge;

        if (e) {
                if (sd_bus_error_has_names(e, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                            SD_BUS_ERROR_NO_REPLY, "org.freedesktop.systemd1.NoSuchUnit",
                            "org.freedesktop.systemd1.UnitMasked", "org.freedesktop.systemd1.LoadFailed",
                            "org.freedesktop.DBus.Error.Spawn.ChildExited",
                            "org.freedesktop.DBus.Error.TimedOut"))
                        return VERDICT_ABSENT;

                log_plain(LOG_WARNING, "polkit did not decide: %s", e->message ?: e->name);
                return VERDICT_DENIED;
        }

        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
                sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
                return VERDICT_DENIED;

        return authorized ? VERDICT_ALLOWED : challenge ? VERDICT_CHALLENGE : VERDICT_DENIED;
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Pending *p = userdata;

        p->question = queued_call_free(p->question);
        p->verdict = read_verdict(reply);
        pending_advance(p);
        return 1;
}

static int ask_polkit(Pending *p, const char *verb, const char *detail_key, const char *detail_value) {
        g_autoptr(sd_bus_message) m = NULL;
        uint32_t flags = sd_bus_message_get_allow_interactive_authorization(p->call) > 0
                                 ? POLKIT_FLAG_INTERACTIVE
                                 : 0;
        int r;

        r = sd_bus_message_new_method_call(
                p->auth->manager->bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                sd_bus_message_get_sender(p->call), p->action);
        if (r < 0)
                return r;

        if (detail_key)
                r = sd_bus_message_append(
                        m, "a{ss}us", 2, "verb", verb, detail_key, detail_value, flags, "");
        else
                r = sd_bus_message_append(m, "a{ss}us", 1, "verb", verb, flags, "");
        if (r < 0)
                return r;

        p->question = call_queue_add(p->auth->calls, m, on_polkit, p);
        return 0;
}

static int pending_new(Auth *a, sd_bus_message *call, const char *action, const char *verb,
        const char *detail_key, const char *detail_value) {
        Pending *p = g_new(Pending, 1);
        int r;

        if (!a->calls)
                a->calls = call_queue_new(a->manager->bus, ASKED_MAX);

        *p = (Pending){
                .auth = a, .call = sd_bus_message_ref(call), .action = g_strdup(action), .uid = (uid_t) -1
        };
        g_ptr_array_add(a->pending, p);

        r = sd_bus_call_method_async(a->manager->bus, &p->uid_slot, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser", on_uid, p, "s",
                sd_bus_message_get_sender(call));
        if (r >= 0)
                r = ask_polkit(p, verb, detail_key, detail_value);
        if (r < 0) {
                g_ptr_array_remove(a->pending, p);
                return r;
        }

        /* Whatever sd-bus returned for a call that was sent: it is not polkit's yes. */
        return 0;
}

static int pending_conclude(
        Pending *p, const char *verb, const char *subject, uid_t *ret_uid, sd_bus_error *error) {
        *ret_uid = p->uid;

        switch (p->verdict) {
        case VERDICT_ALLOWED:
                return 1;
        case VERDICT_ABSENT:
                if (p->uid == 0)
                        return 1;
                break;
        case VERDICT_CHALLENGE:
                return sd_bus_error_setf(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                        "An administrator's password is needed (%s). Become a member of the group left4me-admin to go without.",
                        p->action);
        default:
                break;
        }

        log_change(p->uid, verb, subject ?: "", SD_BUS_ERROR_ACCESS_DENIED, "denied");
        return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
                "You may not do this (%s). Become root, or let an administrator add you to the group left4me-admin.",
                p->action);
}

int auth_check(Auth *a, sd_bus_message *call, const char *action, const char *verb, const char *detail_key,
        const char *detail_value, uid_t *ret_uid, sd_bus_error *error) {
        for (unsigned i = 0; i < a->pending->len; i++) {
                Pending *p = a->pending->pdata[i];
                int r;

                if (p->call != call)
                        continue;

                r = pending_conclude(p, verb, detail_value, ret_uid, error);
                g_ptr_array_remove_index(a->pending, i);
                return r;
        }

        if (a->pending->len >= PENDING_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u calls wait for an authorization already. Try again later.", a->pending->len);

        return pending_new(a, call, action, verb, detail_key, detail_value);
}
