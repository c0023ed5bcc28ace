/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/workshop.h"

#define HOSTS_MAX 64U

static const char *const states[_WORKSHOP_STATE_MAX] = {
        [WORKSHOP_CURRENT] = "current",
        [WORKSHOP_KEPT] = "kept",
        [WORKSHOP_COLLECTION] = "collection",
        [WORKSHOP_NOT_FOUND] = "not-found",
        [WORKSHOP_PRIVATE] = "private",
        [WORKSHOP_BANNED] = "banned",
        [WORKSHOP_NEEDS_STEAMCMD] = "needs-steamcmd",
        [WORKSHOP_REFUSED] = "refused",
        [WORKSHOP_BROKEN] = "broken",
};

static const char *const sources[_WORKSHOP_SOURCE_MAX] = {
        [WORKSHOP_FROM_NOWHERE] = "-",
        [WORKSHOP_FROM_CACHE] = "cache",
        [WORKSHOP_FROM_BASE] = "base",
};

const char *workshop_state_to_string(WorkshopState state) {
        return state >= 0 && state < _WORKSHOP_STATE_MAX ? states[state] : NULL;
}

WorkshopState workshop_state_from_string(const char *text) {
        for (int i = 0; i < _WORKSHOP_STATE_MAX; i++)
                if (g_str_equal(states[i], text))
                        return (WorkshopState) i;

        return _WORKSHOP_STATE_INVALID;
}

const char *workshop_source_to_string(WorkshopSource source) {
        return source >= 0 && source < _WORKSHOP_SOURCE_MAX ? sources[source] : NULL;
}

WorkshopSource workshop_source_from_string(const char *text) {
        for (int i = 0; i < _WORKSHOP_SOURCE_MAX; i++)
                if (g_str_equal(sources[i], text))
                        return (WorkshopSource) i;

        return _WORKSHOP_SOURCE_INVALID;
}

/* Digits only, and the one way to write the number. */
static bool is_number(const char *text) {
        guint64 n;

        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &n, NULL) &&
               (text[0] != '0' || text[1] == '\0');
}

bool workshop_id_valid(const char *text) {
        return is_number(text) && text[0] != '0';
}

/* "…/filedetails/?searchtext=&id=123#comments" -> "123" */
static char *id_of_query(const char *query) {
        g_autofree char *plain = g_strndup(query, strcspn(query, "#"));
        g_auto(GStrv) parameters = g_strsplit(plain, "&", 64);

        for (char **p = parameters; *p; p++)
                if (g_str_has_prefix(*p, "id="))
                        return g_strdup(*p + strlen("id="));

        return NULL;
}

static const char *skip_prefix(const char *text, const char *prefix) {
        size_t size = strlen(prefix);

        return text && g_ascii_strncasecmp(text, prefix, size) == 0 ? text + size : NULL;
}

static char *id_of_page(const char *url) {
        const char *rest = skip_prefix(url, "https://") ?: skip_prefix(url, "http://") ?: url;

        rest = skip_prefix(rest, "www.") ?: rest;
        rest = skip_prefix(rest, "steamcommunity.com/");
        rest = skip_prefix(rest, "sharedfiles/") ?: skip_prefix(rest, "workshop/");
        rest = skip_prefix(rest, "filedetails");
        rest = skip_prefix(rest, "/?") ?: skip_prefix(rest, "?");
        return rest ? id_of_query(rest) : NULL;
}

int workshop_id_from_text(const char *text, char **ret) {
        g_autofree char *trimmed = g_strstrip(g_strdup(text)), *page = id_of_page(trimmed);
        const char *id = page ?: trimmed;

        if (!workshop_id_valid(id))
                return -EINVAL;

        *ret = g_strdup(id);
        return 0;
}

/* HOST or HOST:PORT. */
static bool host_valid(const char *text) {
        g_auto(GStrv) parts = g_strsplit(text, ":", 3);
        unsigned n = g_strv_length(parts);
        guint64 port;

        if (n < 1 || n > 2 || !g_ascii_isalnum(parts[0][0]) || strlen(parts[0]) > 253)
                return false;
        for (const char *p = parts[0]; *p; p++)
                if (!g_ascii_isalnum(*p) && *p != '.' && *p != '-')
                        return false;

        return n == 1 || g_ascii_string_to_unsigned(parts[1], 10, 1, 65535, &port, NULL);
}

bool workshop_api_valid(const char *text) {
        const char *host = g_str_has_prefix(text, "https://")  ? text + strlen("https://")
                           : g_str_has_prefix(text, "http://") ? text + strlen("http://")
                                                               : "";
        g_autofree char *plain = g_strdup(host);

        if (g_str_has_suffix(plain, "/"))
                plain[strlen(plain) - 1] = '\0';
        return host_valid(plain);
}

bool workshop_hosts_valid(const char *text) {
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        unsigned n = 0;

        for (char **word = words; *word; word++)
                if (**word != '\0' && (!host_valid(*word) || ++n > HOSTS_MAX))
                        return false;

        return n > 0;
}

bool workshop_revision_valid(const char *text) {
        g_auto(GStrv) parts = g_strsplit(text, "-", 3);

        return g_strv_length(parts) == 2 && is_number(parts[0]) && is_number(parts[1]);
}

uint64_t workshop_revision_time(const char *revision) {
        return g_ascii_strtoull(revision, NULL, 10);
}

char *workshop_cache_name(const char *id, const char *revision) {
        return g_strdup_printf("%s-%s" WORKSHOP_FILE_SUFFIX, id, revision);
}

/* Also what would turn the direction of a line, or hide in it. */
static bool is_text(gunichar c) {
        GUnicodeType type = g_unichar_type(c);

        return type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT && type != G_UNICODE_LINE_SEPARATOR &&
               type != G_UNICODE_PARAGRAPH_SEPARATOR && type != G_UNICODE_SURROGATE &&
               type != G_UNICODE_PRIVATE_USE && type != G_UNICODE_UNASSIGNED;
}

char *workshop_text_clean(const char *text, size_t max) {
        g_autofree char *valid = g_utf8_make_valid(text, (gssize) strnlen(text, max * 8));
        g_autoptr(GString) clean = g_string_new(NULL);
        size_t n = 0;

        for (char *p = valid; *p && n < max; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);

                if (g_unichar_isspace(c))
                        c = ' ';
                if (!is_text(c) || (c == ' ' && (n == 0 || clean->str[clean->len - 1] == ' ')))
                        continue;
                g_string_append_unichar(clean, c);
                n++;
        }
        return g_strchomp(g_string_free(g_steal_pointer(&clean), FALSE));
}

static void map_free(gpointer data) {
        WorkshopMap *map = data;

        g_free(map->name);
        g_free(map->title);
        g_free(map);
}

static void mode_free(gpointer data) {
        WorkshopMode *mode = data;

        g_free(mode->name);
        g_ptr_array_unref(mode->maps);
        g_free(mode);
}

void workshop_campaign_free(WorkshopCampaign *campaign) {
        if (!campaign)
                return;

        g_free(campaign->name);
        g_free(campaign->title);
        g_ptr_array_unref(campaign->modes);
        g_free(campaign);
}

void workshop_item_free(WorkshopItem *item) {
        if (!item)
                return;

        g_free(item->id);
        g_free(item->revision);
        g_free(item->upstream);
        g_free(item->title);
        g_ptr_array_unref(item->campaigns);
        g_free(item);
}

void workshop_list_free(WorkshopList *list) {
        if (!list)
                return;

        g_hash_table_unref(list->by_id);
        g_ptr_array_unref(list->items);
        g_free(list);
}

WorkshopList *workshop_list_new(void) {
        WorkshopList *list = g_new(WorkshopList, 1);

        list->items = g_ptr_array_new_with_free_func((GDestroyNotify) workshop_item_free);
        list->by_id = g_hash_table_new(g_str_hash, g_str_equal);
        return list;
}

void workshop_list_add(WorkshopList *list, WorkshopItem *item) {
        g_ptr_array_add(list->items, item);
        g_hash_table_insert(list->by_id, item->id, item);
}

WorkshopItem *workshop_item_new(const char *id) {
        WorkshopItem *item = g_new0(WorkshopItem, 1);

        item->id = g_strdup(id);
        item->revision = g_strdup("");
        item->upstream = g_strdup("");
        item->title = g_strdup("");
        item->campaigns = g_ptr_array_new_with_free_func((GDestroyNotify) workshop_campaign_free);
        return item;
}

WorkshopCampaign *workshop_campaign_new(const char *name, const char *title) {
        WorkshopCampaign *campaign = g_new0(WorkshopCampaign, 1);

        campaign->name = g_strdup(name);
        campaign->title = g_strdup(title);
        campaign->modes = g_ptr_array_new_with_free_func(mode_free);
        return campaign;
}

WorkshopMode *workshop_mode_add(WorkshopCampaign *campaign, const char *name) {
        WorkshopMode *mode = g_new0(WorkshopMode, 1);

        mode->name = g_strdup(name);
        mode->maps = g_ptr_array_new_with_free_func(map_free);
        g_ptr_array_add(campaign->modes, mode);
        return mode;
}

void workshop_map_add(WorkshopMode *mode, const char *name, const char *title) {
        WorkshopMap *map = g_new0(WorkshopMap, 1);

        map->name = g_strdup(name);
        map->title = g_strdup(title);
        g_ptr_array_add(mode->maps, map);
}

WorkshopItem *workshop_list_find(const WorkshopList *list, const char *id) {
        return list ? g_hash_table_lookup(list->by_id, id) : NULL;
}
