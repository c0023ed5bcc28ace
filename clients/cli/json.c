/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "dbus/names.h"
#include "format.h"
#include "json.h"
#include "text.h"

#define PRESSURE \
        "some_avg10", "some_avg60", "some_avg300", "some_total", "full_avg10", "full_avg60", "full_avg300", \
                "full_total"

/* The members of structures have names in the documentation of the interfaces only. */
static const struct {
        const char *property;
        const char *fields[9];
} structures[] = {
        { "LastExit", { "result", "status", "time" } },
        { "Intents", { "verb", "origin", "asked", "deadline", "announcements", "waits_for" } },
        { "LayersInUse", { "overlay", "version" } },
        { "Items", { "id", "title", "size", "updated", "pinned", "state" } },
        { "Campaigns", { "item", "name", "title", "modes" } },
        { "Versions", { "version", "created", "size", "files", "label" } },
        { "GamePorts", { "first", "last" } },
        { "OpenPorts", { "server", "port", "rcon" } },
        { "Servers", { "server", "packets", "bytes" } },
        { "CPUPressure", { PRESSURE } },
        { "IOPressure", { PRESSURE } },
        { "MemoryPressure", { PRESSURE } },
};

static JsonNode *from_value(const char *property, GVariant *value);

static JsonNode *from_structure(const char *const *fields, GVariant *value) {
        JsonObject *object = json_object_new();
        gsize i;

        for (i = 0; i < g_variant_n_children(value) && fields[i]; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                json_object_set_member(object, fields[i], from_value("", child));
        }

        return json_node_object(object);
}

static JsonNode *from_array(const char *property, GVariant *value) {
        JsonArray *array = json_array_new();
        gsize i;

        for (i = 0; i < g_variant_n_children(value); i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                json_array_add_element(array, from_value(property, child));
        }

        return json_node_array(array);
}

/* The keys are names of things, and stay as they are. */
static JsonNode *from_named(GVariant *value) {
        JsonObject *object = json_object_new();
        GVariantIter iter;
        const char *name;
        GVariant *one;

        g_variant_iter_init(&iter, value);
        while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &name, &one))
                json_object_set_object_member(object, name, json_from_dictionary(one));

        return json_node_object(object);
}

static JsonNode *from_value(const char *property, GVariant *value) {
        unsigned i;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH)) {
                /*
                 * Jobs are the only objects that properties point to; their number is what the verbs take.
                 */
                g_autofree char *number = client_path_name(
                        LEFT4ME_JOB_PREFIX, g_variant_get_string(value, NULL));
                JsonNode *node = json_node_new(JSON_NODE_VALUE);

                json_node_set_int(node, number ? g_ascii_strtoll(number, NULL, 10) : 0);
                return node;
        }

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_TUPLE))
                for (i = 0; i < G_N_ELEMENTS(structures); i++)
                        if (g_str_equal(property, structures[i].property))
                                return from_structure(structures[i].fields, value);

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT))
                return json_node_object(json_from_dictionary(value));
        if (g_variant_is_of_type(value, G_VARIANT_TYPE("a{sa{sv}}")))
                return from_named(value);

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_ARRAY) &&
                !g_variant_is_of_type(value, G_VARIANT_TYPE_DICTIONARY))
                return from_array(property, value);

        return json_gvariant_serialize(value);
}

/* Of an a{sv}. */
JsonObject *json_from_dictionary(GVariant *properties) {
        JsonObject *object = json_object_new();
        GVariantIter iter;
        const char *key;
        GVariant *value;

        g_variant_iter_init(&iter, properties);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
                g_autofree char *snake = format_snake_case(key);

                json_object_set_member(object, snake, from_value(key, value));
        }

        return object;
}

JsonNode *json_node_object(JsonObject *object) {
        JsonNode *node = json_node_new(JSON_NODE_OBJECT);

        json_node_take_object(node, object);
        return node;
}

JsonNode *json_node_array(JsonArray *array) {
        JsonNode *node = json_node_new(JSON_NODE_ARRAY);

        json_node_take_array(node, array);
        return node;
}

/*
 * The generator passes DEL, C1 controls and everything that turns the direction of writing as they are.
 * They can only stand in strings, and there any character may as well be written as \u. (Line feeds of
 * pretty JSON stand outside.)
 */
static char *escape_the_rest(const char *text) {
        GString *escaped = g_string_sized_new(strlen(text));
        const char *p, *next;

        for (p = text; *p; p = next) {
                gunichar c = g_utf8_get_char(p);

                next = text_next(p);
                if (c == '\n' || !text_unsafe(c))
                        g_string_append_len(escaped, p, next - p);
                else if (c < 0x10000)
                        g_string_append_printf(escaped, "\\u%04x", c);
                else
                        g_string_append_printf(escaped, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                0xdc00 + (c & 0x3ff));
        }

        return g_string_free(escaped, FALSE);
}

static void print_node(Cli *cli, JsonNode *node, gboolean pretty) {
        g_autoptr(JsonGenerator) generator = json_generator_new();
        g_autofree char *text = NULL, *escaped = NULL;

        json_generator_set_pretty(generator, pretty);
        json_generator_set_root(generator, node);
        text = json_generator_to_data(generator, NULL);
        escaped = escape_the_rest(text);

        fputs(escaped, cli->out.file);
        fputc('\n', cli->out.file);
        json_node_unref(node);
        cli->json_written = TRUE;
}

/* The one document of a run with --json. Takes the node. */
void json_print(Cli *cli, JsonNode *node) {
        print_node(cli, node, cli->out.tty);
}

/* One of a stream of documents, at once. Takes the node. */
void json_print_line(Cli *cli, JsonNode *node) {
        print_node(cli, node, FALSE);
        fflush(cli->out.file);
}
