/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "game.h"
#include "server.h"
#include "util.h"

static void on_mapcycle(Server *s) {
        const char *next = content_next_map(&s->content, s->map);

        if (next && *s->map)
                game_request_map(s, next, "", true);
}

static void run_mapcycle(Server *s, const Command *c) {
        unsigned long ms;

        if (!parse_uint(c->argv[1], 86400000, &ms))
                standin_note("%s: not a number of milliseconds: %s", c->argv[0], c->argv[1]);
        else if (ms == 0)
                timer_disarm(&s->timers, TIMER_MAPCYCLE);
        else
                timer_arm(&s->timers, TIMER_MAPCYCLE, ms * 1000, ms * 1000, on_mapcycle);
}

static void run_changelevel(Server *s, const Command *c) {
        if (c->argc > 1)
                game_request_map(s, c->argv[1], "", true);
        else
                on_mapcycle(s);
}

static void run_mark(Server *s, const Command *c) {
        s->marks = xrealloc(s->marks, (s->n_marks + 1) * sizeof(*s->marks));
        s->marks[s->n_marks++] = xstrdup(c->rest);
        s->state_dirty = true;
        standin_note("mark %s", c->rest);
}

/* Writes anywhere the server may: into the tree (a copy-up), or at least tries to. */
static void run_write(Server *s, const Command *c) {
        FILE *f = fopen(c->argv[1], "we");
        bool ok;

        (void) s;
        if (!f) {
                standin_note("write %s failed: %s", c->argv[1], strerror(errno));
                return;
        }
        ok = fprintf(f, "%s\n", c->argc > 2 ? c->argv[2] : "") >= 0;
        ok = fclose(f) == 0 && ok;
        standin_note("write %s %s", c->argv[1], ok ? "ok" : strerror(errno));
}

static void run_control(Server *s, const Command *c) {
        if (s->control_fd >= 0)
                return; /* server.cfg says it again at each map start */
        if (mkfifo(c->argv[1], 0600) < 0 && errno != EEXIST) {
                standin_note("control %s failed: %s", c->argv[1], strerror(errno));
                return;
        }
        /* Opened for writing too, so that the last writer leaving is no end of file. */
        s->control_fd = open(c->argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (s->control_fd < 0) {
                standin_note("control %s failed: %s", c->argv[1], strerror(errno));
                return;
        }
        s->control_path = xstrdup(c->argv[1]);
        standin_note("control %s", c->argv[1]);
}

static void run_queries(Server *s, const Command *c) {
        (void) c;
        standin_note("queries received=%u answered=%u limited=%u loopback=%u", s->query.received,
                s->query.answered, s->query.limited, s->query.loopback);
}

static void run_ipv6(Server *s, const Command *c) {
        int r = net_open_ipv6(&s->net);

        (void) c;
        if (r < 0)
                standin_note("ipv6 failed: %s", strerror(-r));
        else
                standin_note("ipv6 port %u", s->net.port);
}

static void run_jitter(Server *s, const Command *c) {
        (void) c;
        jitter_report(s);
}

static void run_channels(Server *s, const Command *c) {
        (void) c;
        standin_note("channels %zu", s->channels.n);
}

const CommandTable standin_commands = { (const CommandDef[]){
        { "standin_changelevel", 0, "[map]", run_changelevel },
        { "standin_channels", 0, "", run_channels },
        { "standin_control", 1, "<fifo>", run_control },
        { "standin_ipv6", 0, "", run_ipv6 },
        { "standin_jitter", 0, "", run_jitter },
        { "standin_mapcycle", 1, "<ms>", run_mapcycle },
        { "standin_mark", 1, "<text>", run_mark },
        { "standin_queries", 0, "", run_queries },
        { "standin_write", 1, "<path> [text]", run_write },
        { 0 },
} };
