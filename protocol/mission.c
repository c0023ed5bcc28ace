/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/mission.h"

char *mission_map_name(const char *text) {
        g_autofree char *name = g_ascii_strdown(text, -1);

        if (g_str_has_suffix(name, ".bsp"))
                name[strlen(name) - strlen(".bsp")] = '\0';
        if (*name == '\0' || strlen(name) > WORKSHOP_NAME_MAX ||
                name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] != '\0')
                return NULL;

        return g_steal_pointer(&name);
}

/* A value for people to read, or else what stands for it. */
static char *title_of(const KeyValues *kv, const char *key, const char *instead) {
        const char *value = keyvalues_get_value(kv, key);
        g_autofree char *title = value && *value != '#' ? workshop_text_clean(value, WORKSHOP_TITLE_MAX)
                                                        : NULL;

        return title && *title ? g_steal_pointer(&title) : g_strdup(instead);
}

static int compare_chapters(gconstpointer a, gconstpointer b) {
        const KeyValues *const *x = a, *const *y = b;
        guint64 m = g_ascii_strtoull((*x)->key, NULL, 10), n = g_ascii_strtoull((*y)->key, NULL, 10);

        return (m > n) - (m < n);
}

static void read_maps(const KeyValues *kv, WorkshopMode *mode) {
        g_autoptr(GPtrArray) chapters = g_ptr_array_new();

        for (guint i = 0; i < kv->children->len; i++) {
                KeyValues *chapter = g_ptr_array_index(kv->children, i);

                if (chapter->children && g_ascii_isdigit(*chapter->key))
                        g_ptr_array_add(chapters, chapter);
        }
        g_ptr_array_sort(chapters, compare_chapters);

        for (guint i = 0; i < chapters->len && mode->maps->len < WORKSHOP_MAPS_MAX; i++) {
                const KeyValues *chapter = g_ptr_array_index(chapters, i);
                const char *map = keyvalues_get_value(chapter, "Map");
                g_autofree char *name = map ? mission_map_name(map) : NULL, *title = NULL;

                if (!name)
                        continue;
                title = title_of(chapter, "DisplayName", name);
                workshop_map_add(mode, name, title);
        }
}

static void read_modes(const KeyValues *modes, WorkshopCampaign *campaign) {
        for (guint i = 0; i < modes->children->len && campaign->modes->len < WORKSHOP_MODES_MAX; i++) {
                const KeyValues *kv = g_ptr_array_index(modes->children, i);
                g_autofree char *name = workshop_text_clean(kv->key, WORKSHOP_NAME_MAX);
                WorkshopMode *mode;

                if (!kv->children || *name == '\0')
                        continue;

                mode = workshop_mode_add(campaign, name);
                read_maps(kv, mode);
                if (mode->maps->len == 0)
                        g_ptr_array_remove_index(campaign->modes, campaign->modes->len - 1);
        }
}

int mission_read(const KeyValues *file, WorkshopCampaign **ret) {
        const KeyValues *mission = keyvalues_get(file, "mission"), *modes = keyvalues_get(mission, "modes");
        const char *value = keyvalues_get_value(mission, "Name");
        g_autofree char *name = value ? workshop_text_clean(value, WORKSHOP_NAME_MAX) : NULL, *title = NULL;
        g_autoptr(WorkshopCampaign) campaign = NULL;

        if (!name || *name == '\0' || !modes || !modes->children)
                return -EBADMSG;

        title = title_of(mission, "DisplayTitle", name);
        campaign = workshop_campaign_new(name, title);
        read_modes(modes, campaign);
        if (campaign->modes->len == 0)
                return -EBADMSG;

        *ret = g_steal_pointer(&campaign);
        return 0;
}

char *addon_title(const KeyValues *file) {
        const KeyValues *info = keyvalues_get(file, "AddonInfo");

        return title_of(info, "addontitle", NULL);
}
