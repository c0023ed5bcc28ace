/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One method called on any number of servers at the same time, and what came of it. */

#include <glib-unix.h>
#include <string.h>

#include "conflicts.h"
#include "control.h"
#include "dbus/names.h"
#include "format.h"
#include "json.h"
#include "progress.h"

/* The bus lets a connection wait for 128 answers, and refuses what it asks beyond; the host has fewer CPUs anyway. */
#define PARALLEL_MAX 32U

/* What ends sooner shows no progress: a line that flashes tells nothing. */
#define PATIENCE_USEC (500 * (gint64) USEC_PER_MSEC)

typedef struct {
        Cli *cli;
        const ControlAction *action;
        GMainLoop *loop;
        Progress *progress;
        gint64 began;
        GPtrArray *targets;
        guint next; /* the first target that is not asked yet */
        unsigned pending;
        gboolean interrupted;
        int code;
} Control;

typedef struct {
        Control *control;
        char *name;
        GVariant *conflicts; /* NULL: none that are known */
        GError *error;
        gboolean ended;
} Target;

static void target_free(gpointer data) {
        Target *t = data;

        g_free(t->name);
        g_clear_pointer(&t->conflicts, g_variant_unref);
        g_clear_error(&t->error);
        g_free(t);
}

/* One kind of failure keeps its code; several kinds are just a failure. */
static void merge_code(Control *c, int code) {
        c->code = c->code == EXIT_OK || c->code == code ? code : EXIT_FAILED;
}

static void call_next(Control *c);

static void on_reply(GObject *bus, GAsyncResult *result, gpointer userdata) {
        Target *t = userdata;
        Control *c = t->control;
        g_autoptr(GVariant) reply = NULL;

        reply = client_call_finish(bus, result, &t->error);
        t->ended = TRUE;
        c->pending--;

        if (!reply || (!c->cli->json && !c->cli->quiet))
                progress_clear(c->progress);
        if (reply && !c->cli->json && !c->cli->quiet) {
                terminal_printf(&c->cli->out, "%s %s\n", t->name, c->action->done);
                fflush(c->cli->out.file);
        }

        /* Suggestions need another call; so errors are told when all is over, in the order of the names. */
        call_next(c);
        if (c->pending == 0)
                g_main_loop_quit(c->loop);
}

static void call_next(Control *c) {
        while (c->pending < PARALLEL_MAX && c->next < c->targets->len) {
                Target *t = g_ptr_array_index(c->targets, c->next++);
                g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, t->name);
                const ClientCall call = {
                        .path = path,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = c->action->method,
                        .arguments = c->action->arguments,
                        .interactive = !c->cli->no_ask_password,
                };

                c->pending++;
                client_call_async(c->cli->client, &call, on_reply, t);
        }
}

static void add_targets(Control *c, char **names) {
        for (char **name = names; *name; name++) {
                Target *t = g_new0(Target, 1);

                t->control = c;
                t->name = g_strdup(*name);
                g_ptr_array_add(c->targets, t);
        }
}

static void warn_of_conflicts(Control *c) {
        for (guint i = 0; i < c->targets->len; i++) {
                Target *t = g_ptr_array_index(c->targets, i);
                g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, t->name);

                t->conflicts = conflicts_get(c->cli, path);
                conflicts_warn(c->cli, t->name, t->conflicts);
        }
}

static gboolean on_tick(gpointer userdata) {
        Control *c = userdata;
        g_autofree char *duration = NULL, *line = NULL;
        g_autoptr(GString) names = NULL;
        gint64 waited = g_get_monotonic_time() - c->began;
        guint i;

        /* An agent may be asking for a password in that very line. */
        if (waited < PATIENCE_USEC || c->cli->agent)
                return G_SOURCE_CONTINUE;

        names = g_string_new(NULL);
        for (i = 0; i < c->targets->len; i++) {
                const Target *t = g_ptr_array_index(c->targets, i);

                if (!t->ended)
                        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", t->name);
        }

        if (waited >= (gint64) USEC_PER_SEC)
                duration = format_duration((uint64_t) waited / USEC_PER_SEC * USEC_PER_SEC);
        line = g_strdup_printf("%s%s%s%s: %s", c->action->doing, duration ? " (" : "",
                duration ? duration : "", duration ? ")" : "", names->str);
        progress_show(c->progress, &(const ProgressLine){ line, STYLE_NONE }, 1);
        return G_SOURCE_CONTINUE;
}

static gboolean on_interrupt(gpointer userdata) {
        Control *c = userdata;

        c->interrupted = TRUE;
        g_main_loop_quit(c->loop);
        return G_SOURCE_REMOVE;
}

static void report(Control *c) {
        JsonArray *results = json_array_new();
        guint i;

        for (i = 0; i < c->targets->len; i++) {
                Target *t = g_ptr_array_index(c->targets, i);
                JsonObject *result = json_object_new();

                json_object_set_string_member(result, "name", t->name);
                json_object_set_boolean_member(result, "ok", t->ended && !t->error);
                if (t->error) {
                        g_autofree char *name = client_error_name(t->error),
                                        *message = client_error_message(t->error);

                        merge_code(c, cli_error_about(c->cli, t->error, LEFT4ME_INSTANCE_PREFIX, t->name));
                        json_object_set_string_member(result, "error", name);
                        json_object_set_string_member(result, "message", message);
                }
                conflicts_add_json(result, t->conflicts, FALSE);
                json_array_add_object_element(results, result);
        }

        if (c->cli->json)
                json_print(c->cli, json_node_array(results));
        else
                json_array_unref(results);
}

int control_run(Cli *cli, char **names, const ControlAction *action) {
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(target_free);
        g_autoptr(Progress) progress = progress_new(cli);
        g_autoptr(GError) error = NULL;
        Control c = { .cli = cli, .action = action, .loop = loop, .progress = progress, .targets = targets };
        guint sources[2];

        if (!cli_connect(cli, &error))
                return cli_error(cli, error);
        cli_authorize(cli);

        c.began = g_get_monotonic_time();
        sources[0] = g_unix_signal_add(SIGINT, on_interrupt, &c);
        sources[1] = g_timeout_add(100, on_tick, &c);
        add_targets(&c, names);
        if (action->starts)
                warn_of_conflicts(&c);
        call_next(&c);
        g_main_loop_run(loop);
        g_source_remove(sources[1]);
        progress_clear(progress);

        if (c.interrupted) {
                /*
                 * Calls under way point to what is on this stack, but no loop runs any more that could
                 * bring their replies.
                 */
                cli_complain(cli, "interrupted; what was asked for goes on (left4mectl status tells how)");
                return EXIT_INTERRUPTED;
        }

        g_source_remove(sources[0]);
        report(&c);
        return c.code;
}
