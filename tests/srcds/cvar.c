/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cvar.h"
#include "util.h"

/* Sorted by name, as cvarlist and queries give them. What begins with standin_ is none of the game's. */
static const Cvar table[] = {
        { "allow_all_bot_survivor_team", "0", CVAR_NOTIFY },
        { "clientport", "27005", 0 },
        { "coop", "1", CVAR_NOTIFY },
        { "deathmatch", "0", CVAR_NOTIFY },
        { "decalfrequency", "10", CVAR_NOTIFY },
        { "director_afk_timeout", "45", CVAR_NOTIFY },
        { "director_no_human_zombies", "0", 0 },
        { "fps_max", "300", 0 },
        { "host_thread_mode", "0", 0 },
        { "hostfile", "host.txt", 0 },
        { "hostip", "0", 0 },
        { "hostname", "Left 4 Dead 2", 0 },
        { "hostport", "27015", 0 },
        { "ip", "localhost", 0 },
        { "motd_enabled", "1", 0 },
        { "motdfile", "motd.txt", 0 },
        { "mp_allowspectators", "1", CVAR_NOTIFY },
        { "mp_autocrosshair", "1", CVAR_NOTIFY },
        { "mp_autoteambalance", "1", CVAR_NOTIFY },
        { "mp_disable_autokick", "0", 0 },
        { "mp_fadetoblack", "0", CVAR_NOTIFY },
        { "mp_falldamage", "0", CVAR_NOTIFY },
        { "mp_flashlight", "1", CVAR_NOTIFY },
        { "mp_footsteps", "1", CVAR_NOTIFY },
        { "mp_forcerespawn", "1", CVAR_NOTIFY },
        { "mp_fraglimit", "0", CVAR_NOTIFY },
        { "mp_friendlyfire", "0", CVAR_NOTIFY },
        { "mp_gamemode", "coop", CVAR_NOTIFY },
        { "mp_stalemate_enable", "0", CVAR_NOTIFY },
        { "mp_teamlist", "hgrunt;scientist", CVAR_NOTIFY },
        { "mp_teamplay", "0", CVAR_NOTIFY },
        { "mp_timelimit", "0", CVAR_NOTIFY },
        { "mp_weaponstay", "0", CVAR_NOTIFY },
        { "mp_winlimit", "0", CVAR_NOTIFY },
        { "nb_update_frequency", ".1", 0 },
        { "net_maxroutable", "1200", 0 },
        { "net_splitpacket_maxrate", "15000", 0 },
        { "nextlevel", "", CVAR_NOTIFY },
        { "rcon_password", "", CVAR_PROTECTED },
        { "servercfgfile", "server.cfg", 0 },
        { "standin_a2s_bots", "0", 0 },
        { "standin_a2s_challenge", "1", 0 },
        { "standin_map_load_ms", "0", 0 },
        { "standin_rcon_gap_ms", "0", 0 },
        { "standin_rcon_mirror", "1", 0 },
        { "sv_accelerate", "10", CVAR_NOTIFY },
        { "sv_airaccelerate", "10", CVAR_NOTIFY },
        { "sv_allow_lobby_connect_only", "1", CVAR_NOTIFY },
        { "sv_allow_wait_command", "1", 0 },
        { "sv_allowdownload", "1", 0 },
        { "sv_allowupload", "1", 0 },
        { "sv_alltalk", "0", CVAR_NOTIFY },
        { "sv_bounce", "0", CVAR_NOTIFY },
        { "sv_cheats", "0", CVAR_NOTIFY },
        { "sv_consistency", "1", CVAR_NOTIFY },
        { "sv_contact", "", CVAR_NOTIFY },
        { "sv_downloadurl", "", 0 },
        { "sv_footsteps", "1", CVAR_NOTIFY },
        { "sv_friction", "4", CVAR_NOTIFY },
        { "sv_gametypes", "coop,realism,survival,versus,scavenge", 0 },
        { "sv_gravity", "800", CVAR_NOTIFY },
        { "sv_hibernate_when_empty", "1", 0 },
        { "sv_lan", "0", 0 },
        { "sv_log_onefile", "0", 0 },
        { "sv_logbans", "0", 0 },
        { "sv_logecho", "1", 0 },
        { "sv_logfile", "1", 0 },
        { "sv_logflush", "0", 0 },
        { "sv_logsdir", "logs", 0 },
        { "sv_logsecret", "0", 0 },
        { "sv_max_queries_sec", "3", 0 },
        { "sv_max_queries_sec_global", "60", 0 },
        { "sv_max_queries_window", "30", 0 },
        { "sv_maxcmdrate", "30", 0 },
        { "sv_maxplayers", "-1", 0 },
        { "sv_maxrate", "0", 0 },
        { "sv_maxspeed", "320", CVAR_NOTIFY },
        { "sv_maxupdaterate", "30", 0 },
        { "sv_maxusrmsgrate", "0", CVAR_NOTIFY },
        { "sv_mincmdrate", "0", 0 },
        { "sv_minrate", "5000", 0 },
        { "sv_minupdaterate", "10", 0 },
        { "sv_noclipaccelerate", "5", CVAR_NOTIFY },
        { "sv_noclipspeed", "5", CVAR_NOTIFY },
        { "sv_password", "", CVAR_NOTIFY | CVAR_PROTECTED },
        { "sv_pausable", "0", CVAR_NOTIFY },
        { "sv_pure", "-1", 0 },
        { "sv_rcon_banpenalty", "0", 0 },
        { "sv_rcon_log", "1", 0 },
        { "sv_rcon_maxfailures", "10", 0 },
        { "sv_rcon_maxpacketbans", "1", 0 },
        { "sv_rcon_maxpacketsize", "1024", 0 },
        { "sv_rcon_minfailures", "5", 0 },
        { "sv_rcon_minfailuretime", "30", 0 },
        { "sv_region", "-1", 0 },
        { "sv_rollangle", "0", CVAR_NOTIFY },
        { "sv_rollspeed", "200", CVAR_NOTIFY },
        { "sv_search_key", "", 0 },
        { "sv_specaccelerate", "5", CVAR_NOTIFY },
        { "sv_specnoclip", "1", CVAR_NOTIFY },
        { "sv_specspeed", "3", CVAR_NOTIFY },
        { "sv_steamgroup", "", CVAR_NOTIFY },
        { "sv_steamgroup_exclusive", "0", 0 },
        { "sv_stepsize", "18", CVAR_NOTIFY },
        { "sv_stopspeed", "75", CVAR_NOTIFY },
        { "sv_tags", "", CVAR_NOTIFY },
        { "sv_unlag", "1", 0 },
        { "sv_visiblemaxplayers", "-1", 0 },
        { "sv_voiceenable", "1", CVAR_NOTIFY },
        { "sv_wateraccelerate", "10", CVAR_NOTIFY },
        { "sv_waterfriction", "1", CVAR_NOTIFY },
        { "tv_enable", "0", CVAR_NOTIFY },
        { "tv_password", "", CVAR_NOTIFY | CVAR_PROTECTED },
        { "tv_relaypassword", "", CVAR_NOTIFY | CVAR_PROTECTED },
        { "z_difficulty", "Normal", CVAR_NOTIFY },
};

void cvar_table_init(CvarTable *t) {
        t->cvars = xrealloc(NULL, sizeof(table));
        memcpy(t->cvars, table, sizeof(table));
        t->n = ELEMENTSOF(table);
}

void cvar_table_done(CvarTable *t) {
        for (size_t i = 0; i < t->n; i++) {
                free(t->cvars[i].value);
                free(t->cvars[i].added);
        }
        free(t->cvars);
        *t = (CvarTable){ 0 };
}

void cvar_add(CvarTable *t, const char *name, const char *value, unsigned flags) {
        char *added = xstrdup(name);
        Cvar c = { .name = added, .initial = value, .flags = flags, .added = added };
        size_t i = 0;

        while (i < t->n && strcasecmp(t->cvars[i].name, name) < 0)
                i++;
        t->cvars = xrealloc(t->cvars, (t->n + 1) * sizeof(*t->cvars));
        memmove(t->cvars + i + 1, t->cvars + i, (t->n - i) * sizeof(*t->cvars));
        t->cvars[i] = c;
        t->n++;
}

Cvar *cvar_find(CvarTable *t, const char *name) {
        for (size_t i = 0; i < t->n; i++)
                if (strcasecmp(t->cvars[i].name, name) == 0)
                        return &t->cvars[i];
        return NULL;
}

const char *cvar_value(const Cvar *c) {
        return c->value ? c->value : c->initial;
}

const char *cvar_shown(const Cvar *c) {
        return c->flags & CVAR_PROTECTED ? "***PROTECTED***" : cvar_value(c);
}

bool cvar_set(Cvar *c, const char *value) {
        bool changed = strcmp(cvar_value(c), value) != 0;
        char *copy = xstrdup(value);

        free(c->value);
        c->value = copy;
        c->writes++;
        return changed;
}

const char *cvar_string(CvarTable *t, const char *name) {
        const Cvar *c = cvar_find(t, name);

        return c ? cvar_value(c) : "";
}

double cvar_number(CvarTable *t, const char *name) {
        return strtod(cvar_string(t, name), NULL);
}
