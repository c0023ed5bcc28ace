/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay build: overlays build themselves, several at a time. */

#include "build.h"
#include "dbus/names.h"
#include "follow.h"
#include "verbs.h"

/* Begins one; *ret_job is its path. */
static int begin_one(Cli *cli, const char *overlay, const char *label, gboolean validate, char **ret_job) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GVariantDict options;

        g_variant_dict_init(&options, NULL);
        if (label)
                g_variant_dict_insert(&options, "Label", "s", label);
        if (validate)
                g_variant_dict_insert(&options, "Validate", "b", TRUE);

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "Build",
                        .arguments = g_variant_new("(@a{sv})", g_variant_dict_end(&options)),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, overlay);

        g_variant_get(reply, "(o)", ret_job);
        return EXIT_OK;
}

int build_begin(Cli *cli, const char *overlay, const char *label, gboolean validate, gboolean detach) {
        g_autofree char *job = NULL;
        int r;

        r = begin_one(cli, overlay, label, validate, &job);
        if (r != EXIT_OK)
                return r;

        return build_follow(cli, &(const Build){ overlay, job, -1, -1, 0, detach });
}

/* One that cannot begin keeps the others from nothing. */
static int build_several(Cli *cli, char **names, const char *label, gboolean validate, gboolean detach) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(Follow) follow = follow_new(cli);
        int result = EXIT_OK, r;
        unsigned begun = 0;

        if (detach)
                follow_detach(follow);
        for (char **name = names; *name; name++) {
                g_autofree char *job = NULL;

                if (!g_hash_table_add(seen, *name))
                        continue;

                r = begin_one(cli, *name, label, validate, &job);
                if (r == EXIT_OK) {
                        follow_add_build(follow, job);
                        begun++;
                } else
                        result = r;
        }

        r = begun > 0 ? follow_run(follow) : EXIT_OK;
        if (cli->json)
                follow_print_json(follow, TRUE);
        else if (follow_left(follow))
                follow_print_jobs(follow);
        return r != EXIT_OK ? r : result;
}

int cmd_overlay_build(Cli *cli, char **words) {
        g_autofree char *label = NULL;
        gboolean detach = FALSE, validate = FALSE;
        const GOptionEntry entries[] = {
                { "label", 'l', 0, G_OPTION_ARG_STRING, &label, "What to remember of this version", "TEXT" },
                { "validate", 0, 0, G_OPTION_ARG_NONE, &validate,
                        "Of kind steam: look at every file, and mend it", NULL },
                { "detach", 0, 0, G_OPTION_ARG_NONE, &detach, "Print the jobs and do not wait for their end",
                        NULL },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        return words[1] ? build_several(cli, words, label, validate, detach)
                        : build_begin(cli, words[0], label, validate, detach);
}
