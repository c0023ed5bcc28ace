/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The one place where failures become lines on standard error, exit codes, and the error document of
 * --json. The service's messages say what to do, also who may; what is added here is what only the command
 * line knows: near names, and that it can ask for a password.
 */

#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "dbus/names.h"
#include "suggest.h"
#include "text.h"

static void complain(Cli *cli, const char *message) {
        g_autofree char *safe = text_safe(message, -1, TEXT_KEEP_LINES);

        fflush(cli->out.file);
        fputs("left4mectl: ", cli->err.file);
        terminal_put(&cli->err, STYLE_NONE, g_strchomp(safe));
        fputc('\n', cli->err.file);
}

/* The first failure is what --json tells; the others have their places in the document of the verb. */
void cli_remember_error(Cli *cli, const char *name, const char *message) {
        if (cli->error_name)
                return;

        cli->error_name = g_strdup(name);
        cli->error_message = g_utf8_make_valid(message, -1);
}

void cli_complain(Cli *cli, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        complain(cli, message);
}

/* A second line on what to do; not an error of its own. */
void cli_hint(Cli *cli, const char *format, ...) {
        g_autofree char *message = NULL, *safe = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        safe = text_safe(message, -1, TEXT_ONE_LINE);
        fputs("            ", cli->err.file);
        terminal_put(&cli->err, STYLE_DIM, safe);
        fputc('\n', cli->err.file);
}

/* The command line is wrong: nothing was done. */
int cli_usage(Cli *cli, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        complain(cli, message);
        cli_remember_error(cli, LEFT4ME_ERROR_INVALID_ARGUMENT, message);
        return EXIT_USAGE;
}

/* A failure that did not come over the bus. */
int cli_failed(Cli *cli, int code, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        complain(cli, message);
        cli_remember_error(cli, LEFT4ME_ERROR_FAILED, message);
        return code;
}

/* The names of all instances or overlays, in both answers the first member of each structure. */
static char **list_names(Cli *cli, const char *prefix) {
        gboolean instances = g_str_equal(prefix, LEFT4ME_INSTANCE_PREFIX);
        const ClientCall call = {
                .path = LEFT4ME_ROOT_PATH,
                .interface = LEFT4ME_MANAGER_INTERFACE,
                .method = instances ? "ListInstances" : "ListOverlays",
                .reply = instances ? "(a(sqssuutbbo))" : "(a(sssutuo))",
        };
        g_autoptr(GPtrArray) names = NULL;
        g_autoptr(GVariant) reply = NULL, list = NULL;
        gsize i;

        reply = cli_call(cli, &call, NULL);
        if (!reply)
                return NULL;

        names = g_ptr_array_new_with_free_func(g_free);
        list = g_variant_get_child_value(reply, 0);
        for (i = 0; i < g_variant_n_children(list); i++) {
                g_autoptr(GVariant) item = g_variant_get_child_value(list, i);
                char *name;

                g_variant_get_child(item, 0, "s", &name);
                g_ptr_array_add(names, name);
        }

        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* "no server 'versu-1'; did you mean versus-1?" or NULL when it exists after all, or nothing is known. */
static char *no_such_message(Cli *cli, const char *prefix, const char *name) {
        const char *what = prefix && g_str_equal(prefix, LEFT4ME_INSTANCE_PREFIX) ? "server" : "overlay",
                   *near;
        g_auto(GStrv) names = NULL;

        if (!prefix || !name)
                return NULL;

        if (g_str_equal(prefix, LEFT4ME_JOB_PREFIX))
                return g_strdup_printf("no job %s", name);

        names = list_names(cli, prefix);
        if (!names || g_strv_contains((const char *const *) names, name))
                return NULL;

        near = suggest(name, (const char *const *) names);
        if (near)
                return g_strdup_printf("no %s '%s'; did you mean %s?", what, name, near);

        return g_strdup_printf("no %s '%s'", what, name);
}

static void add_hint(Cli *cli, ClientFailure failure) {
        switch (failure) {
        case CLIENT_FAILURE_NEEDS_AUTHENTICATION:
                if (!cli->no_ask_password && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)))
                        cli_hint(cli, "at a terminal left4mectl asks for it");
                break;
        case CLIENT_FAILURE_NO_SERVICE:
                cli_hint(cli, "is left4med running? systemctl status left4med");
                break;
        case CLIENT_FAILURE_DENIED:
        case CLIENT_FAILURE_NO_SUCH_OBJECT:
        case CLIENT_FAILURE_OTHER:
                break;
        }
}

/*
 * An error of a call about the object of that name below that prefix (both may be NULL). Returns the exit
 * code.
 */
int cli_error_about(Cli *cli, const GError *error, const char *prefix, const char *name) {
        ClientFailure failure = client_failure(error);
        g_autofree char *bus_name = client_error_name(error), *message = NULL;

        /*
         * Where no object is there is no method either: bus libraries differ in which of the two they
         * miss.
         */
        if (failure == CLIENT_FAILURE_NO_SUCH_OBJECT ||
                g_str_equal(bus_name, "org.freedesktop.DBus.Error.UnknownMethod"))
                message = no_such_message(cli, prefix, name);
        if (message)
                failure = CLIENT_FAILURE_NO_SUCH_OBJECT;
        else
                message = client_error_message(error);

        /* Who is refused thirty servers need not read it thirty times. */
        if (g_strcmp0(cli->complaint, message) != 0) {
                complain(cli, message);
                add_hint(cli, failure);
                g_free(cli->complaint);
                cli->complaint = g_strdup(message);
        }
        cli_remember_error(cli, bus_name, message);

        if (g_str_equal(bus_name, LEFT4ME_ERROR_INSTANCE_NOT_RUNNING))
                return EXIT_NOT_RUNNING;

        switch (failure) {
        case CLIENT_FAILURE_NO_SUCH_OBJECT:
                return EXIT_NO_SUCH;
        case CLIENT_FAILURE_DENIED:
        case CLIENT_FAILURE_NEEDS_AUTHENTICATION:
                return EXIT_DENIED;
        case CLIENT_FAILURE_NO_SERVICE:
        case CLIENT_FAILURE_OTHER:
                break;
        }

        return EXIT_FAILED;
}

int cli_error(Cli *cli, const GError *error) {
        return cli_error_about(cli, error, NULL, NULL);
}

/* A name that is not in the inventory. */
int cli_no_such(Cli *cli, const char *prefix, const char *name) {
        g_autofree char *message = no_such_message(cli, prefix, name);

        return cli_failed(cli, EXIT_NO_SUCH, "%s", message ? message : name);
}
