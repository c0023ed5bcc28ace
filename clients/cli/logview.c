/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "format.h"
#include "inventory.h"
#include "jobwatch.h"
#include "json.h"
#include "logview.h"
#include "presence.h"
#include "props.h"
#include "text.h"
#include "timespec.h"

/* Longer lines are shown in pieces: no server shall fill our memory with one that does not end. */
#define LINE_MAX_SIZE (64 * 1024)
#define LINES_MAX 10000

typedef enum {
        LOG_TEXT,
        LOG_JSON_ARRAY,
        LOG_JSON_LINES,
} LogStyle;

typedef struct {
        uint64_t time;
        unsigned priority;
        char *cursor, *identifier; /* with the message in one allocation */
        const char *message;
} LogLine;

typedef struct {
        Cli *cli;
        LogStyle style;
        gboolean cursors;      /* each line begins with one */
        gboolean show_cursors; /* and it is told */
        gboolean goes_on;      /* once it has broken off: no line is shown by half */
        char *last_cursor;     /* NULL for none yet */
        JsonArray *array;      /* of LOG_JSON_ARRAY */
} LogView;

/* "[CURSOR ]TIME PRIORITY IDENTIFIER MESSAGE". What looks otherwise is taken as a message without the rest. */
static void log_line_parse(LogLine *l, char *line, gboolean cursors) {
        char *p, *end = cursors ? strchr(line, ' ') : NULL;
        guint64 time, priority;

        *l = (LogLine){ .priority = 6, .message = line };
        if (end) {
                *end = 0;
                l->cursor = line;
                l->message = line = end + 1;
        }

        time = g_ascii_strtoull(line, &end, 10);
        if (end == line || *end != ' ')
                return;

        p = end + 1;
        priority = g_ascii_strtoull(p, &end, 10);
        if (end == p || *end != ' ' || priority > 7)
                return;

        p = end + 1;
        end = strchr(p, ' ');
        if (!end)
                return;

        *end = 0;
        l->time = time;
        l->priority = (unsigned) priority;
        l->identifier = p;
        l->message = end + 1;
}

static Style style_of_priority(unsigned priority) {
        if (priority <= 3)
                return STYLE_RED;
        if (priority == 4)
                return STYLE_YELLOW;

        return priority == 7 ? STYLE_DIM : STYLE_NONE;
}

static void print_text(Cli *cli, const LogLine *l) {
        g_autofree char *time = format_log_time(l->time),
                        *message = text_safe(l->message, -1, TEXT_ONE_LINE);
        g_autofree char *identifier = text_safe(l->identifier, -1, TEXT_ONE_LINE), *head = NULL;

        head = *identifier ? g_strdup_printf("%s %s: ", time, identifier) : g_strdup("");
        terminal_put(&cli->out, STYLE_NONE, head);
        terminal_put(&cli->out, style_of_priority(l->priority), message);
        fputc('\n', cli->out.file);
}

/* The text itself, control characters and all: JSON can say them. */
static JsonNode *line_json(const LogLine *l) {
        g_autofree char *identifier = g_utf8_make_valid(l->identifier ? l->identifier : "", -1);
        g_autofree char *message = g_utf8_make_valid(l->message, -1);
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "time", (gint64) MIN(l->time, G_MAXINT64));
        json_object_set_int_member(object, "priority", l->priority);
        json_object_set_string_member(object, "identifier", identifier);
        json_object_set_string_member(object, "message", message);
        if (l->cursor)
                json_object_set_string_member(object, "cursor", l->cursor);
        return json_node_object(object);
}

static void print_line(LogView *v, char *line, size_t size) {
        LogLine l;
        size_t i;

        /* What comes after a NUL would be lost. */
        for (i = 0; i < size; i++)
                if (line[i] == 0)
                        line[i] = ' ';
        line[size] = 0;

        log_line_parse(&l, line, v->cursors);
        if (l.cursor) {
                g_free(v->last_cursor);
                v->last_cursor = g_utf8_make_valid(l.cursor, -1);
                l.cursor = v->show_cursors ? v->last_cursor : NULL;
        }

        if (v->style == LOG_TEXT)
                print_text(v->cli, &l);
        else if (v->style == LOG_JSON_ARRAY)
                json_array_add_element(v->array, line_json(&l));
        else
                json_print_line(v->cli, line_json(&l));
}

/* Prints the whole lines of a buffer, and returns how much of it that was. */
static size_t print_lines(LogView *v, char *buffer, size_t have) {
        size_t done = 0;

        while (done < have) {
                char *feed = memchr(buffer + done, '\n', have - done);

                if (!feed && (done > 0 || have < LINE_MAX_SIZE))
                        break;

                print_line(v, buffer + done, feed ? (size_t) (feed - (buffer + done)) : have - done);
                done = feed ? (size_t) (feed + 1 - buffer) : have;
        }

        return done;
}

/*
 * Prints all that comes; returns FALSE when reading failed. What has come is shown at once, for whoever
 * waits for more.
 */
static gboolean print_all(LogView *v, int fd) {
        g_autofree char *buffer = g_malloc(LINE_MAX_SIZE + 1);
        size_t have = 0, done;
        ssize_t n;

        for (;;) {
                n = read(fd, buffer + have, LINE_MAX_SIZE - have);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;

                have += (size_t) n;
                done = print_lines(v, buffer, have);
                memmove(buffer, buffer + done, have - done);
                have -= done;
                fflush(v->cli->out.file);
        }

        if (have > 0 && !v->goes_on)
                print_line(v, buffer, have);

        return n == 0;
}

gboolean log_print(Cli *cli, int fd) {
        return print_all(&(LogView){ .cli = cli, .style = LOG_TEXT }, fd);
}

static gboolean add_time(Cli *cli, GVariantDict *dict, const char *key, const char *text) {
        uint64_t usec;

        if (!timespec_parse(text, (uint64_t) g_get_real_time(), &usec)) {
                (void) cli_usage(cli,
                        "'%s' is no time; \"10 min ago\", \"yesterday\", \"13:05\", \"2025-11-22 13:05\" or @SECONDS are",
                        text);
                return FALSE;
        }

        g_variant_dict_insert(dict, key, "t", usec);
        return TRUE;
}

/* The a{sv} of OpenLog; NULL when the command line is wrong (and that was said). */
GVariant *log_options_build(Cli *cli, const LogOptions *o) {
        g_auto(GVariantDict) dict = { 0 };
        int lines = o->lines;

        g_variant_dict_init(&dict, NULL);
        if (lines > LINES_MAX || lines < -1) {
                (void) cli_usage(cli, "-n %d: a number from 0 to %d is wanted", lines, LINES_MAX);
                return NULL;
        }

        if (o->cursor && o->after_cursor) {
                (void) cli_usage(cli, "--cursor and --after-cursor name two beginnings");
                return NULL;
        }

        if (o->since && !add_time(cli, &dict, "Since", o->since))
                return NULL;
        if (o->until && !add_time(cli, &dict, "Until", o->until))
                return NULL;

        if (o->cursor || o->after_cursor)
                g_variant_dict_insert(
                        &dict, o->cursor ? "FromCursor" : "Cursor", "s", o->cursor ?: o->after_cursor);
        /* Who names a time wants all since then; from a cursor on the service gives all by itself. */
        else if (lines < 0 && o->since)
                lines = LINES_MAX;
        if (lines >= 0)
                g_variant_dict_insert(&dict, "Lines", "u", (guint32) lines);
        if (o->follow)
                g_variant_dict_insert(&dict, "Follow", "b", TRUE);
        if (o->show_cursor || o->follow)
                g_variant_dict_insert(&dict, "Cursors", "b", TRUE);

        return g_variant_ref_sink(g_variant_dict_end(&dict));
}

static gboolean job_has_ended(Cli *cli, const char *path) {
        g_autoptr(GVariant) properties = inventory_get_all(cli, path, LEFT4ME_JOB_INTERFACE, NULL);

        return properties && job_state_ended(props_string(properties, "State"));
}

/* A log that is being shown, where it comes from, and what was asked for. */
typedef struct {
        LogView *view;
        const char *path, *interface;
        const LogOptions *options;
        char *owner; /* of the bus name, when it was opened */
} LogSource;

/* From the last line that was shown on, if one was. */
static int log_open(LogSource *s, int *ret_fd, GError **error) {
        LogOptions o = *s->options;
        Cli *cli = s->view->cli;
        g_autoptr(GVariant) options = NULL, reply = NULL;

        if (s->view->last_cursor)
                o = (LogOptions){ .lines = -1,
                        .until = o.until,
                        .after_cursor = s->view->last_cursor,
                        .follow = o.follow,
                        .show_cursor = o.show_cursor };
        options = log_options_build(cli, &o);
        if (!options)
                return EXIT_USAGE;

        reply = cli_call_fd(cli,
                &(const ClientCall){
                        .path = s->path,
                        .interface = s->interface,
                        .method = "OpenLog",
                        .arguments = g_variant_new("(@a{sv})", options),
                        .reply = "(h)",
                        .interactive = TRUE,
                },
                0, ret_fd, error);
        if (!reply)
                return EXIT_FAILED;

        g_free(s->owner);
        s->owner = presence_owner(cli);
        return EXIT_OK;
}

/* After its end: whether it goes on, with a left4med that has started anew. Journals outlive it. */
static gboolean log_comes_back(LogSource *s, int *ret_fd, GError **error) {
        Cli *cli = s->view->cli;

        if (!s->view->goes_on || !presence_is_lost(cli, s->owner))
                return FALSE;

        if (!cli->quiet)
                cli_complain(cli, "left4med has gone; the log goes on when it is back");
        do {
                g_clear_error(error);
                presence_wait(cli);
                if (log_open(s, ret_fd, error) == EXIT_OK)
                        return TRUE;
        } while (*error && client_failure(*error) == CLIENT_FAILURE_NO_SERVICE);

        return FALSE;
}

/* The log of an object, until it ends or somebody has had enough. */
int log_show(Cli *cli, const char *path, const char *interface, const LogOptions *o) {
        gboolean instance = g_str_equal(interface, LEFT4ME_INSTANCE_INTERFACE), complete;
        LogView view = { .cli = cli,
                .style = !cli->json  ? LOG_TEXT
                         : o->follow ? LOG_JSON_LINES
                                     : LOG_JSON_ARRAY,
                .cursors = o->show_cursor || o->follow,
                .show_cursors = o->show_cursor,
                /* The log of a job ends with the job. */
                .goes_on = o->follow && instance };
        LogSource source = { &view, path, interface, o, NULL };
        const char *prefix = instance ? LEFT4ME_INSTANCE_PREFIX : LEFT4ME_JOB_PREFIX;
        g_autofree char *name = client_path_name(prefix, path);
        g_autoptr(GError) error = NULL;
        int fd, r;

        r = log_open(&source, &fd, &error);
        if (r != EXIT_OK)
                return error ? cli_error_about(cli, error, prefix, name) : r;

        view.array = view.style == LOG_JSON_ARRAY ? json_array_new() : NULL;
        do {
                complete = print_all(&view, fd);
                (void) close(fd);
        } while (complete && log_comes_back(&source, &fd, &error));

        if (view.array)
                json_print(cli, json_node_array(view.array));
        else if (view.style == LOG_TEXT && o->show_cursor && view.last_cursor)
                terminal_printf(&cli->out, "-- cursor: %s\n", view.last_cursor);
        g_free(view.last_cursor);
        g_free(source.owner);
        if (error)
                return cli_error_about(cli, error, prefix, name);
        if (!complete || view.goes_on || (o->follow && !job_has_ended(cli, path)))
                return cli_failed(cli, EXIT_FAILED, "left4med has closed the log");

        return EXIT_OK;
}
