/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What steamcmd prints, line by line and as the answer about an app, and the manifest that it writes. */
#include <string.h>

#include "fuzz.h"
#include "protocol/steamcmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *text = g_malloc(size + 1);
        g_auto(GStrv) lines = NULL;
        SteamManifest m;
        uint64_t build;

        memcpy(text, data, size);
        text[size] = '\0';
        (void) steam_manifest_parse(text, size, &m);
        if (steam_branch_build(text, size, 222860, "public", &build) == 0)
                g_assert_cmpuint(build, >, 0);

        lines = g_strsplit(text, "\n", 1000);
        for (char **l = lines; *l; l++) {
                SteamcmdLine line;

                steamcmd_clean(*l);
                for (const char *p = *l; *p; p++)
                        g_assert_true(*p == '\t' || (guchar) *p >= ' ');
                for (const char *p = *l, *next; (next = steamcmd_next(p)); p = next)
                        g_assert_true(next > p);
                steamcmd_read(*l, &line);
                g_assert_true(line.percent >= -1 && line.percent <= 100);
                g_assert_cmpuint(strlen(line.state), <, sizeof(line.state));
                g_assert_true((line.fault != STEAMCMD_FAULT_NONE) ==
                              (line.event == STEAMCMD_FAILED || line.event == STEAMCMD_ITEM_FAILED));
                g_assert_true((line.item != 0) == (line.event >= STEAMCMD_ITEM_BEGUN));
        }
        return 0;
}
