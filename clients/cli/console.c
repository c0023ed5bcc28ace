/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"
#include "dbus/names.h"
#include "protocol/rcon.h"

/*
 * Nothing in the protocol shows the end of an answer. Behind each command goes a marker that srcds sends back; some servers are said not
 * to. Until one has come back, an answer ends with a quiet while as well.
 */
#define QUIET_MS 300
#define QUIET_AT_FIRST_MS 1000
#define SILENT_MS 5000
#define WHOLE_MS 30000

/* How long the end of a session is waited for, after a command that brings it. */
#define END_MS 2000

#define ANSWER_MAX (8 * 1024 * 1024)

struct Console {
        Cli *cli;
        char *name;
        int fd;
        int last_id;
        gboolean mirrors;   /* the server has sent a marker back */
        gboolean no_mirror; /* it has not, when it should have */
        guint8 buffer[2 * RCON_PACKET_MAX];
        size_t have;
};

static void console_close(Console *c) {
        if (c->fd >= 0)
                (void) close(c->fd);
        c->fd = -1;
        c->have = 0;
}

Console *console_new(Cli *cli, const char *name) {
        Console *c = g_new0(Console, 1);

        c->cli = cli;
        c->name = g_strdup(name);
        c->fd = -1;
        return c;
}

Console *console_free(Console *c) {
        if (!c)
                return NULL;

        console_close(c);
        g_free(c->name);
        g_free(c);
        return NULL;
}

/* The server says nothing on its own, so what is there to be read is the end, or the rest of an answer. */
static gboolean is_alive(const Console *c) {
        char byte;

        return c->fd >= 0 && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

int console_open(Console *c, gboolean *ret_again) {
        g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, c->name);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        *ret_again = FALSE;
        if (is_alive(c))
                return EXIT_OK;

        *ret_again = c->last_id > 0;
        console_close(c);
        reply = cli_call_fd(c->cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = "OpenConsole",
                        .reply = "(h)",
                        .interactive = TRUE,
                },
                0, &c->fd, &error);
        if (!reply) {
                c->fd = -1;
                return cli_error_about(c->cli, error, LEFT4ME_INSTANCE_PREFIX, c->name);
        }

        return EXIT_OK;
}

gboolean console_check(Cli *cli, const char *text) {
        if (strlen(text) > RCON_COMMAND_MAX)
                (void) cli_usage(cli, "a command has at most %u bytes, this one has %zu", RCON_COMMAND_MAX,
                        strlen(text));
        else if (!rcon_command_is_valid(text))
                (void) cli_usage(cli, "a command is one line of text, without control characters");
        else
                return TRUE;

        return FALSE;
}

/* Whether one of the commands on the line, which semicolons separate, begins with one of these words. */
static gboolean has_command(const char *line, const char *const *words) {
        g_auto(GStrv) commands = g_strsplit(line, ";", -1);
        char **command;

        for (command = commands; *command; command++) {
                g_auto(GStrv) parts = g_strsplit_set(g_strstrip(*command), " \t\"", -1);
                char **part = parts;
                g_autofree char *word = NULL;

                while (*part && !**part)
                        part++;
                word = g_ascii_strdown(*part ? *part : "", -1);
                if (g_strv_contains(words, word))
                        return TRUE;
        }

        return FALSE;
}

gboolean console_ends_server(const char *command) {
        static const char *const words[] = { "quit", "exit", "_restart", "killserver", "shutdown", NULL };

        return has_command(command, words);
}

gboolean console_sets_password(const char *command) {
        g_autofree char *lower = g_ascii_strdown(command, -1);
        const char *name = strstr(lower, "rcon_password");

        /* The name alone asks for the value. */
        return name && *(name + strcspn(name, " \t\"") + strspn(name + strcspn(name, " \t\""), " \t\""));
}

gboolean console_ends_session(const char *command) {
        static const char *const words[] = { "map", "changelevel", "changelevel2", "exec", "sm_map",
                "sm_execcfg", "restart", "reload", NULL };

        return has_command(command, words) || console_ends_server(command) || console_sets_password(command);
}

static gboolean send_all(const Console *c, const GByteArray *out) {
        size_t sent = 0;

        while (sent < out->len) {
                ssize_t n = send(c->fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);

                if (n < 0 && errno != EINTR)
                        return FALSE;
                sent += n > 0 ? (size_t) n : 0;
        }

        return TRUE;
}

static int next_id(Console *c) {
        c->last_id = c->last_id == G_MAXINT32 ? 1 : c->last_id + 1;
        return c->last_id;
}

/* The packets that are whole. Returns as rcon_answer_add(), and -EBADMSG when it is no game server that speaks. */
static int take_packets(Console *c, RconAnswer *answer) {
        RconPacket p;
        size_t at = 0;
        ssize_t n;
        int r = 0;

        while (r == 0 && (n = rcon_decode(RCON_FROM_SERVER, c->buffer + at, c->have - at, &p, NULL)) != 0) {
                if (n < 0)
                        return -EBADMSG;
                r = rcon_answer_add(answer, &p);
                at += (size_t) n;
        }

        memmove(c->buffer, c->buffer + at, c->have - at);
        c->have -= at;
        return r;
}

typedef struct {
        gint64 begun;  /* usec */
        gint64 latest; /* when the last bytes came */
        gboolean ends; /* the session, probably */
} Wait;

/* Milliseconds until what has come counts as the answer, 0 when it does. */
static int time_left(const Console *c, const RconAnswer *answer, const Wait *w) {
        gint64 now = g_get_monotonic_time(), begun = (now - w->begun) / 1000,
               quiet = (now - w->latest) / 1000;
        gint64 left = WHOLE_MS - begun;

        if (answer->packets == 0)
                left = (w->ends ? END_MS : SILENT_MS) - begun;
        else if (!c->mirrors || w->ends)
                left = MIN(left, (c->no_mirror || w->ends ? QUIET_MS : QUIET_AT_FIRST_MS) - quiet);

        return (int) MAX(left, 0);
}

/* What comes until the answer is there: EOF gives CONSOLE_LOST, whatever came before. */
static ConsoleResult read_answer(Console *c, RconAnswer *answer, Wait *w) {
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        int left, r;
        ssize_t n;

        while ((left = time_left(c, answer, w)) > 0) {
                r = poll(&p, 1, left);
                if (r == 0 || (r < 0 && errno == EINTR))
                        continue;

                n = recv(c->fd, c->buffer + c->have, sizeof(c->buffer) - c->have, 0);
                if (n <= 0)
                        return CONSOLE_LOST;
                c->have += (size_t) n;
                w->latest = g_get_monotonic_time();

                r = take_packets(c, answer);
                if (r == -EBADMSG)
                        return CONSOLE_LOST;
                if (r < 0)
                        return CONSOLE_CUT;
                if (r > 0) {
                        c->mirrors = TRUE;
                        return CONSOLE_ANSWERED;
                }
        }

        if (answer->packets == 0)
                return CONSOLE_SILENT;
        if (w->ends)
                return CONSOLE_ANSWERED;
        if (c->mirrors)
                return CONSOLE_CUT;

        c->no_mirror = TRUE;
        return CONSOLE_ANSWERED;
}

ConsoleResult console_run(Console *c, const char *command, GString **ret_answer) {
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autoptr(RconAnswer) answer = NULL;
        const gint64 now = g_get_monotonic_time();
        Wait w = { .begun = now, .latest = now, .ends = console_ends_session(command) };
        int id = next_id(c), marker = w.ends ? 0 : next_id(c);
        ConsoleResult result;

        *ret_answer = NULL;
        if (rcon_encode_command(out, id, command, marker ? RCON_MARKER_VALUE : RCON_MARKER_NONE, marker) < 0)
                g_return_val_if_reached(CONSOLE_LOST);

        answer = rcon_answer_new(id, marker, ANSWER_MAX);
        result = send_all(c, out) ? read_answer(c, answer, &w) : CONSOLE_LOST;

        /* After what is in doubt nobody knows what the next bytes belong to. */
        if (result == CONSOLE_LOST || result == CONSOLE_CUT || result == CONSOLE_SILENT)
                console_close(c);
        if (w.ends && (result == CONSOLE_LOST || result == CONSOLE_SILENT))
                result = CONSOLE_SENT;
        else if (result == CONSOLE_LOST && answer->packets > 0)
                result = CONSOLE_CUT;

        *ret_answer = g_string_new_len(answer->text->str, (gssize) answer->text->len);
        return result;
}
