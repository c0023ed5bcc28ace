/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <stdlib.h>

#include "cpu-tree.h"

#define CPUS "sys/devices/system/cpu"
#define NODES "sys/devices/system/node"

G_GNUC_PRINTF(3, 4)
static void put(const char *root, const char *content, const char *format, ...) {
        g_autofree char *name = NULL, *path = NULL, *directory = NULL;
        va_list args;

        va_start(args, format);
        name = g_strdup_vprintf(format, args);
        va_end(args);

        path = g_build_filename(root, name, NULL);
        directory = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
        /* Without the fsync() that is the default: there are many. */
        g_assert_true(
                g_file_set_contents_full(path, content, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, NULL));
}

/* The kernel also writes single numbers for ranges where it wants to; a reader takes both. */
static void append(GString *list, const char *cpu) {
        g_string_append_printf(list, "%s%s", list->len > 0 ? "," : "", cpu);
}

static void write_lists(const char *root, GString **nodes, unsigned n_nodes) {
        g_autoptr(GString) online = g_string_new(NULL);

        for (unsigned k = 0; k < n_nodes; k++) {
                g_autofree char *number = g_strdup_printf("%u", k);

                if (nodes[k]->len > 0)
                        append(online, number);
                g_string_append_c(nodes[k], '\n');
                put(root, nodes[k]->str, NODES "/node%u/cpulist", k);
                g_string_free(nodes[k], TRUE);
        }
        g_string_append_c(online, '\n');
        put(root, online->str, NODES "/online");
}

void cpu_tree_write(const char *root, const char *cpus) {
        g_autoptr(GString) present = g_string_new(NULL), online = g_string_new(NULL);
        g_auto(GStrv) words = g_strsplit(cpus, " ", -1);
        GString *nodes[8];

        for (unsigned k = 0; k < G_N_ELEMENTS(nodes); k++)
                nodes[k] = g_string_new(NULL);

        for (char **word = words; *word; word++) {
                g_auto(GStrv) parts = g_strsplit(*word, ":", -1);
                g_autofree char *siblings = NULL;

                append(present, parts[0]);
                if (g_str_equal(parts[1], "offline"))
                        continue;

                append(online, parts[0]);
                append(nodes[atoi(parts[2])], parts[0]);
                siblings = g_strconcat(parts[3], "\n", NULL);
                put(root, parts[1], CPUS "/cpu%s/topology/physical_package_id", parts[0]);
                put(root, siblings, CPUS "/cpu%s/topology/thread_siblings_list", parts[0]);
        }

        g_string_append_c(present, '\n');
        g_string_append_c(online, '\n');
        put(root, present->str, CPUS "/present");
        put(root, online->str, CPUS "/online");
        write_lists(root, nodes, G_N_ELEMENTS(nodes));
}

void cpu_tree_write_plain(const char *root, unsigned n) {
        g_autoptr(GString) cpus = g_string_new(NULL);

        for (unsigned k = 0; k < n; k++)
                g_string_append_printf(cpus, "%s%u:0:0:%u", k > 0 ? " " : "", k, k);
        cpu_tree_write(root, cpus->str);
}
