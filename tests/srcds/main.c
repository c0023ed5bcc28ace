/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stand-in for srcds_linux: a dedicated server of Left 4 Dead 2 as its environment sees it, without
 * the game. It takes the real one's command line, prints its console lines in its order, runs cfg files
 * when it does, binds its port, writes where it writes and ends as it ends. It was written from a
 * description of the real server's behaviour, so that left4me can be tested end to end where the game
 * itself is not to be had. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "logaddress.h"
#include "loop.h"
#include "misbehave.h"
#include "report.h"
#include "server.h"
#include "util.h"

#define DEFAULT_PORT 27015
#define DEFAULT_TICKRATE 30
#define EXIT_SYS 100 /* the engine's own exit code for what it cannot run without */

static const CommandTable *const tables[] = { &engine_commands, &report_commands, &player_commands,
        &ban_commands, &standin_commands, &misbehave_commands, &schedule_commands, &sourcemod_commands,
        &logaddress_commands, NULL };

/* The value of a word such as -port, or of the cvar given as +hostport; the last one counts. */
static const char *argument(char **argv, const char *word) {
        const char *value = NULL;

        for (char **a = argv + 1; *a; a++)
                if (strcasecmp(*a, word) == 0)
                        value = a[1] && a[1][0] != '-' && a[1][0] != '+' ? a[1] : "";
        return value;
}

static bool has_argument(char **argv, const char *word) {
        return argument(argv, word) != NULL;
}

static const char *either(const char *a, const char *b) {
        return a ? a : b;
}

static void open_port(Server *s) {
        const char *ip = either(argument(s->argv, "+ip"), argument(s->argv, "-ip"));
        const char *word = either(argument(s->argv, "+hostport"), argument(s->argv, "-port"));
        bool strict = has_argument(s->argv, "-strictportbind");
        unsigned long port = DEFAULT_PORT;
        char number[16];
        int r;

        if (word && (!parse_uint(word, 65535, &port) || port == 0))
                port = DEFAULT_PORT;
        r = net_open(&s->net, ip, (unsigned) port, strict);
        if (has_argument(s->argv, "+standin_refuse_port"))
                misbehave_refuse_port(s);
        if (r == -EADDRINUSE && strict) {
                console_print(
                        "ERROR: Port %lu was unavailable - quitting due to \"-strictportbind\" command-line flag!",
                        port);
                exit(EXIT_SYS);
        }
        if (r < 0) {
                console_print("ERROR: Couldn't bind to %s:%lu: %s", s->net.ip, port, strerror(-r));
                exit(EXIT_SYS);
        }
        if (s->net.port != port)
                console_print(
                        "WARNING: Port %lu was unavailable - bound to port %u instead", port, s->net.port);

        (void) snprintf(number, sizeof(number), "%u", s->net.port);
        (void) cvar_set(cvar_find(&s->cvars, "hostport"), number);
        (void) cvar_set(cvar_find(&s->cvars, "ip"), s->net.ip);
        console_print("Network: IP %s, mode MP, dedicated Yes, ports %u SV / %s CL", s->net.ip, s->net.port,
                either(argument(s->argv, "+clientport"), "27005"));
}

/* Only with the enabler plugin is a tick rate other than 30 to be had. */
static unsigned tickrate(Server *s) {
        const char *word = argument(s->argv, "-tickrate");
        unsigned long rate = DEFAULT_TICKRATE;
        char path[PATH_LEN];

        (void) snprintf(path, sizeof(path), "%s/addons/tickrate_enabler.vdf", s->game);
        if (!word || access(path, R_OK) < 0 || !parse_uint(word, 128, &rate) || rate < DEFAULT_TICKRATE)
                return DEFAULT_TICKRATE;
        return (unsigned) rate;
}

static void mount_content(Server *s) {
        int r;

        content_load(&s->content, s->game);
        for (size_t i = 0; i < s->content.n_addons; i++) {
                const Addon *a = &s->content.addons[i];

                if (a->broken)
                        console_print("WARNING: %s/addons/%s is not a valid VPK", s->game, a->file);
                else
                        standin_note("addon %s %s maps=%u missions=%u", a->file,
                                a->enabled ? "mounted" : "disabled", a->maps, a->missions);
        }
        standin_note("maps %zu", s->content.n_maps);
        r = content_write_addonlist(&s->content, s->game);
        if (r < 0)
                standin_note("addonlist.txt failed: %s", strerror(-r));
}

static void server_done(Server *s) {
        log_stop(&s->log, &s->cvars);
        if (s->control_path)
                (void) unlink(s->control_path);
        free(s->control_path);
        if (s->control_fd >= 0)
                (void) close(s->control_fd);
        for (size_t i = 0; i < s->n_execs; i++)
                free(s->execs[i].file);
        free(s->execs);
        free_strings(s->marks, s->n_marks);
        rcon_done(&s->rcon);
        bans_done(&s->bans);
        sourcemod_done(&s->sourcemod);
        net_close(&s->net);
        timers_done(&s->timers);
        content_done(&s->content);
        cvar_table_done(&s->cvars);
}

int main(int argc, char **argv) {
        static Server s = { .control_fd = -1, .tables = tables };
        struct stat st;
        int r;

        (void) argc;
        s.argv = argv;
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        (void) signal(SIGHUP, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        crash_prepare();

        s.game = argument(argv, "-game");
        if (!s.game || !*s.game)
                s.game = "left4dead2";
        if (stat(s.game, &st) < 0 || !S_ISDIR(st.st_mode)) {
                console_print("ERROR: Couldn't find the game directory %s", s.game);
                return EXIT_SYS;
        }
        s.offline = has_argument(argv, "-insecure") || has_argument(argv, "-nomaster");
        cvar_table_init(&s.cvars);
        query_init(&s.query);
        schedule_init(&s.schedule);
        s.stats.start_ms = s.stats.at_ms = now_ms();
        if (timers_init(&s.timers) < 0)
                return EXIT_SYS;

        console_print("Console initialized.");
        mount_content(&s);
        sourcemod_load(&s);
        s.tickrate = tickrate(&s);
        console_print("Game.dll loaded for \"Left 4 Dead 2\"");
        console_print("maxplayers set to 18");
        open_port(&s);

        r = loop_run(&s);
        server_done(&s);
        return r < 0 ? EXIT_SYS : r;
}
