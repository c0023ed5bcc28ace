/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "config-rules.h"
#include "service/instance-config.h"

#define RUNS 100000U

#define WORDS \
        "./srcds_run\0-norestart\0-game\0left4dead2\0-strictportbind\0-ip\0" \
        "0.0.0.0\0-port\0"
#define COMMENT "// Written by left4me at each start: change it with `left4mectl configure`.\n"
#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

typedef struct Case {
        uint16_t port;
        const char *const *arguments; /* NULL for none, as the others */
        const char *const *cvars;     /* name, value, name, value */
        const char *const *lines;
        const char *const *execs;
        const char *argv;
        size_t argv_size;
        const char *cfg;
} Case;

#define ARGV(text) .argv = (text), .argv_size = sizeof(text) - 1

static void check(const Case *k) {
        g_autoptr(InstanceConfig) c = instance_config_new();
        g_autoptr(GByteArray) argv = NULL;
        g_autofree char *cfg = NULL;

        c->port = k->port;
        c->game = g_strdup("l4d2");
        if (k->arguments) {
                g_strfreev(c->arguments);
                c->arguments = config_list(k->arguments);
        }
        if (k->lines) {
                g_strfreev(c->lines);
                c->lines = config_list(k->lines);
        }
        for (const char *const *p = k->cvars; p && *p; p += 2)
                g_hash_table_replace(c->cvars, g_strdup(p[0]), g_strdup(p[1]));

        argv = instance_config_render_argv(c);
        g_assert_cmpmem(argv->data, argv->len, k->argv, k->argv_size);
        cfg = instance_config_render_cfg(c, "versus-1", k->execs);
        g_assert_cmpstr(cfg, ==, k->cfg);
        config_assert_rules(c, "versus-1", k->execs);
}

static void test_exact(void) {
        const Case cases[] = {
                { .port = 27015,
                        ARGV(WORDS "27015\0+exec\0left4me.cfg\0+map\0c1m1_hotel\0"),
                        .cfg = COMMENT "hostname \"versus-1\"\n" },
                { .port = 65535,
                        .arguments = LIST("+map", "c2m1_highway", "-tickrate", "100"),
                        .cvars = LIST("sv_z", "", "hostname", "A server; with // all", "Sv_a", "1 2"),
                        .lines = LIST("exec \"more.cfg\"", "", "// end"),
                        .execs = LIST("l4d2", "maps"),
                        ARGV(WORDS "65535\0+exec\0left4me.cfg\0+map\0c2m1_highway\0-tickrate\0"
                                   "100\0"),
                        .cfg = COMMENT "exec server_l4d2.cfg\nexec server_maps.cfg\nSv_a \"1 2\"\n"
                                       "hostname \"A server; with // all\"\nsv_z \"\"\n"
                                       "exec \"more.cfg\"\n\n// end\n" },
                /* +map counts where it stands as a word of its own */
                { .port = 27015,
                        .arguments = LIST("+maps", "x+map"),
                        .cvars = LIST("b", "2", "a", "1"),
                        ARGV(WORDS "27015\0+exec\0left4me.cfg\0+maps\0x+map\0+map\0c1m1_hotel\0"),
                        .cfg = COMMENT "hostname \"versus-1\"\na \"1\"\nb \"2\"\n" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                check(&cases[i]);
}

/* The order in which cvars were set must not show: a server.cfg that changes without reason is a bad diff. */
static void test_order(void) {
        g_autofree char *first = NULL;

        for (unsigned start = 0; start < 97; start += 12) {
                g_autoptr(InstanceConfig) c = instance_config_new();
                g_autofree char *cfg = NULL;

                for (unsigned i = 0; i < 97; i++)
                        g_hash_table_replace(
                                c->cvars, g_strdup_printf("c%u", (start + i * 5) % 97), g_strdup("x"));
                cfg = instance_config_render_cfg(c, "versus-1", NULL);
                if (!first)
                        first = g_steal_pointer(&cfg);
                else
                        g_assert_cmpstr(cfg, ==, first);
        }
}

/* Mostly what is allowed, with every byte now and then, so that both sides of each rule are seen. */
static char *random_text(GRand *rand) {
        static const char usual[] = "abcXYZ019_-+.; /=$(){}<>&|!#%,:@^`~";
        int n = g_rand_int_range(rand, 0, g_rand_int_range(rand, 0, 50) == 0 ? 600 : 12);
        char *text = g_malloc((gsize) n + 1);

        for (int i = 0; i < n; i++)
                text[i] = g_rand_int_range(rand, 0, 60) == 0
                                  ? (char) g_rand_int_range(rand, 1, 256)
                                  : usual[g_rand_int_range(rand, 0, (int) sizeof(usual) - 1)];
        text[n] = '\0';
        return text;
}

static bool set_random(GRand *rand, InstanceConfig *c) {
        static const char *const keys[] = { "Game", "Overlays", "Arguments", "Lines", "UnsetCvars", "Cvars",
                "SetCvars", "Port" };
        int n = g_rand_int_range(rand, 0, 3);
        g_autoptr(GHashTable) table = NULL;
        g_autoptr(GPtrArray) list = NULL;
        g_autofree char *text = NULL;
        Setting s = { .key = keys[g_rand_int_range(rand, 0, G_N_ELEMENTS(keys))] };

        if (g_str_equal(s.key, "Game"))
                s.text = text = random_text(rand);
        else if (g_str_equal(s.key, "Port"))
                s.number = (uint64_t) g_rand_int_range(rand, RULES_PORT_FIRST - 9, RULES_PORT_LAST + 9);
        else if (g_str_equal(s.key, "Cvars") || g_str_equal(s.key, "SetCvars")) {
                s.table = table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
                while (n-- > 0)
                        g_hash_table_replace(table,
                                g_rand_boolean(rand) ? g_strdup_printf("c%d", g_rand_int_range(rand, 0, 20))
                                                     : random_text(rand),
                                random_text(rand));
        } else {
                list = g_ptr_array_new_with_free_func(g_free);
                while (n-- > 0)
                        g_ptr_array_add(list, random_text(rand));
                g_ptr_array_add(list, NULL);
                s.list = (GStrv) list->pdata;
        }

        return config_try(c, &s);
}

/* Whatever is accepted, nothing that is rendered leaves its line, its quotes or ASCII. */
static void test_random(void) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) g_test_rand_int());
        g_autoptr(InstanceConfig) c = instance_config_new();
        unsigned accepted = 0;

        for (unsigned i = 0; i < RUNS; i++) {
                if (!set_random(rand, c))
                        continue;
                accepted++;
                config_assert_rules(c, "versus-1", i % 2 == 0 ? NULL : LIST("l4d2", "maps"));
        }

        /* Or else nothing was tested. */
        g_assert_cmpuint(accepted, >, RUNS / 10);
        g_assert_cmpuint(RUNS - accepted, >, RUNS / 10);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/instance-config/render/exact", test_exact);
        g_test_add_func("/instance-config/render/order", test_order);
        g_test_add_func("/instance-config/render/random", test_random);
        return g_test_run();
}
