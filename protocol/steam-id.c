/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "protocol/scan.h"
#include "protocol/steam-id.h"

#define FIRST 76561197960265728ULL /* universe 1, type individual, instance 1 */

bool steam_id_parse(const char *text, uint64_t *ret) {
        uint64_t universe, low, high, account;

        if (scan_text(&text, "[U:1:")) {
                if (!scan_number(&text, UINT32_MAX, &account) || !scan_text(&text, "]"))
                        return false;
        } else {
                if (!scan_text(&text, "STEAM_") || !scan_number(&text, 9, &universe) ||
                        !scan_text(&text, ":") || !scan_number(&text, 1, &low) || !scan_text(&text, ":") ||
                        !scan_number(&text, INT32_MAX, &high))
                        return false;
                account = high * 2 + low;
        }
        if (*text || account == 0)
                return false;

        *ret = FIRST + account;
        return true;
}

char *steam_id_format(uint64_t id) {
        uint64_t account = id - FIRST;

        if (id <= FIRST || account > UINT32_MAX)
                return NULL;
        return g_strdup_printf("STEAM_1:%u:%u", (unsigned) (account & 1), (unsigned) (account >> 1));
}

bool steam_id_is_known_form(const char *text) {
        static const char *const words[] = { "BOT", "Console", "HLTV", "LOOPBACK", "STEAM_ID_LAN",
                "STEAM_ID_PENDING", "UNKNOWN", NULL };
        uint64_t id;

        return g_strv_contains(words, text) || steam_id_parse(text, &id);
}
