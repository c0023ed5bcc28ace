/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/workshop.h"

Workshop *workshop_new(void) {
        Workshop *w = g_new0(Workshop, 1);

        w->ids = g_ptr_array_new_with_free_func(g_free);
        w->pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return w;
}

Workshop *workshop_free(Workshop *w) {
        if (!w)
                return NULL;

        g_ptr_array_unref(w->ids);
        g_hash_table_unref(w->pins);
        workshop_list_free(w->contents);
        workshop_list_free(w->seen);
        g_free(w);
        return NULL;
}

void workshop_read_source(Workshop *w, const char *source) {
        g_auto(GStrv) lines = g_strsplit(source, "\n", -1);

        g_ptr_array_set_size(w->ids, 0);
        g_hash_table_remove_all(w->pins);
        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = g_strsplit(*line, " ", 4);

                if (g_strv_length(words) == 1 && workshop_id_valid(words[0]))
                        g_ptr_array_add(w->ids, g_strdup(words[0]));
                else if (g_strv_length(words) == 3 && g_str_equal(words[0], "pin") &&
                         workshop_id_valid(words[1]) && workshop_revision_valid(words[2]))
                        g_hash_table_replace(w->pins, g_strdup(words[1]), g_strdup(words[2]));
        }
}

static int compare_ids(gconstpointer a, gconstpointer b) {
        return strcmp(a, b);
}

char *workshop_write_source(const Workshop *w) {
        g_autoptr(GList) pinned = g_list_sort(g_hash_table_get_keys(w->pins), compare_ids);
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < w->ids->len; i++)
                g_string_append_printf(text, "%s\n", (const char *) w->ids->pdata[i]);
        /* Pins alone are nothing to be built from. */
        for (GList *l = pinned; l && w->ids->len > 0; l = l->next)
                g_string_append_printf(text, "pin %s %s\n", (const char *) l->data,
                        (const char *) g_hash_table_lookup(w->pins, l->data));
        return g_string_free(text, FALSE);
}

static bool is_newer(const Workshop *w, const WorkshopItem *seen) {
        const WorkshopItem *has = workshop_list_find(w->contents, seen->id);

        return seen->state == WORKSHOP_CURRENT && *seen->upstream != '\0' &&
               !g_hash_table_contains(w->pins, seen->id) &&
               (!has || !g_str_equal(has->revision, seen->upstream));
}

bool workshop_has_update(const Workshop *w) {
        for (guint i = 0; w->seen && i < w->seen->items->len; i++)
                if (is_newer(w, w->seen->items->pdata[i]))
                        return true;

        return false;
}

const char *workshop_item_state(const Workshop *w, const WorkshopItem *item) {
        const WorkshopItem *seen = workshop_list_find(w->seen, item->id);

        if (item->state == WORKSHOP_CURRENT && seen && *seen->upstream != '\0' &&
                !g_str_equal(seen->upstream, item->revision))
                return "outdated";
        return workshop_state_to_string(item->state);
}

char *workshop_summary(const char *details) {
        g_autoptr(WorkshopList) list = NULL;
        unsigned there = 0, missing = 0;

        if (workshop_list_parse(details, strlen(details), &list) < 0)
                return g_strdup("no items");

        for (guint i = 0; i < list->items->len; i++) {
                const WorkshopItem *item = list->items->pdata[i];

                there += item->source != WORKSHOP_FROM_NOWHERE;
                missing += item->source == WORKSHOP_FROM_NOWHERE && item->state != WORKSHOP_COLLECTION;
        }
        return missing == 0 ? g_strdup_printf("%u item%s", there, there == 1 ? "" : "s")
                            : g_strdup_printf("%u item%s, %u of the collections cannot be had", there,
                                      there == 1 ? "" : "s", missing);
}
