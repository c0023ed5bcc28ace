/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "console.h"
#include "server.h"
#include "sourcemod.h"
#include "util.h"

#define VERSION "1.12.0.7177"

void sourcemod_load(Server *s) {
        Sourcemod *m = &s->sourcemod;
        char path[PATH_LEN];
        char **names;
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/addons/metamod.vdf", s->game);
        if (access(path, R_OK) < 0)
                return;
        (void) snprintf(path, sizeof(path), "%s/addons/sourcemod/plugins", s->game);
        names = list_directory(path, &n);
        for (size_t i = 0; i < n; i++) {
                char name[96];

                if (!has_suffix(names[i], ".smx"))
                        continue;
                m->plugins = xrealloc(m->plugins, (m->n + 1) * sizeof(*m->plugins));
                m->plugins[m->n++] = xstrndup(names[i], strlen(names[i]) - strlen(".smx"));
                (void) snprintf(name, sizeof(name), "%.80s_version", m->plugins[m->n - 1]);
                cvar_add(&s->cvars, name, "1.0", CVAR_NOTIFY);
        }
        free_strings(names, n);
        if (m->n > 0) {
                cvar_add(&s->cvars, "sourcemod_version", VERSION, CVAR_NOTIFY);
                cvar_add(&s->cvars, "metamod_version", "1.12.0-dev+1219V", CVAR_NOTIFY);
        }
}

void sourcemod_done(Sourcemod *m) {
        free_strings(m->plugins, m->n);
        *m = (Sourcemod){ 0 };
}

static bool is_loaded(Server *s, const Command *c) {
        if (s->sourcemod.n == 0)
                console_print("Unknown command \"%s\"", c->argv[0]);
        return s->sourcemod.n > 0;
}

static const char *word(const Command *c, int i) {
        return i < c->argc ? c->argv[i] : "";
}

static void run_sm(Server *s, const Command *c) {
        if (!is_loaded(s, c))
                return;
        if (strcasecmp(word(c, 1), "version") == 0) {
                console_print(" SourceMod Version Information:");
                console_print("    SourceMod Version: " VERSION);
                console_print("    http://www.sourcemod.net/");
        } else if (strcasecmp(word(c, 1), "plugins") == 0 && strcasecmp(word(c, 2), "list") == 0) {
                console_print("[SM] Listing %zu plugin%s:", s->sourcemod.n, s->sourcemod.n == 1 ? "" : "s");
                for (size_t i = 0; i < s->sourcemod.n; i++)
                        console_print("  %02zu \"%s\" (1.0) by Somebody", i + 1, s->sourcemod.plugins[i]);
        } else {
                console_print("SourceMod Menu:");
                console_print("Usage: sm <command> [arguments]");
                console_print("    plugins          - Manage Plugins");
                console_print("    version          - Display version information");
        }
}

static void run_meta(Server *s, const Command *c) {
        if (!is_loaded(s, c))
                return;
        if (strcasecmp(word(c, 1), "list") == 0) {
                console_print("Listing 1 plugin:");
                console_print("  [01] SourceMod (" VERSION ") by AlliedModders LLC");
        } else
                console_print("usage: meta <command> [arguments]");
}

static void run_sm_cvar(Server *s, const Command *c) {
        Cvar *cvar = cvar_find(&s->cvars, word(c, 1));

        if (!is_loaded(s, c))
                return;
        if (!cvar)
                console_print("[SM] Unable to find cvar: %s", word(c, 1));
        else if (c->argc == 2)
                console_print("[SM] Value of cvar \"%s\": \"%s\"", cvar->name, cvar_shown(cvar));
        else {
                console_set_cvar(s, cvar, c->argv[2]);
                console_print("[SM] Changed cvar \"%s\" to \"%s\".", cvar->name, cvar_shown(cvar));
        }
}

const CommandTable sourcemod_commands = { (const CommandDef[]){
        { "meta", 0, "", run_meta },
        { "sm", 0, "", run_sm },
        { "sm_cvar", 1, "<cvar> [value]", run_sm_cvar },
        { 0 },
} };
