/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes from the Workshop, by way of left4me-workshop: answers of its calls, mission files, and the list that left4med reads. */
#include <string.h>

#include "fuzz.h"
#include "protocol/mission.h"
#include "protocol/workshop.h"
#include "workshop-answers.h"

/* A list that was read is written as it was, and holds nothing that a terminal would mind. */
static void try_list(const char *text, size_t size) {
        g_autoptr(WorkshopList) list = NULL, again = NULL;
        g_autofree char *rendered = NULL;

        if (workshop_list_parse(text, size, &list) < 0)
                return;

        rendered = workshop_list_render(list);
        g_assert_cmpint(workshop_list_parse(rendered, strlen(rendered), &again), ==, 0);
        g_assert_cmpuint(again->items->len, ==, list->items->len);
        g_assert_true(g_utf8_validate(rendered, -1, NULL));
        for (const char *p = rendered; *p; p++)
                g_assert_true(!g_ascii_iscntrl(*p) || *p == '\n' || *p == '\t');
}

/* A campaign that was read fits into a list. */
static void try_mission(const uint8_t *data, size_t size) {
        g_autoptr(WorkshopList) list = workshop_list_new();
        g_autofree char *rendered = NULL, *title = NULL;
        WorkshopItem *item = workshop_item_new("1");
        g_autoptr(WorkshopList) again = NULL;
        g_autoptr(KeyValues) kv = NULL;
        WorkshopCampaign *campaign;

        workshop_list_add(list, item);
        item->state = WORKSHOP_COLLECTION;
        if (keyvalues_parse(data, size, &kv) < 0)
                return;

        title = addon_title(kv);
        g_assert_true(!title || g_utf8_strlen(title, -1) <= (glong) WORKSHOP_TITLE_MAX);
        if (mission_read(kv, &campaign) < 0)
                return;

        g_ptr_array_add(item->campaigns, campaign);
        rendered = workshop_list_render(list);
        g_assert_cmpint(workshop_list_parse(rendered, strlen(rendered), &again), ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autoptr(GPtrArray) collections = NULL, items = NULL;
        g_autofree char *text = g_strndup((const char *) data, size), *id = NULL;

        try_list((const char *) data, size);
        try_mission(data, size);
        (void) answers_read_collections((const char *) data, size, &collections);
        (void) answers_read_items((const char *) data, size, &items);
        if (workshop_id_from_text(text, &id) >= 0)
                g_assert_true(workshop_id_valid(id));
        return 0;
}
