/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/logline.h"
#include "service/journal.h"
#include "service/manager.h"
#include "service/presence.h"
#include "service/unit.h"

/* A server has 31 clients at most; who has more userids at a time has lost lines. */
#define PLAYERS_MAX 255U

/* Entries read in one turn of the loop: a run may have logged for weeks. */
#define ENTRIES_AT_ONCE 256U

struct Presence {
        JournalReader *reader;
        sd_event_source *defer;
        PresenceCount count;
        PresenceState told;
        bool read; /* to the end, once */
        void (*changed)(void *userdata);
        void *userdata;
};

void presence_count_init(PresenceCount *c) {
        *c = (PresenceCount){ .players = g_hash_table_new(NULL, NULL) };
}

void presence_count_clear(PresenceCount *c) {
        g_clear_pointer(&c->players, g_hash_table_unref);
}

static void count_player(PresenceCount *c, const LogPlayer *p, bool there) {
        /* A bot has a userid as well, and nobody is disturbed when it goes. */
        if (!p->name || g_strcmp0(p->account, "BOT") == 0)
                return;

        c->heard = true;
        if (!there)
                (void) g_hash_table_remove(c->players, GUINT_TO_POINTER(p->userid));
        else if (g_hash_table_size(c->players) < PLAYERS_MAX)
                (void) g_hash_table_add(c->players, GUINT_TO_POINTER(p->userid));
        else
                c->overflow = true;
}

static void count_event(PresenceCount *c, const LogLine *l) {
        switch (l->event) {
        case LOG_EVENT_STARTED:
                /* From here on everybody who comes is logged. */
                c->heard = c->logged = true;
                break;

        case LOG_EVENT_CONNECTED:
        case LOG_EVENT_ENTERED:
                count_player(c, &l->player, true);
                break;

        case LOG_EVENT_DISCONNECTED:
                count_player(c, &l->player, false);
                break;

        default:
                break;
        }
}

void presence_count_line(PresenceCount *c, const char *line) {
        g_autoptr(LogLine) l = NULL;

        if (g_str_has_prefix(line, "Server is hibernating")) {
                g_hash_table_remove_all(c->players);
                c->heard = true;
                c->awake = c->overflow = false;
        } else if (g_str_has_prefix(line, "Server waking up from hibernation")) {
                c->heard = c->awake = true;
        } else if (g_str_has_prefix(line, "L ") && logline_parse(line, strlen(line), &l) >= 0)
                count_event(c, l);
}

PresenceState presence_count_state(const PresenceCount *c) {
        if (!c->heard)
                return PRESENCE_UNKNOWN;

        if (g_hash_table_size(c->players) > 0 || c->overflow)
                return PRESENCE_PLAYERS;

        /* Nobody counted: with the log on that is so, whether or not this server ever hibernates. */
        return c->awake && !c->logged ? PRESENCE_PLAYERS : PRESENCE_EMPTY;
}

PresenceState presence_state(const Presence *p) {
        return p->read ? presence_count_state(&p->count) : PRESENCE_READING;
}

static void presence_tell(Presence *p) {
        PresenceState state = presence_state(p);

        if (state == p->told)
                return;

        p->told = state;
        p->changed(p->userdata); /* may free p */
}

static int on_read(sd_event_source *source, void *userdata) {
        Presence *p = userdata;

        for (unsigned n = 0; n < ENTRIES_AT_ONCE; n++) {
                g_auto(LogEntry) e = { 0 };

                if (journal_reader_next(p->reader, &e) <= 0) {
                        p->read = true;
                        (void) sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
                        presence_tell(p);
                        return 0;
                }

                if (!e.from_systemd)
                        presence_count_line(&p->count, e.message);
        }

        return 0;
}

static void on_more(void *userdata) {
        Presence *p = userdata;

        (void) sd_event_source_set_enabled(p->defer, SD_EVENT_ON);
}

int presence_new(
        Manager *m, const Unit *u, void (*changed)(void *userdata), void *userdata, Presence **ret) {
        const char *units[] = { unit_name(u), NULL };
        const LogQuery query = {
                .units = units,
                .invocation = unit_state(u)->invocation,
                .lines = UINT64_MAX,
        };
        Presence *p;
        int r;

        /* Without it every run would count. */
        if (*query.invocation == '\0')
                return -ENODATA;

        p = g_new0(Presence, 1);
        p->changed = changed;
        p->userdata = userdata;
        presence_count_init(&p->count);

        r = journal_reader_new(&query, &p->reader);
        if (r >= 0)
                r = journal_reader_watch(p->reader, m->journal_watch, on_more, p);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &p->defer, on_read, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->defer, SD_EVENT_ON);
        if (r < 0) {
                presence_free(p);
                return r;
        }

        *ret = p;
        return 0;
}

Presence *presence_free(Presence *p) {
        if (!p)
                return NULL;

        sd_event_source_disable_unref(p->defer);
        journal_reader_free(p->reader);
        presence_count_clear(&p->count);
        g_free(p);
        return NULL;
}
