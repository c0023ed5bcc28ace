/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/logline.h"

#define TIME "L 05/19/2026 - 18:20:01: "
#define ANN "\"Ann<2><STEAM_1:1:24968171><>\""
#define ANN_SURVIVOR "\"Ann<2><STEAM_1:1:24968171><Survivor>\""
#define ANN_ID 76561198010202071ULL
#define LONG \
        "\"Ann<8><STEAM_1:1:24968171><Survivor><Producer><ALIVE><100+0><setpos_exact 3617.36 -1739.69 294.53; " \
        "setang 0.00 179.84 0.00><Area 205>\""
#define INFECTED "\"infected<552><><Infected><infected><DEAD><0><setpos_exact 1.00 2.00 3.00><Area 205>\""
#define TANK "\"Tank<17><BOT><Infected><TANK><ALIVE><6000+0><setpos_exact 1 2 3><Area 7>\""

typedef struct Case {
        const char *text;
        LogEvent event;
        const char *player;
        const char *string; /* text */
        const char *more;   /* victim, address, or name */
} Case;

static const Case cases[] = {
        { "Log file started (file \"logs/L127_000_001_001_27015_201112260214_000.log\") (game \"/p/left4dead2\") (version \"4777\")",
                LOG_EVENT_STARTED, NULL, "logs/L127_000_001_001_27015_201112260214_000.log", NULL },
        { "Log file closed", LOG_EVENT_CLOSED, NULL, NULL, NULL },
        { "Loading map \"c4m2_sugarmill_a\"", LOG_EVENT_MAP_LOADING, NULL, "c4m2_sugarmill_a", NULL },
        { "Started map \"c4m2_sugarmill_a\" (CRC \"-431283537\")", LOG_EVENT_MAP_STARTED, NULL,
                "c4m2_sugarmill_a", NULL },
        { "-------- Mapchange to c1m1_hotel --------", LOG_EVENT_MAP_CHANGE, NULL, "c1m1_hotel", NULL },
        { "server cvars start", LOG_EVENT_CVARS_START, NULL, NULL, NULL },
        { "\"mp_x\" = \"4\"", LOG_EVENT_CVAR, NULL, "4", "mp_x" },
        { "\"hostname\" = \"\"", LOG_EVENT_CVAR, NULL, "", "hostname" },
        { "server cvars end", LOG_EVENT_CVARS_END, NULL, NULL, NULL },
        { "server_cvar: \"mp_x\" \"a \"b\" c\"", LOG_EVENT_CVAR, NULL, "a \"b\" c", "mp_x" },
        { ANN " connected, address \"203.0.113.7:27005\"", LOG_EVENT_CONNECTED, "Ann", NULL,
                "203.0.113.7:27005" },
        { "\"Coach<3><BOT><>\" connected, address \"none\"", LOG_EVENT_CONNECTED, "Coach", NULL, "none" },
        { ANN " STEAM USERID validated", LOG_EVENT_VALIDATED, "Ann", NULL, NULL },
        { ANN " entered the game", LOG_EVENT_ENTERED, "Ann", NULL, NULL },
        { ANN " joined team \"Survivor\"", LOG_EVENT_JOINED_TEAM, "Ann", "Survivor", NULL },
        { LONG " joined team \"Infected\"", LOG_EVENT_JOINED_TEAM, "Ann", "Infected", NULL },
        { ANN_SURVIVOR " changed name to \"Anne\"", LOG_EVENT_RENAMED, "Ann", "Anne", NULL },
        { ANN_SURVIVOR " say \"hi\"", LOG_EVENT_SAID, "Ann", "hi", NULL },
        { ANN_SURVIVOR " say_team \"say \"please\"\"", LOG_EVENT_SAID_TEAM, "Ann", "say \"please\"", NULL },
        { "\"Console<0><Console><Console>\" say \"hi\"", LOG_EVENT_SAID, "Console", "hi", NULL },
        { ANN_SURVIVOR " disconnected (reason \"Disconnect by user.\")", LOG_EVENT_DISCONNECTED, "Ann",
                "Disconnect by user.", NULL },
        { ANN_SURVIVOR " disconnected (reason \"bye \"bye\"\")", LOG_EVENT_DISCONNECTED, "Ann",
                "bye \"bye\"", NULL },
        { ANN_SURVIVOR " disconnected (reason \"one line", LOG_EVENT_DISCONNECTED, "Ann", "one line", NULL },
        { ANN_SURVIVOR " committed suicide with \"world\"", LOG_EVENT_SUICIDE, "Ann", "world", NULL },
        { ANN_SURVIVOR " triggered \"revived\"", LOG_EVENT_TRIGGERED, "Ann", "revived", NULL },
        { "World triggered \"Round_Start\"", LOG_EVENT_WORLD, NULL, "Round_Start", NULL },
        { "Server say \"Hai\"", LOG_EVENT_SERVER_SAID, NULL, "Hai", NULL },
        { "Server name is \"X \"Y\"\"", LOG_EVENT_SERVER_NAME, NULL, "X \"Y\"", NULL },
        { "rcon from \"127.0.0.1:54598\": command \"say \"hi\"; status\"", LOG_EVENT_RCON, NULL,
                "say \"hi\"; status", "127.0.0.1:54598" },
        { "rcon from \"198.51.100.9:4242\": Bad Password", LOG_EVENT_RCON_REFUSED, NULL, NULL,
                "198.51.100.9:4242" },
        { "(DEATH)" LONG " killed " INFECTED " with \"smg\"", LOG_EVENT_KILLED, "Ann", "smg", "infected" },
        { ANN " killed \"a\" with \"b<9><BOT><>\" with \"smg\" (headshot)", LOG_EVENT_KILLED, "Ann", "smg",
                "a\" with \"b" },
        { "(INCAP)" LONG " was incapped by " TANK " with \"tank_claw\"", LOG_EVENT_INCAPACITATED, "Tank",
                "tank_claw", "Ann" },
        { "(TONGUE) Tongue grab starting.  Smoker:" TANK ". Victim:" ANN ".", LOG_EVENT_OTHER, NULL,
                "(TONGUE) Tongue grab starting.  Smoker:" TANK ". Victim:" ANN ".", NULL },
        { "", LOG_EVENT_OTHER, NULL, "", NULL },
};

static LogLine *parse(const char *text) {
        g_autofree char *line = g_strconcat(TIME, text, "\n", NULL);
        LogLine *l = NULL;

        g_assert_cmpint(logline_parse(line, strlen(line), &l), ==, 0);
        return l;
}

static void test_lines_of_a_server(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(LogLine) l = parse(cases[i].text);
                const char *more = l->victim.name ?: l->address ?: l->name;

                g_test_message("%s", cases[i].text);
                g_assert_cmpstr(log_event_to_string(l->event), ==, log_event_to_string(cases[i].event));
                g_assert_cmpstr(l->player.name, ==, cases[i].player);
                g_assert_cmpstr(l->text, ==, cases[i].string);
                g_assert_cmpstr(more, ==, cases[i].more);
                g_assert_cmpint(l->headshot, ==, strstr(cases[i].text, "(headshot)") != NULL);
        }
}

static void test_players(void) {
        g_autoptr(LogLine) ann = parse(LONG " say \"hi\""), tank = parse(TANK " entered the game");
        g_autoptr(LogLine) killed = parse("(DEATH)" LONG " killed " INFECTED " with \"smg\"");
        g_autofree char *text = logline_format_player(&ann->player), *when = logline_format_time(ann);

        g_assert_cmpuint(ann->player.userid, ==, 8);
        g_assert_cmpstr(ann->player.account, ==, "STEAM_1:1:24968171");
        g_assert_cmpuint(ann->player.steam_id, ==, ANN_ID);
        g_assert_cmpstr(ann->player.team, ==, "Survivor");
        g_assert_cmpstr(tank->player.account, ==, "BOT");
        g_assert_cmpuint(tank->player.steam_id, ==, 0);
        g_assert_cmpstr(killed->victim.account, ==, "");
        g_assert_cmpuint(killed->victim.userid, ==, 552);
        g_assert_cmpstr(text, ==, "\"Ann<8><STEAM_1:1:24968171><Survivor>\"");
        g_assert_cmpstr(when, ==, TIME);
}

/* What players write cannot make a line of another kind, or of another player, out of theirs. */
static void test_words_cannot_lie(void) {
        static const Case lies[] = {
                { ANN " say \"x<3><STEAM_1:0:1><>\" entered the game\"", LOG_EVENT_SAID, "Ann",
                        "x<3><STEAM_1:0:1><>\" entered the game", NULL },
                { ANN " say \"x<3><STEAM_1:0:1><>\" say \"hi\"", LOG_EVENT_SAID, "Ann",
                        "x<3><STEAM_1:0:1><>\" say \"hi", NULL },
                { ANN " disconnected (reason \"x<3><STEAM_1:0:1><>\" disconnected (reason \"y\")",
                        LOG_EVENT_DISCONNECTED, "Ann", "x<3><STEAM_1:0:1><>\" disconnected (reason \"y",
                        NULL },
                { ANN " say \"\" entered the game", LOG_EVENT_OTHER, NULL, ANN " say \"\" entered the game",
                        NULL },
                { "\"a<1><BOT><>\" entered the game<2><STEAM_1:1:24968171><>\" entered the game",
                        LOG_EVENT_ENTERED, "a<1><BOT><>\" entered the game", NULL, NULL },
                { "\"<1>\"<2><STEAM_1:1:24968171><>\" entered the game", LOG_EVENT_ENTERED, "<1>\"", NULL,
                        NULL },
                { "\"<2><BOT><Survivor><5><STEAM_1:1:24968171><>\" entered the game", LOG_EVENT_ENTERED,
                        "<2><BOT><Survivor>", NULL, NULL },
                { "\"rcon from \"<2><STEAM_1:1:24968171><>\" entered the game", LOG_EVENT_ENTERED,
                        "rcon from \"", NULL, NULL },
                { "\"sv_cheats\" = \"1<2><STEAM_1:1:24968171><>\" say \"x\"", LOG_EVENT_SAID,
                        "sv_cheats\" = \"1", "x", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
                g_autoptr(LogLine) l = parse(lies[i].text);

                g_assert_cmpstr(log_event_to_string(l->event), ==, log_event_to_string(lies[i].event));
                g_assert_cmpstr(l->player.name, ==, lies[i].player);
                g_assert_cmpstr(l->text, ==, lies[i].string);
        }
}

static void test_nearly(void) {
        static const char *const texts[] = { "\"Ann<2><STEAM_1:1:24968171>\" entered the game",
                "\"Ann<x><STEAM_1:1:24968171><>\" entered the game", "\"Ann<2><NOBODY><>\" entered the game",
                "\"Ann<99999999999><BOT><>\" entered the game", ANN " entered the game now",
                ANN " connected, address \"x", ANN " killed " ANN, ANN " killed " ANN " with \"x\" (luck)",
                "Loading map \"x", "Loading map \"a\"b\"", "\"\" = \"x\"", "\"x\" = \"",
                "rcon from \"x\": command \"", "rcon from \"x", "\"", "-------- Mapchange to x",
                "\"<1><BOT><><1><2><3><4><5><6><7><8><9>\" entered the game" };
        g_autofree char *name = g_strnfill(LOGLINE_NAME_MAX + 1, 'x');
        g_autofree char *long_name = g_strdup_printf("\"%s<2><BOT><>\" entered the game", name);
        g_autoptr(LogLine) long_line = parse(long_name), longest = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(LogLine) l = parse(texts[i]);

                g_assert_cmpint(l->event, ==, LOG_EVENT_OTHER);
                g_assert_cmpstr(l->text, ==, texts[i]);
                g_assert_null(l->player.name);
                g_assert_null(l->victim.name);
        }
        g_assert_cmpint(long_line->event, ==, LOG_EVENT_OTHER);
        memmove(long_name + 1, long_name + 2, strlen(long_name + 1));
        longest = parse(long_name);
        g_assert_cmpint(longest->event, ==, LOG_EVENT_ENTERED);
}

static void test_no_log_lines(void) {
        static const char *const texts[] = { "", "L ", "Console initialized.", "L 05/19/2026 - 18:20:01:x",
                "L 13/19/2026 - 18:20:01: x", "L 02/30/2026 - 18:20:01: x", "L 05/19/2026 - 24:20:01: x",
                "L 05/19/2026 - 18:60:01: x", "L 05/19/2026 - 18:20:61: x", "L 05/19/0000 - 18:20:01: x",
                " L 05/19/2026 - 18:20:01: x", "M 05/19/2026 - 18:20:01: x", "L 05/19/2026 - 18:20:01:" };
        g_autofree char *large = g_strnfill(LOGLINE_MAX + 1, 'L');
        LogLine *l = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_assert_cmpint(logline_parse(texts[i], strlen(texts[i]), &l), ==, -EBADMSG);
        g_assert_cmpint(logline_parse(large, LOGLINE_MAX + 1, &l), ==, -EMSGSIZE);
        g_assert_null(l);
}

static void test_datagrams(void) {
        static const char *const broken[] = { "", "\xff\xff\xff", "\xff\xff\xff\xff", "\xff\xff\xff\xffR",
                "\xff\xff\xff\xffRL", "\xff\xff\xff\xffTL x", "\xff\xff\xff\xffSL x", "\xff\xff\xff\xffS12",
                "\xff\xff\xff\xffS99999999999999999999L x", "\xff\xff\xff\xffS-1L x",
                "\xfe\xff\xff\xffRL x" };
        uint64_t secret = 7;
        const char *line;
        size_t size;

        for (uint64_t s = 0; s < 2; s++) {
                g_autoptr(GByteArray) b = g_byte_array_new();
                g_autoptr(LogLine) l = NULL;

                logline_encode_datagram(b, s * 12345, TIME ANN " entered the game");
                g_assert_cmpint(memcmp(b->data, s ? "\xff\xff\xff\xffS12345L 05" : "\xff\xff\xff\xffRL 05",
                                        s ? 14 : 9),
                        ==, 0);
                g_assert_cmpint(b->data[b->len - 2], ==, '\n');
                g_assert_cmpint(logline_decode_datagram(b->data, b->len, &secret, &line, &size), ==, 0);
                g_assert_cmpuint(secret, ==, s * 12345);
                g_assert_cmpint(logline_parse(line, size, &l), ==, 0);
                g_assert_cmpint(l->event, ==, LOG_EVENT_ENTERED);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
                g_assert_cmpint(logline_decode_datagram(broken[i], strlen(broken[i]), &secret, &line, &size),
                        ==, -EBADMSG);
}

static void test_names_of_events(void) {
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

        for (LogEvent e = 0; e < LOG_EVENT_MAX; e++)
                g_assert_true(g_hash_table_add(names, (char *) (uintptr_t) log_event_to_string(e)));
        g_assert_null(log_event_to_string(LOG_EVENT_MAX));
        g_assert_null(log_event_to_string((LogEvent) -1));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/logline/lines", test_lines_of_a_server);
        g_test_add_func("/logline/players", test_players);
        g_test_add_func("/logline/words-cannot-lie", test_words_cannot_lie);
        g_test_add_func("/logline/nearly", test_nearly);
        g_test_add_func("/logline/no-log-lines", test_no_log_lines);
        g_test_add_func("/logline/datagrams", test_datagrams);
        g_test_add_func("/logline/names-of-events", test_names_of_events);
        return g_test_run();
}
