/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands of the engine that configurations and tests use. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"
#include "game.h"
#include "server.h"

static void run_changelevel(Server *s, const Command *c) {
        if (!*s->map)
                console_print("changelevel failed: no map is running");
        else
                game_request_map(s, c->argv[1], c->argc > 2 ? c->argv[2] : "", true);
}

static void run_cvarlist(Server *s, const Command *c) {
        for (size_t i = 0; i < s->cvars.n; i++)
                if (c->argc == 1 || strncasecmp(s->cvars.cvars[i].name, c->argv[1], strlen(c->argv[1])) == 0)
                        console_print("%-40s : %s", s->cvars.cvars[i].name, cvar_shown(&s->cvars.cvars[i]));
}

static void run_echo(Server *s, const Command *c) {
        (void) s;
        console_print("%s", c->rest);
}

static void run_exec(Server *s, const Command *c) {
        console_exec_file(s, c->argv[1]);
}

static void run_log(Server *s, const Command *c) {
        if (c->argc == 1 && s->log.on)
                console_print("currently logging to: %sconsole%s", s->log.file ? "file, " : "",
                        s->log.n_addresses > 0 ? ", udp" : "");
        else if (c->argc == 1)
                console_print("not currently logging");
        else if (strcasecmp(c->argv[1], "on") == 0 || strcmp(c->argv[1], "1") == 0)
                log_start(&s->log, &s->cvars, s->game, s->net.ip, s->net.port);
        else {
                log_stop(&s->log, &s->cvars);
                console_print("Server logging disabled.");
        }
}

static void run_map(Server *s, const Command *c) {
        game_request_map(s, c->argv[1], c->argc > 2 ? c->argv[2] : "", false);
}

static void run_maps(Server *s, const Command *c) {
        (void) c;
        console_print("-------------");
        for (size_t i = 0; i < s->content.n_maps; i++)
                console_print("PENDING:   (fs) %s.bsp", s->content.maps[i]);
}

static void run_maxplayers(Server *s, const Command *c) {
        (void) s;
        if (c->argc == 1)
                console_print("\"maxplayers\" is \"18\"");
        else
                console_print("maxplayers set to 18");
}

/* On stdin, by RCON or in a cfg: the only way out that is not a signal. */
static void run_quit(Server *s, const Command *c) {
        (void) c;
        s->quit = true;
        s->exit_code = EXIT_SUCCESS;
}

static void run_say(Server *s, const Command *c) {
        console_print("Console: %s", c->rest);
        log_line(&s->log, &s->cvars, "Server say \"%s\"", c->rest);
}

const CommandTable engine_commands = { (const CommandDef[]){
        { "changelevel", 1, "<map> [mode]", run_changelevel },
        { "cvarlist", 0, "[prefix]", run_cvarlist },
        { "echo", 0, "[text]", run_echo },
        { "exec", 1, "<file>", run_exec },
        { "exit", 0, "", run_quit },
        { "log", 0, "[on|off]", run_log },
        { "map", 1, "<map> [mode]", run_map },
        { "maps", 0, "*", run_maps },
        { "maxplayers", 0, "[n]", run_maxplayers },
        { "quit", 0, "", run_quit },
        { "say", 1, "<text>", run_say },
        { 0 },
} };
