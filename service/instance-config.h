/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What a user decides about a game server, as a value: parsed and validated here and nowhere else, and rendered into what the
 * server reads. Pure: no files, no bus. All text is printable ASCII, because the engine's tokenizer knows nothing else.
 */

#define CONFIG_OVERLAYS_MAX 499U /* with the game: overlayfs' 500 lower layers */
#define CONFIG_ARGUMENTS_MAX 64U
#define CONFIG_CVARS_MAX 512U
#define CONFIG_LINES_MAX 256U

struct InstanceConfig {
        uint16_t port;
        char *game;
        GStrv overlays;  /* topmost first */
        GStrv arguments; /* words for srcds after left4me's own */
        GHashTable
                *held; /* overlay of the stack -> number (GUINT_TO_POINTER): the version that it stays at */
        GHashTable *cvars; /* name -> value */
        GStrv lines;       /* of server.cfg, run last */
        bool autostart;
        bool update_when_empty; /* restart into new versions of its layers when nobody plays */
        bool open_rcon;         /* RCON may be reached from other machines */
};

/* How a server's process last ended, as LastExit tells it. */
typedef struct LastExit {
        char result[24]; /* "" for: not ended yet */
        int status;
        uint64_t when;
} LastExit;

/* One setting out of an a{sv}; strings are borrowed from the message. */
typedef struct Setting {
        const char *key;
        uint64_t number;     /* Port, Autostart, UpdateWhenEmpty, OpenRcon */
        const char *text;    /* Game */
        GStrv list;          /* Overlays, Arguments, Lines, UnsetCvars: owned by the setting */
        GHashTable *table;   /* Cvars, SetCvars: name -> value, owned by the setting */
        GHashTable *numbers; /* Held, Hold: name -> number, owned by the setting */
} Setting;

InstanceConfig *instance_config_new(void);
InstanceConfig *instance_config_copy(const InstanceConfig *c);
void instance_config_free(InstanceConfig *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InstanceConfig, instance_config_free)

/* The D-Bus type of a setting's value, or NULL for a key that is not known. changing: keys of Configure() count too. */
const char *instance_config_type(const char *key, bool changing);

/* Checks one setting and puts it into c. Returns -EINVAL with *ret_why saying what is wrong, and c as it was. Port is checked
 * against the ports first to last. */
int instance_config_set(
        InstanceConfig *c, const Setting *setting, uint16_t first, uint16_t last, char **ret_why);

/* The argument vector for left4me-run: words ended by NUL. */
GByteArray *instance_config_render_argv(const InstanceConfig *c);

/* server.cfg of the server called name. execs: overlays, bottom first, that brought a server.cfg of their own, which stands as
 * server_OVERLAY.cfg beside it. They run before the user's cvars and lines, so that what is set here wins. */
char *instance_config_render_cfg(const InstanceConfig *c, const char *name, const char *const *execs);
