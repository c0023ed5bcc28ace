/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cpu show, set, suggest, clear: which CPUs are whose. */

#include "cpu-slices.h"
#include "cpus.h"
#include "dbus/names.h"
#include "json.h"
#include "verbs.h"

#define SAMPLE_DEFAULT 0.5
#define SAMPLE_MAX 60.0

/* -- show ------------------------------------------------------------------------------------------------------ */

static JsonArray *numbers_json(GVariant *set) {
        JsonArray *array = json_array_new();
        GVariantIter iter;
        uint32_t cpu;

        g_variant_iter_init(&iter, set);
        while (g_variant_iter_next(&iter, "u", &cpu))
                json_array_add_int_element(array, cpu);

        return array;
}

/* What is divided, and how; the answer of show, set and clear. */
static JsonObject *division_json(const CpuView *v) {
        JsonObject *object = json_object_new();
        JsonArray *split = json_array_new();
        GVariantIter iter;
        GVariant *core;

        g_variant_iter_init(&iter, v->split);
        while (g_variant_iter_loop(&iter, "@au", &core))
                json_array_add_array_element(split, numbers_json(core));

        json_object_set_array_member(object, "system", numbers_json(v->system));
        json_object_set_array_member(object, "games", numbers_json(v->games));
        json_object_set_array_member(object, "split_cores", split);
        return object;
}

static JsonArray *cpus_json(const CpuView *v) {
        JsonArray *array = json_array_new();
        guint i;

        for (i = 0; i < v->cpus->len; i++) {
                const CpuInfo *c = &g_array_index(v->cpus, CpuInfo, i);
                JsonObject *object = json_object_new();

                json_object_set_int_member(object, "cpu", c->cpu);
                json_object_set_int_member(object, "core", c->core);
                if (c->online)
                        json_object_set_int_member(object, "package", c->package);
                json_object_set_boolean_member(object, "online", c->online);
                json_object_set_string_member(object, "owner", c->owner);
                if (c->load >= 0)
                        json_object_set_double_member(object, "load", c->load);
                json_array_add_object_element(array, object);
        }

        return array;
}

static void print_division(Cli *cli, const CpuView *v) {
        g_autofree char *system = cpus_format(v->system), *games = cpus_format(v->games);

        if (g_variant_n_children(v->system) == 0)
                terminal_printf(&cli->out, "not divided: everything may run on all CPUs\n");
        else
                terminal_printf(&cli->out, "the system has CPU %s, the games have %s\n", system, games);
}

/* What is not as it should be; on standard error, so that nobody's program stumbles over it. */
static void warn(Cli *cli, const CpuView *v) {
        GVariantIter iter;
        GVariant *core;
        guint i;

        g_variant_iter_init(&iter, v->split);
        while (!cli->quiet && g_variant_iter_loop(&iter, "@au", &core)) {
                g_autofree char *text = cpus_format(core);

                cli_complain(cli,
                        "warning: CPUs %s are threads of one core, and on both sides: one slows the other",
                        text);
        }
        if (!cli->quiet && g_variant_n_children(v->split) > 0)
                cli_hint(cli, "left4mectl cpu suggest tells a set of whole cores");

        for (i = 0; i < v->cpus->len && !cli->quiet; i++)
                if (g_str_equal(g_array_index(v->cpus, CpuInfo, i).owner, "both")) {
                        cli_complain(cli,
                                "warning: some CPUs are on both sides; somebody has set the units apart: systemctl show "
                                "--property=AllowedCPUs system.slice user.slice init.scope l4d2-build.slice l4d2-game.slice");
                        break;
                }
}

int cmd_cpu_show(Cli *cli, char **words) {
        double sample = SAMPLE_DEFAULT;
        const GOptionEntry entries[] = {
                { "sample", 's', 0, G_OPTION_ARG_DOUBLE, &sample,
                        "How long the load is measured (0.5; 0: not)", "SECONDS" },
                { NULL },
        };
        g_autoptr(GError) error = NULL;
        g_autoptr(CpuView) view = NULL;
        g_autoptr(Slices) slices = NULL;
        JsonObject *object;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (!(sample >= 0 && sample <= SAMPLE_MAX))
                return cli_usage(cli, "--sample is from 0 to %.0f seconds", SAMPLE_MAX);

        view = cpu_view_load(cli, sample, &error);
        if (view)
                slices = slices_load(cli, &error);
        if (!slices)
                return cli_error(cli, error);

        if (cli->json) {
                object = division_json(view);
                json_object_set_array_member(object, "cpus", cpus_json(view));
                json_object_set_array_member(object, "slices", slices_json(slices));
                json_print(cli, json_node_object(object));
                return EXIT_OK;
        }

        print_division(cli, view);
        cpu_map_print(cli, view);
        fputc('\n', cli->out.file);
        slices_print(cli, slices);
        warn(cli, view);
        return EXIT_OK;
}

/* -- set, clear ------------------------------------------------------------------------------------------------ */

/* What came of it, as the service tells it. */
static int show_result(Cli *cli) {
        g_autoptr(GError) error = NULL;
        g_autoptr(CpuView) view = cpu_view_load(cli, 0, &error);

        if (!view)
                return cli_error(cli, error);

        if (cli->json) {
                json_print(cli, json_node_object(division_json(view)));
                return EXIT_OK;
        }

        if (!cli->quiet)
                print_division(cli, view);
        warn(cli, view);
        return EXIT_OK;
}

static int change(Cli *cli, const char *method, GVariant *arguments) {
        int r;

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_CPUS_PATH,
                        .interface = LEFT4ME_CPUS_INTERFACE,
                        .method = method,
                        .arguments = arguments,
                        .interactive = TRUE,
                },
                NULL, NULL);
        return r == EXIT_OK ? show_result(cli) : r;
}

int cmd_cpu_set(Cli *cli, char **words) {
        g_autoptr(GArray) system = NULL;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        if (!cpus_parse(words[0], &system))
                return cli_usage(cli, "'%s' is no list of CPUs such as 0,4 or 0-1,8", words[0]);

        return change(cli, "Set",
                g_variant_new("(@au)", g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, system->data,
                                               system->len, sizeof(uint32_t))));
}

int cmd_cpu_clear(Cli *cli, char **words) {
        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        return change(cli, "Clear", NULL);
}

/* -- suggest --------------------------------------------------------------------------------------------------- */

int cmd_cpu_suggest(Cli *cli, char **words) {
        const ClientCall call = {
                .path = LEFT4ME_CPUS_PATH,
                .interface = LEFT4ME_CPUS_INTERFACE,
                .method = "Suggest",
                .reply = "(au)",
        };
        g_autofree char *list = NULL, *command = NULL;
        g_autoptr(GVariant) reply = NULL, set = NULL;
        g_autoptr(GError) error = NULL;
        JsonObject *object;
        gboolean any;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        reply = cli_call(cli, &call, &error);
        if (!reply)
                return cli_error(cli, error);

        set = g_variant_get_child_value(reply, 0);
        any = g_variant_n_children(set) > 0;
        list = cpus_format(set);
        command = g_strconcat("left4mectl cpu set ", list, NULL);

        if (cli->json) {
                object = json_object_new();
                json_object_set_array_member(object, "system", numbers_json(set));
                json_object_set_string_member(object, "command", any ? command : "");
                json_print(cli, json_node_object(object));
        } else if (any)
                terminal_printf(&cli->out, cli->quiet ? "%s\n" : "%s\n%s\n", list, command);
        else
                cli_complain(cli, "this machine is too small to be divided: it takes two cores");

        return any ? EXIT_OK : EXIT_FAILED;
}
