/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* job list, show, wait, cancel. */

#include "card.h"
#include "dbus/names.h"
#include "follow.h"
#include "format.h"
#include "inventory.h"
#include "jobwatch.h"
#include "json.h"
#include "listing.h"
#include "names.h"
#include "props.h"
#include "style.h"
#include "verbs.h"

static JsonObject *job_json(const char *number, GVariant *properties) {
        JsonObject *object = json_from_dictionary(properties);

        json_object_set_int_member(object, "job", g_ascii_strtoll(number, NULL, 10));
        return object;
}

static JsonObject *row_json(const Object *object) {
        return job_json(object->name, object->properties);
}

/* How far it is while it runs, how long ago it ended after that. */
static char *job_when(GVariant *p, const char *state) {
        double progress = props_double(p, "Progress", -1);
        uint64_t finished = props_uint(p, "Finished");

        if (job_state_ended(state))
                return finished > 0 ? format_ago(finished, (uint64_t) g_get_real_time()) : g_strdup("-");

        return progress < 0 ? g_strdup("-") : g_strdup_printf("%u%%", (unsigned) (progress * 100));
}

static void add_row(Table *table, const Object *object) {
        GVariant *p = object->properties;
        const char *state = props_string(p, "State");
        g_autofree char *when = job_when(p, state);

        table_add(table, object->name, props_string(p, "Kind"), props_string(p, "Subject"), state, when,
                props_string(p, "Message"), NULL);
        table_style(table, 3, style_of_job(state));
}

int cmd_job_list(Cli *cli, char **words) {
        static const TableColumn columns[] = {
                { "JOB", TABLE_RIGHT },
                { "KIND", TABLE_LEFT },
                { "SUBJECT", TABLE_LEFT },
                { "STATE", TABLE_LEFT },
                { "WHEN", TABLE_RIGHT },
                { "MESSAGE", TABLE_SHRINK },
        };
        static const Listing listing = {
                .objects = offsetof(Inventory, jobs),
                .columns = columns,
                .n_columns = G_N_ELEMENTS(columns),
                .add = add_row,
                .json = row_json,
        };

        return listing_run(cli, words, &listing);
}

static void print_card(Cli *cli, const char *number, GVariant *p) {
        g_autofree char *title = job_title(p), *heading = g_strdup_printf("job %s: %s", number, title);
        const char *state = props_string(p, "State");
        g_autofree char *progress = NULL, *code = NULL;
        gint32 status = -1;

        progress = job_when(p, state);

        card_heading(cli, style_of_job(state), heading);
        card_line_styled(cli, "State", state, style_of_job(state));
        card_line(cli, "Message", props_string(p, "Message"));
        if (!job_state_ended(state))
                card_line(cli, "Progress", progress);
        card_time(cli, "Queued", props_uint(p, "Queued"));
        card_time(cli, "Started", props_uint(p, "Started"));
        card_time(cli, "Finished", props_uint(p, "Finished"));
        if (g_variant_lookup(p, "ExitStatus", "i", &status) && status >= 0) {
                code = g_strdup_printf("%d", status);
                card_line(cli, "Exit code", code);
        }
}

int cmd_job_show(Cli *cli, char **words) {
        g_autofree char *path = NULL, *name = NULL;
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GError) error = NULL;
        unsigned number;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = names_job(cli, words[0], &number);
        if (r != EXIT_OK)
                return r;

        name = g_strdup_printf("%u", number);
        path = client_path(LEFT4ME_JOB_PREFIX, name);
        properties = inventory_get_all(cli, path, LEFT4ME_JOB_INTERFACE, &error);
        if (!properties)
                return cli_error_about(cli, error, LEFT4ME_JOB_PREFIX, name);

        if (cli->json)
                json_print(cli, json_node_object(job_json(name, properties)));
        else
                print_card(cli, name, properties);

        return EXIT_OK;
}

/* Its exit code is that of whoever began the jobs and waited. */
int cmd_job_wait(Cli *cli, char **words) {
        g_autoptr(Follow) follow = NULL;
        g_autoptr(GError) error = NULL;
        unsigned number;
        char **word;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        if (!cli_connect(cli, &error))
                return cli_error(cli, error);

        follow = follow_new(cli);
        follow_only_watch(follow);
        for (word = words; *word; word++) {
                g_autofree char *path = NULL, *success = NULL;

                r = names_job(cli, *word, &number);
                if (r != EXIT_OK)
                        return r;

                path = client_job_path(number);
                success = g_strdup_printf("job %u has succeeded", number);
                follow_add(follow, path, success);
        }

        r = follow_run(follow);
        if (cli->json)
                follow_print_json(follow, TRUE);

        return r;
}

/* It may have come too late; the answer is the same. */
static void tell_cancelled(Cli *cli, const char *path) {
        g_autoptr(GVariant) properties = inventory_get_all(cli, path, LEFT4ME_JOB_INTERFACE, NULL);
        g_autofree char *title = properties ? job_title(properties) : NULL;
        const char *state = properties ? props_string(properties, "State") : "";

        if (g_str_equal(state, "cancelled"))
                terminal_printf(&cli->out, "%s was cancelled\n", title);
        else if (title)
                terminal_printf(&cli->out, "%s had ended already: %s\n", title, state);
}

int cmd_job_cancel(Cli *cli, char **words) {
        g_autofree char *path = NULL, *name = NULL;
        unsigned number;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = names_job(cli, words[0], &number);
        if (r != EXIT_OK)
                return r;

        name = g_strdup_printf("%u", number);
        path = client_path(LEFT4ME_JOB_PREFIX, name);
        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_JOB_INTERFACE,
                        .method = "Cancel",
                        .interactive = TRUE,
                },
                LEFT4ME_JOB_PREFIX, name);
        if (r == EXIT_OK && cli->json) {
                JsonObject *object = json_object_new();

                json_object_set_int_member(object, "job", number);
                json_print(cli, json_node_object(object));
        } else if (r == EXIT_OK && !cli->quiet)
                tell_cancelled(cli, path);

        return r;
}
