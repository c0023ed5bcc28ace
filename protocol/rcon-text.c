/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "protocol/rcon-text.h"
#include "protocol/scan.h"
#include "protocol/steam-id.h"

RconPlayer *rcon_player_new(void) {
        RconPlayer *p = g_new0(RconPlayer, 1);

        p->name = g_strdup("");
        p->unique_id = g_strdup("");
        p->state = g_strdup("");
        p->address = g_strdup("");
        return p;
}

void rcon_player_free(RconPlayer *p) {
        if (!p)
                return;

        g_free(p->name);
        g_free(p->unique_id);
        g_free(p->state);
        g_free(p->address);
        g_free(p);
}

RconStatus *rcon_status_new(void) {
        RconStatus *s = g_new0(RconStatus, 1);

        s->hostname = g_strdup("");
        s->version = g_strdup("");
        s->address = g_strdup("");
        s->public_address = g_strdup("");
        s->os = g_strdup("");
        s->map = g_strdup("");
        s->players = g_ptr_array_new_with_free_func((GDestroyNotify) rcon_player_free);
        return s;
}

void rcon_status_free(RconStatus *s) {
        if (!s)
                return;

        g_free(s->hostname);
        g_free(s->version);
        g_free(s->address);
        g_free(s->public_address);
        g_free(s->os);
        g_free(s->map);
        g_ptr_array_unref(s->players);
        g_free(s);
}

static void replace(char **text, const char *value) {
        g_free(*text);
        *text = g_strdup(value);
}

/* A line without its end. Names may hold what moves a terminal's cursor, and what some take for a line's end. */
static char *clean_line(const char *line) {
        char *clean = g_strchomp(g_strdup(line));

        for (char *p = clean; *p; p++)
                if (g_ascii_iscntrl(*p) && *p != '\t')
                        *p = '?';
        return clean;
}

/* The lines of an answer, without those of the log. */
static int read_lines(const char *text, size_t size, GPtrArray **ret) {
        g_autofree char *valid = NULL;
        g_auto(GStrv) lines = NULL;

        if (size > RCON_TEXT_MAX)
                return -EMSGSIZE;

        valid = size > 0 ? g_utf8_make_valid(text, (gssize) size) : g_strdup("");
        lines = g_strsplit(valid, "\n", -1);
        *ret = g_ptr_array_new_with_free_func(g_free);
        for (char **l = lines; *l; l++)
                if (!is_log_line(*l))
                        g_ptr_array_add(*ret, clean_line(*l));
        return 0;
}

/* The words of a line. */
static GPtrArray *read_words(const char *text) {
        GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

        while (*text) {
                size_t n;

                scan_blanks(&text);
                n = strcspn(text, " \t");
                if (n > 0)
                        g_ptr_array_add(words, g_strndup(text, n));
                text += n;
        }
        return words;
}

static const char *get_word(const GPtrArray *words, guint i) {
        return i < words->len ? g_ptr_array_index(words, i) : "";
}

static bool get_number(const GPtrArray *words, guint i, unsigned *ret) {
        uint64_t n;

        if (!number_from_text(get_word(words, i), UINT32_MAX, &n))
                return false;
        *ret = (unsigned) n;
        return true;
}

/* 05:40 or 1:02:33. */
static bool read_duration(const char *text, uint64_t *ret) {
        uint64_t total = 0, n;
        unsigned parts = 0;

        do {
                if (++parts > 3 || !scan_number(&text, parts == 1 ? UINT32_MAX : 59, &n))
                        return false;
                total = total * 60 + n;
        } while (scan_text(&text, ":"));
        if (*text || parts < 2)
                return false;

        *ret = total;
        return true;
}

/* # 26 1 "Player Six" STEAM_1:0:12345678 05:40 99 0 active 30000 198.51.100.4:44563
 * #27 "Coach" BOT active
 * Only a name can hold a quote, so it ends at the last one. */
static RconPlayer *read_player(const char *line) {
        const char *p = line + 1, *end = strrchr(line, '"');
        g_autoptr(RconPlayer) player = rcon_player_new();
        g_autoptr(GPtrArray) words = NULL;
        uint64_t userid, slot = 0;

        scan_blanks(&p);
        if (!scan_number(&p, UINT32_MAX, &userid))
                return NULL;
        scan_blanks(&p);
        if (scan_number(&p, UINT32_MAX, &slot))
                scan_blanks(&p);
        if (*p != '"' || end == p)
                return NULL;

        player->userid = (unsigned) userid;
        player->slot = (unsigned) slot;
        g_free(player->name);
        player->name = g_strndup(p + 1, (gsize) (end - p - 1));

        words = read_words(end + 1);
        replace(&player->unique_id, get_word(words, 0));
        if (!steam_id_is_known_form(player->unique_id))
                return NULL;
        player->bot = g_str_equal(player->unique_id, "BOT");
        if (player->bot) {
                replace(&player->state, get_word(words, 1));
                return *player->state ? g_steal_pointer(&player) : NULL;
        }

        (void) steam_id_parse(player->unique_id, &player->steam_id);
        if (!read_duration(get_word(words, 1), &player->connected) || !get_number(words, 2, &player->ping) ||
                !get_number(words, 3, &player->loss) || words->len < 5)
                return NULL;
        replace(&player->state, get_word(words, 4));
        (void) get_number(words, 5, &player->rate);
        replace(&player->address, get_word(words, 6));
        return g_steal_pointer(&player);
}

static void read_version(RconStatus *s, const char *text) {
        g_autoptr(GPtrArray) words = read_words(text);

        replace(&s->version, get_word(words, 0));
        (void) get_number(words, 1, &s->build);
        s->secure = g_str_equal(get_word(words, 2), "secure");
}

/* 10.0.0.4:27015 [ public 203.0.113.66:27015 ], or public same, or public n/a. */
static void read_address(RconStatus *s, const char *text) {
        g_autoptr(GPtrArray) words = read_words(text);
        const char *public = get_word(words, 3);

        replace(&s->address, get_word(words, 0));
        if (!g_str_equal(get_word(words, 2), "public") || g_str_equal(public, "n/a"))
                return;
        replace(&s->public_address, g_str_equal(public, "same") ? s->address : public);
}

static void read_map(RconStatus *s, const char *text) {
        g_autoptr(GPtrArray) words = read_words(text);

        replace(&s->map, get_word(words, 0));
}

/* 2 humans, 5 bots (12 max) (not hibernating) (unreserved). The last two are L4D2's only. */
static bool read_counts(RconStatus *s, const char *p) {
        uint64_t humans, bots, max, visible;
        char *end;

        if (!scan_number(&p, UINT32_MAX, &humans) || !scan_text(&p, " humans, ") ||
                !scan_number(&p, UINT32_MAX, &bots) || !scan_text(&p, " bots (") ||
                !scan_number(&p, UINT32_MAX, &max))
                return false;
        if (scan_text(&p, "/") && !scan_number(&p, UINT32_MAX, &visible))
                return false;
        if (!scan_text(&p, " max)"))
                return false;

        s->humans = (unsigned) humans;
        s->bots = (unsigned) bots;
        s->max_players = (unsigned) max;
        s->hibernating = scan_text(&p, " (hibernating)");
        if (!s->hibernating)
                (void) scan_text(&p, " (not hibernating)");
        s->reserved = scan_text(&p, " (reserved");
        if (s->reserved && scan_text(&p, " ") && g_ascii_isxdigit(*p)) {
                s->lobby = g_ascii_strtoull(p, &end, 16);
                if (*end != ')')
                        s->lobby = 0;
        }
        return true;
}

/* One line before the table, if it is the first with its key: only the host's name is anybody's to choose, and it comes first. */
static void read_head(RconStatus *s, const char *line, unsigned *seen) {
        static const char *const keys[] = { "hostname", "version", "udp/ip", "os", "map", "players" };
        unsigned i = 0;
        const char *p;

        for (;; i++) {
                if (i == G_N_ELEMENTS(keys))
                        return;
                p = line;
                if (!scan_text(&p, keys[i]))
                        continue;
                scan_blanks(&p);
                if (scan_text(&p, ":"))
                        break;
        }
        if (*seen & (1U << i))
                return;

        scan_blanks(&p);
        if (i == 5 && !read_counts(s, p))
                return;
        *seen |= 1U << i;
        if (i == 0)
                replace(&s->hostname, p);
        else if (i == 1)
                read_version(s, p);
        else if (i == 2)
                read_address(s, p);
        else if (i == 3)
                replace(&s->os, p);
        else if (i == 4)
                read_map(s, p);
}

int rcon_status_parse(const char *text, size_t size, RconStatus **ret) {
        g_autoptr(RconStatus) s = rcon_status_new();
        g_autoptr(GPtrArray) lines = NULL;
        bool in_table = false;
        unsigned seen = 0;
        int r;

        r = read_lines(text, size, &lines);
        if (r < 0)
                return r;

        for (guint i = 0; i < lines->len && !s->complete; i++) {
                const char *line = g_ptr_array_index(lines, i);
                RconPlayer *p;

                if (*line != '#') {
                        if (!in_table)
                                read_head(s, line, &seen);
                        continue;
                }
                if (!in_table) {
                        in_table = true; /* the line with the names of the columns */
                        continue;
                }
                s->complete = g_str_equal(line, "#end");
                if (s->complete)
                        continue;
                p = read_player(line);
                if (p)
                        g_ptr_array_add(s->players, p);
                else
                        s->unread++;
                if (s->players->len > RCON_PLAYERS_MAX)
                        return -EMSGSIZE;
        }
        if (!(seen & (1U << 5)))
                return -EBADMSG;

        *ret = g_steal_pointer(&s);
        return 0;
}

static void format_player(GString *out, const RconPlayer *p) {
        unsigned hours = (unsigned) (p->connected / 3600), minutes = p->connected / 60 % 60,
                 seconds = p->connected % 60;

        if (p->bot) {
                g_string_append_printf(out, "#%u \"%s\" BOT %s\n", p->userid, p->name, p->state);
                return;
        }

        g_string_append_printf(out, "# %u %u \"%s\" %s ", p->userid, p->slot, p->name, p->unique_id);
        if (hours > 0)
                g_string_append_printf(out, "%u:%02u:%02u", hours, minutes, seconds);
        else
                g_string_append_printf(out, "%02u:%02u", minutes, seconds);
        g_string_append_printf(out, " %u %u %s %u %s\n", p->ping, p->loss, p->state, p->rate, p->address);
}

char *rcon_status_format(const RconStatus *s) {
        const char *public = *s->public_address ? s->public_address : "n/a";
        GString *out = g_string_new(NULL);

        g_string_append_printf(out, "hostname: %s\nversion : %s %u %s  (unknown)\n", s->hostname, s->version,
                s->build, s->secure ? "secure" : "insecure");
        g_string_append_printf(out, "udp/ip  : %s [ public %s ]\nos      : %s\nmap     : %s\n", s->address,
                g_str_equal(public, s->address) ? "same" : public, s->os, s->map);
        g_string_append_printf(out, "players : %u humans, %u bots (%u max) (%s) (", s->humans, s->bots,
                s->max_players, s->hibernating ? "hibernating" : "not hibernating");
        if (!s->reserved)
                g_string_append(out, "unreserved");
        else if (s->lobby != 0)
                g_string_append_printf(out, "reserved %" G_GINT64_MODIFIER "x", s->lobby);
        else
                g_string_append(out, "reserved");
        g_string_append(out, ")\n\n# userid name uniqueid connected ping loss state rate adr\n");
        for (guint i = 0; i < s->players->len; i++)
                format_player(out, g_ptr_array_index(s->players, i));
        g_string_append(out, "#end\n");
        return g_string_free(out, FALSE);
}
