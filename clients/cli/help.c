/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "help.h"
#include "text.h"

static void print_verb(Cli *cli, const Verb *v) {
        g_autofree char *line = NULL, *padded = NULL;

        line = g_strjoin(" ", v->family ? v->family : v->name, v->family ? v->name : v->words,
                v->family ? v->words : NULL, NULL);
        padded = text_pad(g_strchomp(line), 36, FALSE);
        terminal_printf(&cli->out, "  %s %s\n", padded, v->summary);
}

static void print_family(Cli *cli, const Verb *verbs, const char *family, const char *title) {
        const Verb *v;

        terminal_put(&cli->out, STYLE_BOLD, title);
        fputc('\n', cli->out.file);
        for (v = verbs; v->name; v++)
                if (g_strcmp0(v->family, family) == 0)
                        print_verb(cli, v);
}

void help_print(Cli *cli, const Verb *verbs, const Family *families, const char *family) {
        const Family *f;

        terminal_printf(&cli->out, "left4mectl [OPTION...] %s%sVERB [WORD...]\n\n", family ? family : "",
                family ? " " : "");
        if (!family) {
                terminal_printf(
                        &cli->out, "Manages the Left 4 Dead 2 servers of a host. Without a verb: list.\n\n");
                print_family(cli, verbs, NULL, "Game servers and the host");
        }

        for (f = families; f->name; f++) {
                if (family && !g_str_equal(family, f->name))
                        continue;
                if (!family)
                        fputc('\n', cli->out.file);
                print_family(cli, verbs, f->name, f->title);
        }

        terminal_printf(&cli->out,
                "\nOptions\n"
                "  -j --json                            Print JSON\n"
                "  -q --quiet                           No headings, no remarks, no progress\n"
                "  -y --yes                             Do not ask before something is lost\n"
                "     --no-ask-password                 Do not ask for passwords\n"
                "  -H --host [USER@]HOST                Run there, by ssh\n"
                "  -h --help                            Show this help; after a verb, that verb's\n"
                "     --version                         Show the version\n");
}
