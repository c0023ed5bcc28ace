/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay seed: the scripts of a folder become overlays. */

#include <errno.h>
#include <string.h>

#include "dbus/names.h"
#include "follow.h"
#include "json.h"
#include "source.h"
#include "table.h"
#include "verbs.h"

/* Adds NAME.sh as NAME; what is no script is left alone, and what cannot be one is an error. */
static int add_script(Cli *cli, const char *directory, const char *file, GVariantBuilder *scripts) {
        g_autofree char *path = g_build_filename(directory, file, NULL),
                        *name = g_strndup(file, strlen(file) - strlen(".sh"));
        g_autoptr(GString) text = g_string_new(NULL);
        int r;

        r = source_read(cli, path, text);
        if (r == EXIT_OK)
                g_variant_builder_add(scripts, "{ss}", name, text->str);
        return r;
}

static int read_directory(Cli *cli, const char *directory, GVariantBuilder *scripts, unsigned *ret_n) {
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
        const char *file;
        int r = EXIT_OK;
        GDir *dir;

        dir = g_dir_open(directory, 0, NULL);
        if (!dir)
                return cli_failed(cli, EXIT_FAILED, "%s: %s", directory, g_strerror(errno));

        while ((file = g_dir_read_name(dir)))
                if (*file != '.' && g_str_has_suffix(file, ".sh"))
                        g_ptr_array_add(files, g_strdup(file));
        g_dir_close(dir);

        for (guint i = 0; i < files->len && r == EXIT_OK; i++)
                r = add_script(cli, directory, files->pdata[i], scripts);
        *ret_n = files->len;
        return r;
}

/* What happened to each, and its build, to be followed. */
static void show_outcomes(Cli *cli, GVariant *overlays, Follow *follow, unsigned *ret_building) {
        const char *name, *outcome, *job;
        JsonArray *array = json_array_new();
        GVariantIter iter;

        g_variant_iter_init(&iter, overlays);
        while (g_variant_iter_next(&iter, "(&s&s&o)", &name, &outcome, &job)) {
                gboolean builds = !g_str_equal(job, "/");
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "name", name);
                json_object_set_string_member(object, "outcome", outcome);
                if (builds) {
                        g_autofree char *number = client_path_name(LEFT4ME_JOB_PREFIX, job);

                        json_object_set_int_member(object, "job", g_ascii_strtoll(number, NULL, 10));
                        follow_add_build(follow, job);
                        (*ret_building)++;
                }
                json_array_add_object_element(array, object);
                if (!cli->json && !cli->quiet)
                        terminal_printf(&cli->out, "%s %s\n", name, outcome);
        }

        if (cli->json)
                json_print(cli, json_node_array(array));
        else
                json_array_unref(array);
        fflush(cli->out.file);
}

static int seed(Cli *cli, GVariant *scripts, gboolean build, gboolean detach) {
        g_autoptr(GVariant) reply = NULL, overlays = NULL;
        g_autoptr(Follow) follow = NULL;
        g_autoptr(GError) error = NULL;
        unsigned building = 0;
        GVariantDict options;
        int r = EXIT_OK;

        g_variant_dict_init(&options, NULL);
        g_variant_dict_insert(&options, "Build", "b", build);
        reply = cli_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_ROOT_PATH,
                        .interface = LEFT4ME_MANAGER_INTERFACE,
                        .method = "SeedScriptOverlays",
                        .arguments = g_variant_new("(@a{ss}@a{sv})", scripts, g_variant_dict_end(&options)),
                        .reply = "(a(sso))",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error(cli, error);

        follow = follow_new(cli);
        if (detach)
                follow_detach(follow);
        overlays = g_variant_get_child_value(reply, 0);
        show_outcomes(cli, overlays, follow, &building);
        if (building > 0)
                r = follow_run(follow);
        if (follow_left(follow) && !cli->json)
                follow_print_jobs(follow);
        return r;
}

int cmd_overlay_seed(Cli *cli, char **words) {
        gboolean no_build = FALSE, detach = FALSE;
        const GOptionEntry entries[] = {
                { "no-build", 0, 0, G_OPTION_ARG_NONE, &no_build, "Take the sources only", NULL },
                { "detach", 0, 0, G_OPTION_ARG_NONE, &detach, "Do not wait for the builds", NULL },
                { NULL },
        };
        GVariantBuilder scripts;
        unsigned n = 0;
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        g_variant_builder_init(&scripts, G_VARIANT_TYPE("a{ss}"));
        r = read_directory(cli, words[0], &scripts, &n);
        if (r == EXIT_OK && n == 0)
                r = cli_failed(cli, EXIT_FAILED, "there is no script (NAME.sh) in %s", words[0]);
        if (r == EXIT_OK)
                return seed(cli, g_variant_builder_end(&scripts), !no_build, detach);

        g_variant_builder_clear(&scripts);
        return r;
}
