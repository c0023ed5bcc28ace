/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The machine, drawn: a box for each core, a line in it for each of its threads. Plain letters where the
 * terminal has no others; piped, it is drawn for 80 columns.
 */

#include <string.h>

#include "cpus.h"

#define INNER 27U /* " 127 offline  ******** 100% " without its last blank */
#define BOX (INNER + 3U)
#define BAR 8U
#define COLUMNS_PIPED 80U

typedef struct {
        const char *top_left, *top_right, *bottom_left, *bottom_right, *across, *down, *full, *empty;
} Letters;

static const Letters lines = { "\342\224\214", "\342\224\220", "\342\224\224", "\342\224\230",
        "\342\224\200", "\342\224\202", "\342\226\210", "\342\226\221" };
static const Letters plain = { "+", "+", "+", "+", "-", "|", "#", "." };

static Style style_of_owner(const char *owner) {
        if (g_str_equal(owner, "system"))
                return STYLE_YELLOW;
        if (g_str_equal(owner, "games"))
                return STYLE_GREEN;
        if (g_str_equal(owner, "offline"))
                return STYLE_DIM;

        return g_str_equal(owner, "both") ? STYLE_RED : STYLE_NONE;
}

static void put_times(Cli *cli, const char *letter, unsigned n) {
        while (n-- > 0)
                fputs(letter, cli->out.file);
}

static void put_gap(Cli *cli, gboolean between) {
        if (between)
                fputc(' ', cli->out.file);
}

static void put_edge(Cli *cli, const Letters *l, const char *left, const char *right, const char *title) {
        fputs(left, cli->out.file);
        fputs(l->across, cli->out.file);
        if (*title)
                terminal_put(&cli->out, STYLE_DIM, title);
        put_times(cli, l->across, INNER - 1 - (unsigned) strlen(title));
        fputs(right, cli->out.file);
}

static void put_load(Cli *cli, const Letters *l, const CpuInfo *c) {
        unsigned full = c->load < 0 ? 0 : (unsigned) (c->load * BAR / 100 + 0.5);

        if (c->load < 0) {
                fprintf(cli->out.file, "%*s", (int) BAR + 5, "");
                return;
        }

        put_times(cli, l->full, full);
        put_times(cli, l->empty, BAR - full);
        fprintf(cli->out.file, " %3u%%", (unsigned) (c->load + 0.5));
}

static void put_cpu(Cli *cli, const Letters *l, const CpuInfo *c) {
        g_autofree char *owner = g_strdup_printf("%-7s", c ? c->owner : "");

        fputs(l->down, cli->out.file);
        if (c) {
                fprintf(cli->out.file, "%4u ", c->cpu);
                terminal_put(&cli->out, style_of_owner(c->owner), owner);
                fputc(' ', cli->out.file);
                put_load(cli, l, c);
                fputc(' ', cli->out.file);
        } else
                fprintf(cli->out.file, "%*s", (int) INNER, "");
        fputs(l->down, cli->out.file);
}

/* Some cores beside each other; each is an array of its threads. */
static void put_row(Cli *cli, const Letters *l, GPtrArray *cores, guint from, guint to) {
        guint height = 0, i, k;

        for (i = from; i < to; i++) {
                const GPtrArray *core = g_ptr_array_index(cores, i);
                const CpuInfo *first = g_ptr_array_index(core, 0);
                g_autofree char *title = g_strdup_printf(" core %u ", first->core);

                height = MAX(height, core->len);
                put_gap(cli, i > from);
                put_edge(cli, l, l->top_left, l->top_right, title);
        }
        fputc('\n', cli->out.file);

        for (k = 0; k < height; k++) {
                for (i = from; i < to; i++) {
                        const GPtrArray *core = g_ptr_array_index(cores, i);

                        put_gap(cli, i > from);
                        put_cpu(cli, l, k < core->len ? g_ptr_array_index(core, k) : NULL);
                }
                fputc('\n', cli->out.file);
        }

        for (i = from; i < to; i++) {
                put_gap(cli, i > from);
                put_edge(cli, l, l->bottom_left, l->bottom_right, "");
        }
        fputc('\n', cli->out.file);
}

static void core_free(gpointer core) {
        g_ptr_array_unref(core);
}

/* The cores of a package, each with its threads; those that are offline are cores of their own in a package that is not known. */
static GPtrArray *cores_of(const CpuView *v, uint32_t package) {
        GPtrArray *cores = g_ptr_array_new_with_free_func(core_free), *core;
        guint i, k;

        for (i = 0; i < v->cpus->len; i++) {
                CpuInfo *first = &g_array_index(v->cpus, CpuInfo, i);

                if (first->package != package || first->core != first->cpu)
                        continue;

                core = g_ptr_array_new();
                for (k = i; k < v->cpus->len; k++) {
                        CpuInfo *c = &g_array_index(v->cpus, CpuInfo, k);

                        if (c->core == first->core && c->package == package)
                                g_ptr_array_add(core, c);
                }
                g_ptr_array_add(cores, core);
        }

        return cores;
}

static void print_package(Cli *cli, const CpuView *v, uint32_t package, gboolean only_one) {
        g_autoptr(GPtrArray) cores = cores_of(v, package);
        g_autofree char *title = package == G_MAXUINT32 ? g_strdup("offline")
                                                        : g_strdup_printf("package %u", package);
        const Letters *letters = cli->out.utf8 ? &lines : &plain;
        unsigned columns = terminal_columns(&cli->out);
        guint beside, i;

        beside = MAX((columns == G_MAXINT ? COLUMNS_PIPED : columns) / BOX, 1);
        if (!only_one) {
                terminal_put(&cli->out, STYLE_BOLD, title);
                fputc('\n', cli->out.file);
        }

        for (i = 0; i < cores->len; i += beside)
                put_row(cli, letters, cores, i, MIN(i + beside, cores->len));
}

void cpu_map_print(Cli *cli, const CpuView *v) {
        g_autoptr(GArray) packages = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        guint i, k;

        for (i = 0; i < v->cpus->len; i++) {
                uint32_t package = g_array_index(v->cpus, CpuInfo, i).package;

                for (k = 0; k < packages->len && g_array_index(packages, uint32_t, k) != package;)
                        k++;
                if (k == packages->len)
                        g_array_append_val(packages, package);
        }

        for (i = 0; i < packages->len; i++)
                print_package(cli, v, g_array_index(packages, uint32_t, i), packages->len == 1);
}
