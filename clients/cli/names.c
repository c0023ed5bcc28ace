/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fnmatch.h>
#include <string.h>

#include "dbus/names.h"
#include "inventory.h"
#include "names.h"

static gboolean is_pattern(const char *word) {
        return strpbrk(word, "*?[") != NULL;
}

static void add_once(GPtrArray *names, const char *name) {
        if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
                g_ptr_array_add(names, g_strdup(name));
}

static int add_matching(Cli *cli, GPtrArray *names, const Inventory *inventory, const char *pattern) {
        gboolean found = FALSE;
        guint i;

        for (i = 0; i < inventory->instances->len; i++) {
                const Object *object = g_ptr_array_index(inventory->instances, i);

                if (pattern && fnmatch(pattern, object->name, 0) != 0)
                        continue;
                add_once(names, object->name);
                found = TRUE;
        }

        if (!found && pattern)
                return cli_failed(cli, EXIT_NO_SUCH, "no server matches '%s'", pattern);

        return EXIT_OK;
}

/*
 * The instances that words name: names as they are, patterns ('versus-*') by what there is, every one with
 * all. Each comes once. The inventory is only needed for patterns and all.
 */
int names_choose(Cli *cli, const Inventory *inventory, char **words, gboolean all, char ***ret_names) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r = EXIT_OK;

        if (all)
                r = add_matching(cli, names, inventory, NULL);

        for (; *words && r == EXIT_OK; words++)
                if (is_pattern(*words))
                        r = add_matching(cli, names, inventory, *words);
                else
                        add_once(names, *words);

        if (r != EXIT_OK)
                return r;

        g_ptr_array_add(names, NULL);
        *ret_names = (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
        return EXIT_OK;
}

/*
 * The same where nothing else of the inventory is wanted: the service is asked for it only if need be, one
 * call less for `start NAME`.
 */
int names_expand(Cli *cli, char **words, gboolean all, char ***ret_names) {
        g_autoptr(Inventory) inventory = NULL;
        g_autoptr(GError) error = NULL;
        gboolean needed = all;
        char **word;

        if (all && *words)
                return cli_usage(cli, "--all and names at once");
        if (!all && !*words)
                return cli_usage(cli, "%s which server? Give names or patterns", cli->verb->name);

        for (word = words; *word; word++)
                needed = needed || is_pattern(*word);

        if (needed) {
                inventory = inventory_load(cli, &error);
                if (!inventory)
                        return cli_error(cli, error);
        }

        return names_choose(cli, inventory, words, all, ret_names);
}

/* The number of a job; its object path is taken, too. */
int names_job(Cli *cli, const char *word, unsigned *ret_number) {
        g_autofree char *name = client_path_name(LEFT4ME_JOB_PREFIX, word);
        guint64 number;

        if (!g_ascii_string_to_unsigned(name ? name : word, 10, 0, G_MAXUINT32, &number, NULL))
                return cli_usage(cli, "'%s' is no number of a job; left4mectl job list shows them", word);

        *ret_number = (unsigned) number;
        return EXIT_OK;
}
