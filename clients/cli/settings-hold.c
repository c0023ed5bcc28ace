/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --hold and --let-go: which layers stay at a version. */

#include <string.h>

#include "dbus/names.h"
#include "inventory.h"
#include "props.h"
#include "settings.h"

char *settings_held_words(GVariant *dictionary) {
        g_autoptr(GVariant) held = props_value(dictionary, "Held", "a{su}");
        GString *text = g_string_new(NULL);
        const char *overlay;
        GVariantIter iter;
        guint32 version;

        g_variant_iter_init(&iter, held);
        while (g_variant_iter_next(&iter, "{&su}", &overlay, &version))
                g_string_append_printf(text, "%s%s/%u", text->len > 0 ? "\n" : "", overlay, version);

        return g_string_free(text, FALSE);
}

char *settings_stack_words(GVariant *dictionary) {
        g_autoptr(GVariant) held = props_value(dictionary, "Held", "a{su}");
        g_autofree char *overlays = props_joined(dictionary, "Overlays", " "),
                        *all = g_strjoin(" ", *overlays ? overlays : props_string(dictionary, "Game"),
                                *overlays ? props_string(dictionary, "Game") : NULL, NULL);
        g_auto(GStrv) names = g_strsplit(all, " ", -1);
        guint32 version;

        for (char **name = names; *name; name++)
                if (g_variant_lookup(held, *name, "u", &version)) {
                        char *with = g_strdup_printf("%s/%u", *name, version);

                        g_free(*name);
                        *name = with;
                }

        return g_strjoinv(" ", names);
}

/* The version that a server has mounted; 0 for none. */
static int version_in_use(Cli *cli, const char *path, const char *overlay, guint32 *ret) {
        g_autoptr(GVariant) properties = NULL, layers = NULL;
        g_autoptr(GError) error = NULL;
        const char *name;
        GVariantIter iter;
        guint32 version;

        *ret = 0;
        properties = inventory_get_all(cli, path, LEFT4ME_INSTANCE_INTERFACE, &error);
        if (!properties) {
                g_autofree char *instance = client_path_name(LEFT4ME_INSTANCE_PREFIX, path);

                return cli_error_about(cli, error, LEFT4ME_INSTANCE_PREFIX, instance);
        }

        layers = props_value(properties, "LayersInUse", "a(su)");
        g_variant_iter_init(&iter, layers);
        while (g_variant_iter_next(&iter, "(&su)", &name, &version))
                if (g_str_equal(name, overlay))
                        *ret = version;

        return EXIT_OK;
}

static int current_version(Cli *cli, const char *overlay, guint32 *ret) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GError) error = NULL;

        properties = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!properties)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, overlay);

        *ret = (guint32) props_uint(properties, "Current");
        if (*ret == 0)
                return cli_failed(cli, EXIT_FAILED, "--hold %s: it has no version yet", overlay);

        return EXIT_OK;
}

/* "l4d2=3", or "l4d2" for the version that is in use, else the current one. */
static int parse_hold(
        Cli *cli, const char *word, const char *path, char **ret_overlay, guint32 *ret_version) {
        g_autofree char *overlay = g_strndup(word, strcspn(word, "="));
        const char *number = strchr(word, '=');
        guint64 version;
        int r = EXIT_OK;

        if (number && !g_ascii_string_to_unsigned(number + 1, 10, 1, G_MAXUINT32, &version, NULL))
                return cli_usage(cli, "--hold %s: OVERLAY or OVERLAY=VERSION is wanted", word);

        if (number)
                *ret_version = (guint32) version;
        else if (path)
                r = version_in_use(cli, path, overlay, ret_version);
        else
                *ret_version = 0;
        if (r == EXIT_OK && *ret_version == 0)
                r = current_version(cli, overlay, ret_version);
        if (r == EXIT_OK)
                *ret_overlay = g_steal_pointer(&overlay);

        return r;
}

/* What is held of each overlay that the command line names: 0 for nothing any more. */
static int parse_all(Cli *cli, const Settings *s, const char *path, GVariantDict *dict) {
        int r = EXIT_OK;

        for (char **word = s->hold; word && *word && r == EXIT_OK; word++) {
                g_autofree char *overlay = NULL;
                guint32 version = 0;

                r = parse_hold(cli, *word, path, &overlay, &version);
                if (r == EXIT_OK)
                        g_variant_dict_insert(dict, overlay, "u", version);
        }
        for (char **word = s->let_go; word && *word && r == EXIT_OK; word++)
                if (g_variant_dict_contains(dict, *word))
                        r = cli_usage(cli, "--hold and --let-go of %s at once", *word);
                else
                        g_variant_dict_insert(dict, *word, "u", 0);

        return r;
}

/* Clone takes all that is held, or what the other server holds: with what that has, if only some of it is named. */
static int merge(Cli *cli, const char *path, GVariantDict *dict) {
        g_autoptr(GVariant) have = NULL, held = NULL;
        g_autoptr(GError) error = NULL;
        const char *overlay;
        GVariantIter iter;
        guint32 version;

        have = settings_get(cli, path, &error);
        if (!have)
                return cli_error(cli, error);

        held = props_value(have, "Held", "a{su}");
        g_variant_iter_init(&iter, held);
        while (g_variant_iter_next(&iter, "{&su}", &overlay, &version))
                if (!g_variant_dict_contains(dict, overlay))
                        g_variant_dict_insert(dict, overlay, "u", version);

        return EXIT_OK;
}

static GVariant *to_table(GVariant *versions, gboolean with_zeros) {
        GVariantBuilder builder;
        const char *overlay;
        GVariantIter iter;
        GVariant *value;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a{su}"));
        g_variant_iter_init(&iter, versions);
        while (g_variant_iter_loop(&iter, "{&sv}", &overlay, &value))
                if (with_zeros || g_variant_get_uint32(value) > 0)
                        g_variant_builder_add(&builder, "{su}", overlay, g_variant_get_uint32(value));

        return g_variant_builder_end(&builder);
}

int settings_hold(Cli *cli, const Settings *s, const char *path, gboolean clone, GVariant **settings) {
        g_auto(GVariantDict) versions = { 0 }, dict = { 0 };
        g_autoptr(GVariant) all = NULL;
        int r;

        if (!s->hold && !s->let_go)
                return EXIT_OK;

        g_variant_dict_init(&versions, NULL);
        r = parse_all(cli, s, path, &versions);
        if (r == EXIT_OK && clone)
                r = merge(cli, path, &versions);
        if (r != EXIT_OK)
                return r;

        all = g_variant_ref_sink(g_variant_dict_end(&versions));
        g_variant_dict_init(&dict, *settings);
        g_variant_dict_insert_value(&dict, path && !clone ? "Hold" : "Held", to_table(all, path && !clone));
        g_variant_unref(*settings);
        *settings = g_variant_ref_sink(g_variant_dict_end(&dict));
        return EXIT_OK;
}
