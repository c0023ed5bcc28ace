/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/instance-config.h"
#include "service/util.h"

/* Words that left4me gives itself, or that would lead srcds_run away from the process that left4me watches (reference: srcds_run). */
static const char *const reserved_arguments[] = {
        "-game",
        "-norestart",
        "-strictportbind",
        "-ip",
        "+ip",
        "-port",
        "+hostport",
        "-hostport",
        "-pidfile",
        "-binary",
        "-autoupdate",
        "-steam_dir",
        "-steamcmd_script",
        "-fork",
        "-gdb",
        "-debug",
        "-timeout",
        "+rcon_password",
        "+servercfgfile",
        NULL,
};

static const char *const reserved_cvars[] = { "rcon_password", "hostport", "ip", "servercfgfile", NULL };

static const struct {
        const char *key;
        const char *type;
        bool only_changing;
} settings[] = {
        { "Port", "q", false },
        { "Game", "s", false },
        { "Overlays", "as", false },
        { "Arguments", "as", false },
        { "Cvars", "a{ss}", false },
        { "Lines", "as", false },
        { "Autostart", "b", false },
        { "UpdateWhenEmpty", "b", false },
        { "OpenRcon", "b", false },
        { "Held", "a{su}", false },
        { "Hold", "a{su}", true },
        { "SetCvars", "a{ss}", true },
        { "UnsetCvars", "as", true },
};

InstanceConfig *instance_config_new(void) {
        InstanceConfig *c = g_new0(InstanceConfig, 1);

        c->overlays = g_new0(char *, 1);
        c->arguments = g_new0(char *, 1);
        c->lines = g_new0(char *, 1);
        c->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        c->cvars = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return c;
}

static void copy_cvars(GHashTable *to, GHashTable *from) {
        GHashTableIter iter;
        gpointer name, value;

        g_hash_table_iter_init(&iter, from);
        while (g_hash_table_iter_next(&iter, &name, &value))
                g_hash_table_replace(to, g_strdup(name), g_strdup(value));
}

static void copy_held(GHashTable *to, GHashTable *from) {
        GHashTableIter iter;
        gpointer name, version;

        g_hash_table_iter_init(&iter, from);
        while (g_hash_table_iter_next(&iter, &name, &version))
                g_hash_table_replace(to, g_strdup(name), version);
}

InstanceConfig *instance_config_copy(const InstanceConfig *c) {
        InstanceConfig *copy = g_new0(InstanceConfig, 1);

        *copy = (InstanceConfig){
                .port = c->port,
                .game = g_strdup(c->game),
                .overlays = g_strdupv(c->overlays),
                .held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .arguments = g_strdupv(c->arguments),
                .cvars = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                .lines = g_strdupv(c->lines),
                .autostart = c->autostart,
                .update_when_empty = c->update_when_empty,
                .open_rcon = c->open_rcon,
        };
        copy_held(copy->held, c->held);
        copy_cvars(copy->cvars, c->cvars);
        return copy;
}

void instance_config_free(InstanceConfig *c) {
        if (!c)
                return;

        g_free(c->game);
        g_strfreev(c->overlays);
        g_strfreev(c->arguments);
        g_strfreev(c->lines);
        g_hash_table_unref(c->held);
        g_hash_table_unref(c->cvars);
        g_free(c);
}

const char *instance_config_type(const char *key, bool changing) {
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
                if (g_str_equal(settings[i].key, key) && (changing || !settings[i].only_changing))
                        return settings[i].type;

        return NULL;
}

static int refuse(char **ret_why, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int refuse(char **ret_why, const char *format, ...) {
        va_list args;

        va_start(args, format);
        *ret_why = g_strdup_vprintf(format, args);
        va_end(args);
        return -EINVAL;
}

static int check_overlays(GStrv overlays, char **ret_why) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        if (g_strv_length(overlays) > CONFIG_OVERLAYS_MAX)
                return refuse(ret_why, "Overlays: at most %u layers above the game", CONFIG_OVERLAYS_MAX);

        for (char **o = overlays; *o; o++) {
                if (!name_is_valid(*o))
                        return refuse(ret_why, "Overlays: a name matches [a-z0-9][a-z0-9_-]{0,63}");
                if (!g_hash_table_add(seen, *o))
                        return refuse(ret_why, "Overlays: '%s' stands in the stack twice", *o);
        }

        return 0;
}

static int check_arguments(GStrv arguments, char **ret_why) {
        if (g_strv_length(arguments) > CONFIG_ARGUMENTS_MAX)
                return refuse(ret_why, "Arguments: at most %u words", CONFIG_ARGUMENTS_MAX);

        for (char **a = arguments; *a; a++) {
                /* srcds_run joins its words and lets the shell split and glob them again, so these would not arrive as given. */
                if (**a == '\0' || !text_is_plain(*a, 256) || strpbrk(*a, " *?[]\"'\\;"))
                        return refuse(ret_why,
                                "Arguments: a word is 1 to 256 printable ASCII characters without space, quotes, \\ * ? [ ] ;. Put "
                                "values with spaces into a cvar");

                for (size_t i = 0; reserved_arguments[i]; i++)
                        if (g_ascii_strcasecmp(*a, reserved_arguments[i]) == 0)
                                return refuse(ret_why, "Arguments: left4me itself sets %s", *a);
        }

        return 0;
}

static int check_cvar_name(const char *name, char **ret_why) {
        size_t n = strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_");

        if (n < 1 || n > 64 || name[n] != '\0')
                return refuse(ret_why, "Cvars: a name is 1 to 64 letters, digits and underscores");

        for (size_t i = 0; reserved_cvars[i]; i++)
                if (g_ascii_strcasecmp(name, reserved_cvars[i]) == 0)
                        return refuse(ret_why, "Cvars: left4me itself sets %s", name);

        return 0;
}

static int check_cvars(GHashTable *cvars, char **ret_why) {
        GHashTableIter iter;
        gpointer name, value;
        int r;

        g_hash_table_iter_init(&iter, cvars);
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                r = check_cvar_name(name, ret_why);
                if (r < 0)
                        return r;

                /* The engine's tokenizer has no escape for a quotation mark. */
                if (!text_is_plain(value, 256) || strchr(value, '"'))
                        return refuse(ret_why,
                                "Cvars: the value of %s is up to 256 printable ASCII characters without quotation marks",
                                (char *) name);
        }

        return 0;
}

static int check_lines(GStrv lines, char **ret_why) {
        if (g_strv_length(lines) > CONFIG_LINES_MAX)
                return refuse(ret_why, "Lines: at most %u lines", CONFIG_LINES_MAX);

        for (char **l = lines; *l; l++) {
                g_autofree char *lower = NULL;

                if (!text_is_plain(*l, 512))
                        return refuse(ret_why, "Lines: a line is up to 512 printable ASCII characters");

                /* server.cfg runs at each map start, and each write to rcon_password drops all RCON connections. */
                lower = g_ascii_strdown(*l, -1);
                if (strstr(lower, "rcon_password"))
                        return refuse(
                                ret_why, "Lines: left4me itself sets rcon_password, anew at each start");
        }

        return 0;
}

static void replace_strv(GStrv *list, GStrv by) {
        g_strfreev(*list);
        *list = g_strdupv(by);
}

/* How many cvars there are when these have been added. */
static unsigned count_cvars(const InstanceConfig *c, GHashTable *cvars) {
        unsigned n = g_hash_table_size(c->cvars);
        GHashTableIter iter;
        gpointer name;

        g_hash_table_iter_init(&iter, cvars);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                n += !g_hash_table_contains(c->cvars, name);

        return n;
}

static int set_cvars(InstanceConfig *c, GHashTable *cvars, bool keep, char **ret_why) {
        int r;

        r = check_cvars(cvars, ret_why);
        if (r < 0)
                return r;

        if ((keep ? count_cvars(c, cvars) : g_hash_table_size(cvars)) > CONFIG_CVARS_MAX)
                return refuse(ret_why, "Cvars: at most %u of them", CONFIG_CVARS_MAX);

        if (!keep)
                g_hash_table_remove_all(c->cvars);
        copy_cvars(c->cvars, cvars);
        return 0;
}

static int set_list(InstanceConfig *c, const Setting *s, char **ret_why) {
        int r;

        if (g_str_equal(s->key, "Overlays")) {
                r = check_overlays(s->list, ret_why);
                if (r >= 0)
                        replace_strv(&c->overlays, s->list);
        } else if (g_str_equal(s->key, "Arguments")) {
                r = check_arguments(s->list, ret_why);
                if (r >= 0)
                        replace_strv(&c->arguments, s->list);
        } else if (g_str_equal(s->key, "Lines")) {
                r = check_lines(s->list, ret_why);
                if (r >= 0)
                        replace_strv(&c->lines, s->list);
        } else {
                for (char **name = s->list; *name; name++)
                        (void) g_hash_table_remove(c->cvars, *name);
                r = 0;
        }

        return r;
}

/* That they are in the stack, and there, the caller checks: the stack may be set after this. */
static int set_held(InstanceConfig *c, const Setting *s, char **ret_why) {
        bool whole = g_str_equal(s->key, "Held");
        GHashTableIter iter;
        gpointer name, version;

        g_hash_table_iter_init(&iter, s->numbers);
        while (g_hash_table_iter_next(&iter, &name, &version))
                if (!name_is_valid(name))
                        return refuse(ret_why, "%s: the name of an overlay matches [a-z0-9][a-z0-9_-]{0,63}",
                                s->key);
                else if (!version && whole)
                        return refuse(ret_why, "Held: versions count from 1");

        if (whole)
                g_hash_table_remove_all(c->held);
        g_hash_table_iter_init(&iter, s->numbers);
        while (g_hash_table_iter_next(&iter, &name, &version))
                if (version)
                        g_hash_table_replace(c->held, g_strdup(name), version);
                else
                        (void) g_hash_table_remove(c->held, name);

        return 0;
}

int instance_config_set(InstanceConfig *c, const Setting *s, uint16_t first, uint16_t last, char **ret_why) {
        if (s->list)
                return set_list(c, s, ret_why);

        if (s->numbers)
                return set_held(c, s, ret_why);

        if (s->table)
                return set_cvars(c, s->table, g_str_equal(s->key, "SetCvars"), ret_why);

        if (g_str_equal(s->key, "Port")) {
                if (s->number < first || s->number > last)
                        return refuse(ret_why,
                                "Port: %" G_GUINT64_FORMAT " is not in %u-%u (GamePorts in left4me.conf)",
                                s->number, first, last);
                c->port = (uint16_t) s->number;
        } else if (g_str_equal(s->key, "Autostart")) {
                c->autostart = s->number != 0;
        } else if (g_str_equal(s->key, "UpdateWhenEmpty")) {
                c->update_when_empty = s->number != 0;
        } else if (g_str_equal(s->key, "OpenRcon")) {
                c->open_rcon = s->number != 0;
        } else {
                if (!name_is_valid(s->text))
                        return refuse(
                                ret_why, "Game: the name of an overlay matches [a-z0-9][a-z0-9_-]{0,63}");
                g_free(c->game);
                c->game = g_strdup(s->text);
        }

        return 0;
}

static void append_word(GByteArray *argv, const char *word) {
        g_byte_array_append(argv, (const guint8 *) word, (guint) strlen(word) + 1);
}

GByteArray *instance_config_render_argv(const InstanceConfig *c) {
        static const char *const fixed[] = { "./srcds_run", "-norestart", "-game", "left4dead2",
                "-strictportbind", "-ip", "0.0.0.0", "-port" };
        GByteArray *argv = g_byte_array_new();
        g_autofree char *port = g_strdup_printf("%u", c->port);

        for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
                append_word(argv, fixed[i]);
        append_word(argv, port);

        /* The RCON password: from a file, because every user of the host can read a command line. */
        append_word(argv, "+exec");
        append_word(argv, "left4me.cfg");

        for (char **a = c->arguments; *a; a++)
                append_word(argv, *a);

        /* Without a map the server runs but nobody can play; srcds_run would add the same, with a warning. */
        if (!g_strv_contains((const char *const *) c->arguments, "+map")) {
                append_word(argv, "+map");
                append_word(argv, "c1m1_hotel");
        }

        return argv;
}

static int compare_keys(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char *instance_config_render_cfg(const InstanceConfig *c, const char *name, const char *const *execs) {
        GString *cfg = g_string_new(
                "// Written by left4me at each start: change it with `left4mectl configure`.\n");
        g_autofree gpointer *names = NULL;
        unsigned n;

        for (const char *const *e = execs; e && *e; e++)
                g_string_append_printf(cfg, "exec server_%s.cfg\n", *e);

        if (!g_hash_table_contains(c->cvars, "hostname"))
                g_string_append_printf(cfg, "hostname \"%s\"\n", name);

        names = g_hash_table_get_keys_as_array(c->cvars, &n);
        qsort(names, n, sizeof(gpointer), compare_keys);
        for (unsigned i = 0; i < n; i++)
                g_string_append_printf(cfg, "%s \"%s\"\n", (char *) names[i],
                        (char *) g_hash_table_lookup(c->cvars, names[i]));

        for (char **l = c->lines; *l; l++)
                g_string_append_printf(cfg, "%s\n", *l);

        return g_string_free(cfg, FALSE);
}
