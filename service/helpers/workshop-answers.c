/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "protocol/workshop.h"
#include "workshop-answers.h"

#define DEPTH_MAX 32U

static void collection_free(gpointer data) {
        CollectionAnswer *a = data;

        g_free(a->id);
        g_ptr_array_unref(a->children);
        g_hash_table_unref(a->nested);
        g_free(a);
}

static void item_free(gpointer data) {
        ItemAnswer *a = data;

        g_free(a->id);
        g_free(a->title);
        g_free(a->url);
        g_free(a);
}

/* The parser of json-glib calls itself for each level. It also takes more than JSON, comments for one, in which a bracket or a quote would
 * not count: only what JSON has outside of strings passes. */
static bool is_plain_and_flat(const char *text, size_t size) {
        unsigned depth = 0;
        bool quoted = false;

        for (size_t i = 0; i < size; i++) {
                if (quoted && text[i] == '\\')
                        i++;
                else if (text[i] == '"')
                        quoted = !quoted;
                else if (quoted)
                        continue;
                else if (text[i] == '[' || text[i] == '{') {
                        if (++depth > DEPTH_MAX)
                                return false;
                } else if (text[i] == ']' || text[i] == '}')
                        depth -= depth > 0;
                else if (!g_ascii_isalnum(text[i]) && !g_ascii_isspace(text[i]) && !strchr(":,+-.", text[i]))
                        return false;
        }
        return true;
}

static JsonNode *member(JsonObject *object, const char *name, JsonNodeType type) {
        JsonNode *node = object ? json_object_get_member(object, name) : NULL;

        return node && json_node_get_node_type(node) == type ? node : NULL;
}

static JsonObject *get_object(JsonObject *object, const char *name) {
        JsonNode *node = member(object, name, JSON_NODE_OBJECT);

        return node ? json_node_get_object(node) : NULL;
}

static JsonArray *get_array(JsonObject *object, const char *name) {
        JsonNode *node = member(object, name, JSON_NODE_ARRAY);

        return node ? json_node_get_array(node) : NULL;
}

static const char *get_text(JsonObject *object, const char *name) {
        JsonNode *node = member(object, name, JSON_NODE_VALUE);

        return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

/* Numbers have come as both. 0 for what is neither, or less than nothing. */
static uint64_t get_number(JsonObject *object, const char *name) {
        JsonNode *node = member(object, name, JSON_NODE_VALUE);
        guint64 n = 0;

        if (!node)
                return 0;
        if (json_node_get_value_type(node) == G_TYPE_STRING)
                return g_ascii_string_to_unsigned(json_node_get_string(node), 10, 0, G_MAXINT64, &n, NULL)
                               ? n
                               : 0;
        return json_node_get_value_type(node) == G_TYPE_INT64 ? (uint64_t) MAX(json_node_get_int(node), 0)
                                                              : 0;
}

/* An id is text; as a number, it would have lost its last digits elsewhere already. NULL for none. */
static char *get_id(JsonObject *object) {
        const char *text = get_text(object, "publishedfileid");
        g_autofree char *number = NULL;

        if (*text == '\0') {
                number = g_strdup_printf("%" G_GUINT64_FORMAT, get_number(object, "publishedfileid"));
                text = number;
        }
        return workshop_id_valid(text) ? g_strdup(text) : NULL;
}

static int compare_order(gconstpointer a, gconstpointer b) {
        JsonObject *const *x = a, *const *y = b;
        uint64_t m = get_number(*x, "sortorder"), n = get_number(*y, "sortorder");

        return (m > n) - (m < n);
}

static void *read_collection(JsonObject *object, char *id) {
        JsonArray *children = get_array(object, "children");
        CollectionAnswer *a = g_new0(CollectionAnswer, 1);
        g_autoptr(GPtrArray) sorted = g_ptr_array_new();

        a->id = id;
        a->result = get_number(object, "result");
        a->children = g_ptr_array_new_with_free_func(g_free);
        a->nested = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; children && i < json_array_get_length(children); i++) {
                JsonNode *node = json_array_get_element(children, i);

                if (JSON_NODE_HOLDS_OBJECT(node))
                        g_ptr_array_add(sorted, json_node_get_object(node));
        }
        g_ptr_array_sort(sorted, compare_order);

        for (guint i = 0; i < sorted->len; i++) {
                char *child = get_id(sorted->pdata[i]);

                if (!child)
                        continue;
                g_ptr_array_add(a->children, child);
                if (get_number(sorted->pdata[i], "filetype") == 2)
                        g_hash_table_add(a->nested, child);
        }
        return a;
}

/* The address of an item that Steam only gives to its own client has become that of its picture. */
static bool is_image(JsonObject *object, const char *url) {
        const char *preview = get_text(object, "preview_url"), *content = get_text(object, "hcontent_file"),
                   *host = strstr(url, "://");

        return g_str_equal(url, preview) || (host && g_str_has_prefix(host + 3, "images.")) ||
               (*content && g_str_equal(content, get_text(object, "hcontent_preview")));
}

static void *read_item(JsonObject *object, char *id) {
        ItemAnswer *a = g_new0(ItemAnswer, 1);

        a->id = id;
        a->result = get_number(object, "result");
        a->app = get_number(object, "consumer_app_id");
        a->size = get_number(object, "file_size");
        a->updated = get_number(object, "time_updated");
        a->banned = get_number(object, "banned") != 0;
        a->title = workshop_text_clean(get_text(object, "title"), WORKSHOP_TITLE_MAX);
        a->url = g_strdup(get_text(object, "file_url"));
        a->has_image = *a->url != '\0' && is_image(object, a->url);
        return a;
}

static int read_answers(const char *text, size_t size, const char *list, GDestroyNotify free_one,
        void *(*read)(JsonObject *object, char *id), GPtrArray **ret) {
        g_autoptr(GPtrArray) answers = g_ptr_array_new_with_free_func(free_one);
        g_autoptr(JsonParser) parser = json_parser_new_immutable();
        JsonObject *response = NULL;
        JsonArray *array;
        JsonNode *root;

        if (size > ANSWER_SIZE_MAX)
                return -EMSGSIZE;
        if (!is_plain_and_flat(text, size) || !g_utf8_validate(text, (gssize) size, NULL) ||
                !json_parser_load_from_data(parser, text, (gssize) size, NULL))
                return -EBADMSG;

        root = json_parser_get_root(parser);
        if (root && JSON_NODE_HOLDS_OBJECT(root))
                response = get_object(json_node_get_object(root), "response");
        array = get_array(response, list);
        if (!array)
                return -EBADMSG;

        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonNode *node = json_array_get_element(array, i);
                char *id = JSON_NODE_HOLDS_OBJECT(node) ? get_id(json_node_get_object(node)) : NULL;

                if (id)
                        g_ptr_array_add(answers, read(json_node_get_object(node), id));
        }

        *ret = g_steal_pointer(&answers);
        return 0;
}

int answers_read_collections(const char *text, size_t size, GPtrArray **ret) {
        return read_answers(text, size, "collectiondetails", collection_free, read_collection, ret);
}

int answers_read_items(const char *text, size_t size, GPtrArray **ret) {
        return read_answers(text, size, "publishedfiledetails", item_free, read_item, ret);
}
