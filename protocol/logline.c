/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/logline.h"
#include "protocol/scan.h"
#include "protocol/steam-id.h"
#include "protocol/wire.h"

#define TIME_SIZE 25U     /* of "L 05/19/2026 - 18:20:01: " */
#define MORE_FIELDS_MAX 8 /* behind a player's three; L4D2 has five */

/* What stands between two fixed texts. An end of NULL: nothing does, the line ends there. */
typedef struct Shape {
        LogEvent event;
        const char *before;
        const char *after;
        bool free;     /* players' words: anything may stand there, also quotes */
        bool may_lack; /* the end may be missing: servers were seen to cut it off */
} Shape;

/* Behind a player. Those of fixed words first. */
static const Shape player_shapes[] = {
        { LOG_EVENT_VALIDATED, "\" STEAM USERID validated", NULL, false, false },
        { LOG_EVENT_ENTERED, "\" entered the game", NULL, false, false },
        { LOG_EVENT_CONNECTED, "\" connected, address \"", "\"", false, false },
        { LOG_EVENT_JOINED_TEAM, "\" joined team \"", "\"", false, false },
        { LOG_EVENT_SUICIDE, "\" committed suicide with \"", "\"", false, false },
        { LOG_EVENT_TRIGGERED, "\" triggered \"", "\"", false, false },
        { LOG_EVENT_RENAMED, "\" changed name to \"", "\"", true, false },
        { LOG_EVENT_SAID, "\" say \"", "\"", true, false },
        { LOG_EVENT_SAID_TEAM, "\" say_team \"", "\"", true, false },
        { LOG_EVENT_DISCONNECTED, "\" disconnected (reason \"", "\")", true, true },
};

static const Shape other_shapes[] = {
        { LOG_EVENT_CVARS_START, "server cvars start", NULL, false, false },
        { LOG_EVENT_CVARS_END, "server cvars end", NULL, false, false },
        { LOG_EVENT_MAP_LOADING, "Loading map \"", "\"", false, false },
        { LOG_EVENT_MAP_CHANGE, "-------- Mapchange to ", " --------", false, false },
        { LOG_EVENT_WORLD, "World triggered \"", "\"", false, false },
        { LOG_EVENT_SERVER_SAID, "Server say \"", "\"", true, false },
        { LOG_EVENT_SERVER_NAME, "Server name is \"", "\"", true, false },
        { LOG_EVENT_CLOSED, "Log file closed", NULL, false, false },
};

static void player_clear(LogPlayer *p) {
        g_free(p->name);
        g_free(p->account);
        g_free(p->team);
        *p = (LogPlayer){ 0 };
}

void logline_free(LogLine *l) {
        if (!l)
                return;

        player_clear(&l->player);
        player_clear(&l->victim);
        g_free(l->name);
        g_free(l->text);
        g_free(l->address);
        g_free(l);
}

/* <text>, without angle brackets in it; *p goes on behind it. */
static bool skip_field(const char **p) {
        const char *end;

        if (**p != '<')
                return false;
        end = *p + 1 + strcspn(*p + 1, "<>\"");
        if (*end != '>')
                return false;
        *p = end + 1;
        return true;
}

static char *scan_field(const char **p) {
        const char *start = *p + 1;

        return skip_field(p) ? g_strndup(start, (gsize) (*p - 1 - start)) : NULL;
}

/* <Producer><ALIVE> */
static bool skip_life(const char **p) {
        g_autofree char *life = skip_field(p) ? scan_field(p) : NULL;

        return life && (g_str_equal(life, "ALIVE") || g_str_equal(life, "DEAD"));
}

/* The fields behind a name, p being at the first '<'. Where they end, which is at a quote; NULL: these are not a player's. */
static const char *read_fields(const char *p, LogPlayer *ret) {
        g_autofree char *userid = scan_field(&p), *account = userid ? scan_field(&p) : NULL;
        g_autofree char *team = account ? scan_field(&p) : NULL;
        uint64_t n;

        if (!team || !number_from_text(userid, UINT32_MAX, &n) ||
                (*account && !steam_id_is_known_form(account)))
                return NULL;

        /* Character, life, health, place: a death's. Anything else behind a team is a name that looks like a player, with the true fields
         * behind it. */
        if (*p == '<' && !skip_life(&p))
                return NULL;
        for (unsigned more = 2; more < MORE_FIELDS_MAX && skip_field(&p); more++)
                ;
        if (*p != '"')
                return NULL;

        ret->userid = (unsigned) n;
        (void) steam_id_parse(account, &ret->steam_id);
        ret->account = g_steal_pointer(&account);
        ret->team = g_steal_pointer(&team);
        return p;
}

/* A player behind the quote at *p; on success *p is at the quote that ends it, and *at where its fields begin. Goes on with the reading that
 * begins behind *at when the one before did not fit; NULL at first. */
static bool scan_player(const char **p, const char **at, LogPlayer *ret) {
        const char *start = *p + 1, *fields = *at ? *at + 1 : start, *end;

        if (**p != '"')
                return false;

        for (; (fields = strchr(fields, '<')); fields++) {
                LogPlayer player = { 0 };

                if (fields - start > LOGLINE_NAME_MAX)
                        return false;
                end = read_fields(fields, &player);
                if (!end)
                        continue;
                player.name = g_strndup(start, (gsize) (fields - start));
                *ret = player;
                *at = fields;
                *p = end;
                return true;
        }
        return false;
}

/* Whether text has this shape, from its beginning to its end. */
static bool read_shape(LogLine *l, const Shape *s, const char *text) {
        size_t size, after;

        if (!scan_text(&text, s->before))
                return false;
        if (!s->after) {
                if (*text)
                        return false;
                l->event = s->event;
                return true;
        }

        size = strlen(text);
        after = strlen(s->after);
        if (size >= after && g_str_equal(text + size - after, s->after))
                size -= after;
        else if (!s->may_lack)
                return false;
        if (!s->free && memchr(text, '"', size))
                return false;

        l->event = s->event;
        if (s->event == LOG_EVENT_CONNECTED)
                l->address = g_strndup(text, size);
        else
                l->text = g_strndup(text, size);
        return true;
}

/* " VERB "PLAYER" with "WEAPON", p being at the quote behind the first player. */
static bool read_fight(LogLine *l, const char *p, const char *verb, LogEvent event) {
        const char *second, *at = NULL;
        LogPlayer other;

        if (!scan_text(&p, verb))
                return false;

        for (second = p; scan_player(&p, &at, &other); p = second) {
                const char *weapon = p, *end;

                if (scan_text(&weapon, "\" with \"") && (end = strchr(weapon, '"')) &&
                        (g_str_equal(end, "\"") || g_str_equal(end, "\" (headshot)"))) {
                        l->victim = other;
                        l->event = event;
                        l->text = g_strndup(weapon, (gsize) (end - weapon));
                        l->headshot = end[1] != '\0';
                        return true;
                }
                player_clear(&other);
        }
        return false;
}

static bool read_about_player(LogLine *l, const char *text) {
        const char *p, *at = NULL;
        LogPlayer player;

        if (!scan_text(&text, "(DEATH)"))
                (void) scan_text(&text, "(INCAP)");

        for (p = text; scan_player(&p, &at, &player); p = text) {
                for (size_t i = 0; i < G_N_ELEMENTS(player_shapes); i++)
                        if (read_shape(l, &player_shapes[i], p)) {
                                l->player = player;
                                return true;
                        }
                if (read_fight(l, p, "\" killed ", LOG_EVENT_KILLED)) {
                        l->player = player;
                        return true;
                }
                if (read_fight(l, p, "\" was incapped by ", LOG_EVENT_INCAPACITATED)) {
                        l->player = l->victim;
                        l->victim = player;
                        return true;
                }
                player_clear(&player);
        }
        return false;
}

/* "name" = "value", or server_cvar: "name" "value". */
static bool read_cvar(LogLine *l, const char *p) {
        const char *between = scan_text(&p, "server_cvar: ") ? "\" \"" : "\" = \"", *name, *value;
        size_t size;

        if (!scan_text(&p, "\""))
                return false;
        name = p;
        value = p + strcspn(p, "\"");
        size = (size_t) (value - name);
        if (size == 0 || !scan_text(&value, between) || !*value || !g_str_has_suffix(value, "\""))
                return false;

        l->event = LOG_EVENT_CVAR;
        l->name = g_strndup(name, size);
        l->text = g_strndup(value, strlen(value) - 1);
        return true;
}

/* rcon from "ADDRESS": command "COMMAND", or Bad Password. */
static bool read_rcon(LogLine *l, const char *p) {
        const char *address, *end;

        if (!scan_text(&p, "rcon from \""))
                return false;
        address = p;
        end = strchr(p, '"');
        if (!end)
                return false;

        p = end;
        if (g_str_equal(p, "\": Bad Password"))
                l->event = LOG_EVENT_RCON_REFUSED;
        else if (scan_text(&p, "\": command \"") && *p && g_str_has_suffix(p, "\"")) {
                l->event = LOG_EVENT_RCON;
                l->text = g_strndup(p, strlen(p) - 1);
        } else
                return false;
        l->address = g_strndup(address, (gsize) (end - address));
        return true;
}

/* BEFORE"TEXT"..., whatever follows. */
static bool read_first_quoted(LogLine *l, const char *p, const char *before, LogEvent event) {
        size_t size;

        if (!scan_text(&p, before))
                return false;
        size = strcspn(p, "\"");
        if (p[size] != '"')
                return false;

        l->event = event;
        l->text = g_strndup(p, size);
        return true;
}

static void read_text(LogLine *l, const char *text) {
        if (read_about_player(l, text) || read_cvar(l, text) || read_rcon(l, text) ||
                read_first_quoted(l, text, "Started map \"", LOG_EVENT_MAP_STARTED) ||
                read_first_quoted(l, text, "Log file started (file \"", LOG_EVENT_STARTED))
                return;

        for (size_t i = 0; i < G_N_ELEMENTS(other_shapes); i++)
                if (read_shape(l, &other_shapes[i], text))
                        return;
        l->event = LOG_EVENT_OTHER;
        l->text = g_strdup(text);
}

static int two_digits(const char *p) {
        return (p[0] - '0') * 10 + p[1] - '0';
}

/* L MM/DD/YYYY - HH:MM:SS: */
static bool read_time(LogLine *l, const char *line) {
        if (!is_log_line(line))
                return false;

        l->month = two_digits(line + 2);
        l->day = two_digits(line + 5);
        l->year = two_digits(line + 8) * 100 + two_digits(line + 10);
        l->hour = two_digits(line + 15);
        l->minute = two_digits(line + 18);
        l->second = two_digits(line + 21);
        return g_date_valid_dmy((GDateDay) l->day, (GDateMonth) l->month, (GDateYear) l->year) &&
               l->hour < 24 && l->minute < 60 && l->second <= 60;
}

int logline_parse(const char *line, size_t size, LogLine **ret) {
        g_autoptr(LogLine) l = g_new0(LogLine, 1);
        g_autofree char *valid = NULL;

        if (size > LOGLINE_MAX)
                return -EMSGSIZE;
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r' || line[size - 1] == '\0'))
                size--;

        valid = size > 0 ? g_utf8_make_valid(line, (gssize) size) : g_strdup("");
        if (!read_time(l, valid))
                return -EBADMSG;
        read_text(l, valid + TIME_SIZE);
        *ret = g_steal_pointer(&l);
        return 0;
}

char *logline_format_time(const LogLine *l) {
        return g_strdup_printf("L %02d/%02d/%04d - %02d:%02d:%02d: ", l->month, l->day, l->year, l->hour,
                l->minute, l->second);
}

char *logline_format_player(const LogPlayer *p) {
        return g_strdup_printf("\"%s<%u><%s><%s>\"", p->name, p->userid, p->account ?: "", p->team ?: "");
}

const char *log_event_to_string(LogEvent event) {
        static const char *const names[] = {
                [LOG_EVENT_OTHER] = "other",
                [LOG_EVENT_CONNECTED] = "connected",
                [LOG_EVENT_VALIDATED] = "validated",
                [LOG_EVENT_ENTERED] = "entered",
                [LOG_EVENT_JOINED_TEAM] = "joined-team",
                [LOG_EVENT_RENAMED] = "renamed",
                [LOG_EVENT_SAID] = "said",
                [LOG_EVENT_SAID_TEAM] = "said-team",
                [LOG_EVENT_DISCONNECTED] = "disconnected",
                [LOG_EVENT_KILLED] = "killed",
                [LOG_EVENT_INCAPACITATED] = "incapacitated",
                [LOG_EVENT_SUICIDE] = "suicide",
                [LOG_EVENT_TRIGGERED] = "triggered",
                [LOG_EVENT_WORLD] = "world",
                [LOG_EVENT_MAP_LOADING] = "map-loading",
                [LOG_EVENT_MAP_STARTED] = "map-started",
                [LOG_EVENT_MAP_CHANGE] = "map-change",
                [LOG_EVENT_CVARS_START] = "cvars-start",
                [LOG_EVENT_CVAR] = "cvar",
                [LOG_EVENT_CVARS_END] = "cvars-end",
                [LOG_EVENT_SERVER_SAID] = "server-said",
                [LOG_EVENT_SERVER_NAME] = "server-name",
                [LOG_EVENT_STARTED] = "started",
                [LOG_EVENT_CLOSED] = "closed",
                [LOG_EVENT_RCON] = "rcon",
                [LOG_EVENT_RCON_REFUSED] = "rcon-refused",
        };

        G_STATIC_ASSERT(G_N_ELEMENTS(names) == LOG_EVENT_MAX);
        return (unsigned) event < LOG_EVENT_MAX ? names[event] : NULL;
}

int logline_decode_datagram(
        const void *data, size_t size, uint64_t *ret_secret, const char **ret_line, size_t *ret_size) {
        Wire w = { data, size };
        uint64_t secret = 0;
        uint32_t marker;
        uint8_t kind;

        if (!wire_read_u32(&w, &marker) || marker != UINT32_MAX || !wire_read_u8(&w, &kind) ||
                (kind != 'R' && kind != 'S'))
                return -EBADMSG;

        /* The secret's digits end where the line's "L " begins. */
        if (kind == 'S') {
                size_t digits = 0;

                for (; digits < w.left && g_ascii_isdigit(w.p[digits]); digits++) {
                        if (secret > (UINT64_MAX - 9) / 10)
                                return -EBADMSG;
                        secret = secret * 10 + (uint64_t) (w.p[digits] - '0');
                }
                if (digits == 0)
                        return -EBADMSG;
                w.p += digits;
                w.left -= digits;
        }
        if (w.left < 2 || memcmp(w.p, "L ", 2) != 0)
                return -EBADMSG;

        *ret_secret = secret;
        *ret_line = (const char *) w.p;
        *ret_size = w.left;
        return 0;
}

void logline_encode_datagram(GByteArray *out, uint64_t secret, const char *line) {
        g_autofree char *text = NULL;

        wire_append_u32(out, UINT32_MAX);
        wire_append_u8(out, secret != 0 ? 'S' : 'R');
        if (secret != 0)
                text = g_strdup_printf("%" G_GUINT64_FORMAT "%s\n", secret, line);
        else
                text = g_strdup_printf("%s\n", line);
        wire_append_string(out, text);
}
