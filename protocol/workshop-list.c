/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/workshop.h"

/* The text of a WorkshopList, written and read. */

#define FIRST_LINE "workshop 1"

static void render_campaign(GString *text, const WorkshopCampaign *campaign) {
        g_string_append_printf(text, "campaign\t%s\t%s\n", campaign->name, campaign->title);
        for (guint i = 0; i < campaign->modes->len; i++) {
                const WorkshopMode *mode = g_ptr_array_index(campaign->modes, i);

                g_string_append_printf(text, "mode\t%s\n", mode->name);
                for (guint k = 0; k < mode->maps->len; k++) {
                        const WorkshopMap *map = g_ptr_array_index(mode->maps, k);

                        g_string_append_printf(text, "map\t%s\t%s\n", map->name, map->title);
                }
        }
}

char *workshop_list_render(const WorkshopList *list) {
        GString *text = g_string_new(FIRST_LINE "\n");

        for (guint i = 0; i < list->items->len; i++) {
                const WorkshopItem *item = g_ptr_array_index(list->items, i);

                g_string_append_printf(text, "item\t%s\t%s\t%s\t%s\t%s\t%" G_GUINT64_FORMAT "\t%s\n",
                        item->id, workshop_state_to_string(item->state),
                        workshop_source_to_string(item->source), item->revision, item->upstream, item->size,
                        item->title);
                for (guint k = 0; k < item->campaigns->len; k++)
                        render_campaign(text, g_ptr_array_index(item->campaigns, k));
        }
        return g_string_free(text, FALSE);
}

typedef struct Reader {
        WorkshopList *list;
        WorkshopItem *item;
        WorkshopCampaign *campaign;
        WorkshopMode *mode;
} Reader;

/* What workshop_text_clean() leaves as it is. */
static bool is_clean(const char *text, size_t max) {
        g_autofree char *clean = workshop_text_clean(text, max);

        return g_str_equal(clean, text);
}

static bool revision_fits(const char *text) {
        return *text == '\0' || workshop_revision_valid(text);
}

static bool item_is_whole(const WorkshopItem *item) {
        bool has_file = item->state == WORKSHOP_CURRENT || item->state == WORKSHOP_KEPT;

        return has_file == (item->source != WORKSHOP_FROM_NOWHERE) && has_file == (*item->revision != '\0');
}

static int read_item(Reader *r, char **fields) {
        WorkshopItem *item;

        if (r->list->items->len == WORKSHOP_ITEMS_MAX)
                return -EMSGSIZE;
        if (g_strv_length(fields) != 8 || !workshop_id_valid(fields[1]) ||
                workshop_list_find(r->list, fields[1]))
                return -EBADMSG;

        item = workshop_item_new(fields[1]);
        workshop_list_add(r->list, item);
        r->item = item;
        r->campaign = NULL;
        r->mode = NULL;

        item->state = workshop_state_from_string(fields[2]);
        item->source = workshop_source_from_string(fields[3]);
        if (item->state < 0 || item->source < 0 || !revision_fits(fields[4]) || !revision_fits(fields[5]) ||
                !g_ascii_string_to_unsigned(fields[6], 10, 0, G_MAXINT64, &item->size, NULL) ||
                !is_clean(fields[7], WORKSHOP_TITLE_MAX))
                return -EBADMSG;

        g_free(item->revision);
        item->revision = g_strdup(fields[4]);
        g_free(item->upstream);
        item->upstream = g_strdup(fields[5]);
        g_free(item->title);
        item->title = g_strdup(fields[7]);
        return item_is_whole(item) ? 0 : -EBADMSG;
}

static int read_campaign(Reader *r, char **fields) {
        if (!r->item || g_strv_length(fields) != 3 || !is_clean(fields[1], WORKSHOP_NAME_MAX) ||
                !is_clean(fields[2], WORKSHOP_TITLE_MAX))
                return -EBADMSG;
        if (r->item->campaigns->len == WORKSHOP_CAMPAIGNS_MAX)
                return -EMSGSIZE;

        r->campaign = workshop_campaign_new(fields[1], fields[2]);
        r->mode = NULL;
        g_ptr_array_add(r->item->campaigns, r->campaign);
        return 0;
}

static int read_mode(Reader *r, char **fields) {
        if (!r->campaign || g_strv_length(fields) != 2 || !is_clean(fields[1], WORKSHOP_NAME_MAX))
                return -EBADMSG;
        if (r->campaign->modes->len == WORKSHOP_MODES_MAX)
                return -EMSGSIZE;

        r->mode = workshop_mode_add(r->campaign, fields[1]);
        return 0;
}

static int read_map(Reader *r, char **fields) {
        if (!r->mode || g_strv_length(fields) != 3 || *fields[1] == '\0' ||
                !is_clean(fields[1], WORKSHOP_NAME_MAX) || !is_clean(fields[2], WORKSHOP_TITLE_MAX))
                return -EBADMSG;
        if (r->mode->maps->len == WORKSHOP_MAPS_MAX)
                return -EMSGSIZE;

        workshop_map_add(r->mode, fields[1], fields[2]);
        return 0;
}

static int read_line(Reader *r, const char *line) {
        static const struct {
                const char *word;
                int (*read)(Reader *r, char **fields);
        } kinds[] = {
                { "item", read_item },
                { "campaign", read_campaign },
                { "mode", read_mode },
                { "map", read_map },
        };
        g_auto(GStrv) fields = g_strsplit(line, "\t", 10);

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (g_strcmp0(fields[0], kinds[i].word) == 0)
                        return kinds[i].read(r, fields);

        return -EBADMSG;
}

int workshop_list_parse(const char *text, size_t size, WorkshopList **ret) {
        g_autoptr(WorkshopList) list = workshop_list_new();
        Reader reader = { .list = list };
        const char *end = text + size, *p = text;
        unsigned n = 0;

        if (size > WORKSHOP_LIST_MAX)
                return -EMSGSIZE;
        if (size == 0 || end[-1] != '\n' || memchr(text, '\0', size))
                return -EBADMSG;

        for (; p < end; n++) {
                const char *stop = memchr(p, '\n', (size_t) (end - p));
                g_autofree char *line = g_strndup(p, (size_t) (stop - p));
                int r = 0;

                if (n > 0)
                        r = read_line(&reader, line);
                else if (!g_str_equal(line, FIRST_LINE))
                        r = -EBADMSG;
                if (r < 0)
                        return r;
                p = stop + 1;
        }

        *ret = g_steal_pointer(&list);
        return 0;
}
