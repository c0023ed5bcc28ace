/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A change of properties in words, for one line of watch. */

#include "change.h"
#include "dbus/names.h"
#include "format.h"
#include "props.h"

static void add(GString *words, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add(GString *words, const char *format, ...) {
        va_list arguments;

        if (words->len > 0)
                g_string_append(words, ", ");

        va_start(arguments, format);
        g_string_append_vprintf(words, format, arguments);
        va_end(arguments);
}

static void add_state(GString *words, GVariant *all) {
        const char *active = props_string(all, "ActiveState"), *sub = props_string(all, "SubState");

        add(words, "%s (%s)", format_state(active, sub), sub);
}

static void add_layers(GString *words, GVariant *changed) {
        g_autoptr(GVariant) layers = props_value(changed, "LayersInUse", "a(su)");
        GVariantIter iter;
        const char *overlay;
        guint32 version;

        if (g_variant_n_children(layers) == 0)
                add(words, "unmounted");

        g_variant_iter_init(&iter, layers);
        while (g_variant_iter_next(&iter, "(&su)", &overlay, &version))
                add(words, "%s/%u", overlay, version);
}

static void instance_words(GString *words, GVariant *changed, GVariant *all) {
        g_autofree char *overlays = props_joined(changed, "Overlays", " ");

        if (props_has(changed, "ActiveState") || props_has(changed, "SubState"))
                add_state(words, all);
        if (props_uint(changed, "MainPID") > 0)
                add(words, "pid %u", (unsigned) props_uint(changed, "MainPID"));
        if (props_uint(changed, "Restarts") > 0)
                add(words, "restart %u", (unsigned) props_uint(changed, "Restarts"));
        if (props_has(changed, "LastExit")) {
                g_autoptr(GVariant) last = props_value(changed, "LastExit", "(sit)");
                g_autofree char *exit = NULL;
                const char *result;
                gint32 status;

                g_variant_get(last, "(&sit)", &result, &status, NULL);
                exit = format_exit(result, status);
                if (*result)
                        add(words, "last exit: %s", exit);
        }
        if (props_has(changed, "LayersInUse"))
                add_layers(words, changed);
        if (props_has(changed, "UpdatePending"))
                add(words, props_boolean(changed, "UpdatePending") ? "a restart changes the stack"
                                                                   : "the stack is up to date");
        if (props_has(changed, "Port"))
                add(words, "port %u", (unsigned) props_uint(changed, "Port"));
        if (props_has(changed, "Game"))
                add(words, "game %s", props_string(changed, "Game"));
        if (props_has(changed, "Overlays"))
                add(words, *overlays ? "overlays %s" : "no overlays%s", overlays);
        if (props_has(changed, "Autostart"))
                add(words, props_boolean(changed, "Autostart") ? "autostart" : "no autostart");
}

static void overlay_words(GString *words, GVariant *changed) {
        g_autofree char *users = props_joined(changed, "UsedBy", " ");

        if (props_has(changed, "State"))
                add(words, "%s", props_string(changed, "State"));
        if (props_uint(changed, "Current") > 0)
                add(words, "version %u is current", (unsigned) props_uint(changed, "Current"));
        if (props_has(changed, "BuildPending"))
                add(words, props_boolean(changed, "BuildPending") ? "its source has changed"
                                                                  : "built from its source");
        if (props_has(changed, "UsedBy"))
                add(words, *users ? "used by %s" : "used by nobody%s", users);
}

/* Progress alone makes no line: there are four a second. */
static void job_words(GString *words, GVariant *changed) {
        const char *message = props_string(changed, "Message");

        if (props_has(changed, "State"))
                add(words, "%s", props_string(changed, "State"));
        if (*message &&
                !(props_has(changed, "State") && g_str_equal(message, props_string(changed, "State"))))
                add(words, "%s", message);
}

/* Empty when nothing has changed that somebody who watches wants to read. */
char *change_words(const char *interface, GVariant *changed, GVariant *all) {
        GString *words = g_string_new(NULL);

        if (g_str_equal(interface, LEFT4ME_INSTANCE_INTERFACE))
                instance_words(words, changed, all);
        else if (g_str_equal(interface, LEFT4ME_OVERLAY_INTERFACE))
                overlay_words(words, changed);
        else if (g_str_equal(interface, LEFT4ME_JOB_INTERFACE))
                job_words(words, changed);

        return g_string_free(words, FALSE);
}
