/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "quantity.h"

typedef struct {
        const char *name;
        uint64_t factor;
} Unit;

/* A number, with a fraction perhaps, and one of the units behind it. Exact: "0.1" is a tenth. */
static gboolean parse(const char *text, const Unit *units, uint64_t *ret) {
        uint64_t whole = 0, fraction = 0, scale = 1, value, rest;
        const char *p = text;

        if (!g_ascii_isdigit(*p))
                return FALSE;

        for (; g_ascii_isdigit(*p); p++)
                if (!g_uint64_checked_mul(&whole, whole, 10) ||
                        !g_uint64_checked_add(&whole, whole, (uint64_t) g_ascii_digit_value(*p)))
                        return FALSE;
        if (*p == '.')
                for (p++; g_ascii_isdigit(*p) && scale < 1000000; p++) {
                        fraction = fraction * 10 + (uint64_t) g_ascii_digit_value(*p);
                        scale *= 10;
                }

        for (; units->name; units++)
                if (g_ascii_strcasecmp(p, units->name) == 0)
                        break;
        if (!units->name || !g_uint64_checked_mul(&value, whole, units->factor) ||
                !g_uint64_checked_mul(&rest, fraction, units->factor) ||
                !g_uint64_checked_add(&value, value, rest / scale))
                return FALSE;

        *ret = value;
        return TRUE;
}

gboolean quantity_parse_rate(const char *text, uint64_t *ret) {
        static const Unit units[] = {
                { "", 1 },
                { "bit", 1 },
                { "k", 1000 },
                { "kbit", 1000 },
                { "m", 1000000 },
                { "mbit", 1000000 },
                { "g", 1000000000 },
                { "gbit", 1000000000 },
                { NULL },
        };
        g_autofree char *word = g_str_has_suffix(text, "/s") ? g_strndup(text, strlen(text) - 2)
                                                             : g_strdup(text);

        if (g_str_equal(text, "unlimited")) {
                *ret = 0;
                return TRUE;
        }

        return parse(word, units, ret);
}

gboolean quantity_parse_rtt(const char *text, uint64_t *ret) {
        static const Unit units[] = {
                { "", 1000 },
                { "us", 1 },
                { "ms", 1000 },
                { "s", 1000000 },
                { NULL },
        };
        static const Unit words[] = {
                { "datacentre", 100 },
                { "lan", 1000 },
                { "metro", 10000 },
                { "regional", 30000 },
                { "internet", 100000 },
                { "oceanic", 300000 },
                { "satellite", 1000000 },
                { NULL },
        };

        for (const Unit *w = words; w->name; w++)
                if (g_str_equal(text, w->name)) {
                        *ret = w->factor;
                        return TRUE;
                }

        return parse(text, units, ret);
}

/* As many digits as say something: "1 Gbit/s", "1.5 Gbit/s", "12.25 Mbit/s". */
char *quantity_format_rate(uint64_t bits) {
        static const char *const units[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", NULL };
        g_autofree char *number = NULL;
        uint64_t unit = 1;
        unsigned i = 0;

        if (bits == 0)
                return g_strdup("unlimited");

        for (; units[i + 1] && bits / unit >= 1000; i++)
                unit *= 1000;

        number = g_strdup_printf(
                "%" G_GUINT64_FORMAT ".%03u", bits / unit, (unsigned) (bits % unit * 1000 / unit));
        for (char *end = number + strlen(number) - 1; *end == '0' || *end == '.'; end--) {
                gboolean point = *end == '.';

                *end = '\0';
                if (point)
                        break;
        }

        return g_strdup_printf("%s %s", number, units[i]);
}

char *quantity_format_usec(uint64_t usec) {
        const char *unit = usec < 1000000 ? "ms" : "s";
        uint64_t tenths = usec < 1000000 ? usec / 100 : usec / 100000;

        if (usec < 1000)
                return g_strdup_printf("%uus", (unsigned) usec);
        if (tenths % 10 == 0)
                return g_strdup_printf("%" G_GUINT64_FORMAT "%s", tenths / 10, unit);

        return g_strdup_printf("%" G_GUINT64_FORMAT ".%u%s", tenths / 10, (unsigned) (tenths % 10), unit);
}
