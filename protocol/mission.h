/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an addon says of itself: `missions/NAME.txt`, which makes a campaign of its maps, and `addoninfo.txt`. Both are KeyValues.
 *
 * Facts: developer.valvesoftware.com/wiki/L4D2_Mission_Files; mission files of published campaigns.
 */
#pragma once

#include "protocol/keyvalues.h"
#include "protocol/workshop.h"

/*
 * The campaign of a mission file, the caller's. A title that is only a token for translation (#L4D360UI_…) gives way to the name, chapters
 * come in the order of their numbers, and maps whose name the console would not take are left out.
 * -EBADMSG: no mission, or one without a name or without any map.
 */
int mission_read(const KeyValues *file, WorkshopCampaign **ret);

/* The name of a map as the console takes it, lower-cased and without ".bsp"; NULL for one that it would not take. The caller's. */
char *mission_map_name(const char *text);

/* The title in an addoninfo.txt, cleaned; NULL for none. The caller's. */
char *addon_title(const KeyValues *file);
