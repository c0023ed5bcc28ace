/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "console.h"
#include "server.h"
#include "util.h"

#define EXEC_DEPTH_MAX 16
#define CFG_MAX (1U << 20)

/* The length of the first command in `text`: up to a newline, or a semicolon outside quotes. A comment
 * ends what is meant of it (*ret_meant) but not the line. There is no escape for a quote. */
static size_t command_length(const char *text, size_t *ret_meant) {
        bool quoted = false, comment = false;
        size_t meant = 0, i = 0;

        for (; text[i] && text[i] != '\n'; i++) {
                if (comment)
                        continue;
                if (text[i] == '"')
                        quoted = !quoted;
                else if (!quoted && text[i] == ';')
                        break;
                else if (!quoted && text[i] == '/' && text[i + 1] == '/') {
                        comment = true;
                        continue;
                }
                meant = i + 1;
        }
        *ret_meant = meant;
        return i;
}

/* Cuts `line` into words in place; `rest` is a copy taken before. */
static void split_words(char *line, Command *c) {
        char *p = line;

        while (c->argc < COMMAND_WORDS) {
                p += strspn(p, " \t\r");
                if (!*p)
                        return;
                if (*p == '"') {
                        c->argv[c->argc++] = ++p;
                        p += strcspn(p, "\"");
                } else {
                        c->argv[c->argc++] = p;
                        p += strcspn(p, " \t\r\"");
                }
                if (!*p)
                        return;
                *p++ = '\0';
        }
}

/* hostname "My server" and hostname My server both set  My server . */
static char *rest_of(const char *line) {
        const char *p = line + strspn(line, " \t\r");
        size_t n;

        if (*p == '"') {
                p += 1 + strcspn(p + 1, "\"");
                p += *p == '"';
        } else
                p += strcspn(p, " \t\r\"");
        p += strspn(p, " \t\r");

        n = strlen(p);
        while (n > 0 && strchr(" \t\r", p[n - 1]))
                n--;
        if (n > 0 && p[0] == '"') {
                p++;
                n--;
                if (n > 0 && p[n - 1] == '"')
                        n--;
        }
        return xstrndup(p, n);
}

static void show_cvar(const Cvar *c) {
        if (strcmp(cvar_value(c), c->initial) == 0)
                console_print("\"%s\" = \"%s\"", c->name, cvar_shown(c));
        else
                console_print("\"%s\" = \"%s\" ( def. \"%s\" )", c->name, cvar_shown(c), c->initial);
}

void console_set_cvar(Server *s, Cvar *c, const char *value) {
        bool changed = cvar_set(c, value);

        s->state_dirty = true;
        if (changed && c->flags & CVAR_NOTIFY)
                log_line(&s->log, &s->cvars, "server_cvar: \"%s\" \"%s\"", c->name, cvar_shown(c));
        if (strcmp(c->name, "rcon_password") != 0)
                return;

        /* Every write ends all connections, the same value too. */
        rcon_drop_all(&s->rcon);
        if (!*value)
                net_unlisten(&s->net);
        else if (net_listen(&s->net) < 0)
                console_print("WARNING: RCON cannot listen on port %u: %s", s->net.port, strerror(errno));
        /* Tests see that it is new at each start; nobody sees the password. */
        standin_note("rcon_password length=%zu hash=%016llx", strlen(value),
                (unsigned long long) fnv1a(value, strlen(value)));
}

static void dispatch(Server *s, const Command *c) {
        Cvar *cvar;

        for (const CommandTable *const *t = s->tables; *t; t++)
                for (const CommandDef *d = (*t)->commands; d->name; d++) {
                        if (strcasecmp(d->name, c->argv[0]) != 0)
                                continue;
                        if (c->argc - 1 < d->min_words)
                                console_print("Usage:  %s %s", d->name, d->usage);
                        else
                                d->run(s, c);
                        return;
                }

        cvar = cvar_find(&s->cvars, c->argv[0]);
        if (!cvar)
                console_print("Unknown command \"%s\"", c->argv[0]);
        else if (c->argc == 1)
                show_cvar(cvar);
        else
                console_set_cvar(s, cvar, c->rest);
}

void console_execute(Server *s, const char *text) {
        while (*text && !s->quit) {
                _cleanup_free_ char *line = NULL, *rest = NULL;
                Command c = { 0 };
                size_t n, meant;

                n = command_length(text, &meant);
                line = xstrndup(text, meant);
                rest = rest_of(line);
                c.rest = rest;
                split_words(line, &c);
                if (c.argc > 0)
                        dispatch(s, &c);

                text += n;
                text += *text != '\0';
        }
}

static void remember(Server *s, const char *file, size_t size, uint64_t hash) {
        size_t i = 0;

        while (i < s->n_execs && strcmp(s->execs[i].file, file) != 0)
                i++;
        if (i == s->n_execs) {
                s->execs = xrealloc(s->execs, (i + 1) * sizeof(*s->execs));
                s->execs[s->n_execs++] = (ExecRecord){ .file = xstrdup(file) };
        }
        s->execs[i].size = size;
        s->execs[i].hash = hash;
        s->execs[i].count++;
        s->state_dirty = true;
}

void console_exec_file(Server *s, const char *file) {
        _cleanup_free_ char *text = NULL;
        char name[PATH_LEN], path[PATH_LEN * 2];
        uint64_t hash;
        size_t size;

        (void) snprintf(name, sizeof(name), "%s%s", file, strchr(file, '.') ? "" : ".cfg");
        (void) snprintf(path, sizeof(path), "%s/cfg/%s", s->game, name);
        if (s->exec_depth >= EXEC_DEPTH_MAX) {
                console_print("exec: %s is nested too deeply", file);
                return;
        }
        text = strstr(name, "..") ? NULL : read_file(path, CFG_MAX, &size);
        if (!text) {
                console_print("exec: couldn't exec %s", file);
                return;
        }

        hash = fnv1a(text, size);
        remember(s, name, size, hash);
        standin_note("exec %s size=%zu hash=%016llx", path, size, (unsigned long long) hash);
        s->exec_depth++;
        console_execute(s, text);
        s->exec_depth--;
}
