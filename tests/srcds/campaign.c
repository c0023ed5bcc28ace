/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "campaign.h"
#include "protocol/keyvalues.h"
#include "util.h"

#define CHAPTERS_MAX 100

/* "modes" { "coop" { "1" { "Map" "c1m1_hotel" } "2" ... */
static void add_chapters(Campaign *c, const KeyValues *coop) {
        for (unsigned i = 1; i <= CHAPTERS_MAX; i++) {
                char number[16];
                const char *map;

                (void) snprintf(number, sizeof(number), "%u", i);
                map = keyvalues_get_value(keyvalues_get(coop, number), "Map");
                if (!map)
                        return;
                c->maps = xrealloc(c->maps, (c->n + 1) * sizeof(*c->maps));
                c->maps[c->n++] = xstrdup(map);
        }
}

void campaigns_add(Campaigns *c, const void *text, size_t size) {
        g_autoptr(KeyValues) kv = NULL;
        const KeyValues *mission;
        Campaign campaign = { 0 };
        const char *name;

        if (keyvalues_parse(text, size, &kv) < 0)
                return;
        mission = keyvalues_get(kv, "mission");
        add_chapters(&campaign, keyvalues_get(keyvalues_get(mission, "modes"), "coop"));
        if (campaign.n == 0)
                return;
        name = keyvalues_get_value(mission, "Name");
        campaign.name = xstrdup(name ? name : "");
        c->campaigns = xrealloc(c->campaigns, (c->n + 1) * sizeof(*c->campaigns));
        c->campaigns[c->n++] = campaign;
}

static int compare_campaigns(const void *a, const void *b) {
        return strverscmp(((const Campaign *) a)->maps[0], ((const Campaign *) b)->maps[0]);
}

void campaigns_sort(Campaigns *c) {
        if (c->n > 0)
                qsort(c->campaigns, c->n, sizeof(*c->campaigns), compare_campaigns);
}

void campaigns_done(Campaigns *c) {
        for (size_t i = 0; i < c->n; i++) {
                for (size_t j = 0; j < c->campaigns[i].n; j++)
                        free(c->campaigns[i].maps[j]);
                free(c->campaigns[i].maps);
                free(c->campaigns[i].name);
        }
        free(c->campaigns);
        *c = (Campaigns){ 0 };
}

const char *campaigns_next_map(const Campaigns *c, const char *map) {
        for (size_t i = 0; i < c->n; i++)
                for (size_t j = 0; j < c->campaigns[i].n; j++)
                        if (strcasecmp(c->campaigns[i].maps[j], map) == 0)
                                return j + 1 < c->campaigns[i].n ? c->campaigns[i].maps[j + 1]
                                                                 : c->campaigns[(i + 1) % c->n].maps[0];
        return NULL;
}
