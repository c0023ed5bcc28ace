/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram of a server's log, or just its lines. */
#include <string.h>

#include "fuzz.h"
#include "protocol/logline.h"

static void check_text(const char *text) {
        g_assert_true(!text || g_utf8_validate(text, -1, NULL));
}

/* A player is read from what it is written as, in the simplest line. Names that end in what looks like fields are not. */
static void check_player(const LogLine *l) {
        g_autofree char *when = logline_format_time(l), *player = logline_format_player(&l->player);
        g_autofree char *line = g_strconcat(when, player, " entered the game", NULL);
        g_autoptr(LogLine) again = NULL;

        check_text(l->player.name);
        check_text(l->player.team);
        g_assert_cmpuint(strlen(l->player.name), <=, LOGLINE_NAME_MAX);
        if (strlen(line) > LOGLINE_MAX)
                return;

        g_assert_cmpint(logline_parse(line, strlen(line), &again), ==, 0);
        g_assert_cmpint(again->event, ==, LOG_EVENT_ENTERED);
        if (strchr(l->player.name, '<'))
                return;
        g_assert_cmpstr(again->player.name, ==, l->player.name);
        g_assert_cmpuint(again->player.userid, ==, l->player.userid);
        g_assert_cmpuint(again->player.steam_id, ==, l->player.steam_id);
}

static void read_line(const char *line, size_t size) {
        g_autofree char *exact = g_memdup2(line, size);
        g_autoptr(LogLine) l = NULL;

        if (logline_parse(exact, size, &l) < 0)
                return;
        g_assert_nonnull(log_event_to_string(l->event));
        g_assert_true(l->event != LOG_EVENT_OTHER || l->text);
        check_text(l->text);
        check_text(l->name);
        check_text(l->address);
        if (l->player.name)
                check_player(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data, *line;
        uint64_t secret;
        size_t n;

        if (logline_decode_datagram(data, size, &secret, &line, &n) == 0)
                read_line(line, n);

        while (size > 0) {
                const char *end = memchr(text, '\n', size);

                n = end ? (size_t) (end - text) + 1 : size;
                read_line(text, n);
                text += n;
                size -= n;
        }
        return 0;
}
