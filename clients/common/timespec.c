/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ways to name a moment that journalctl's users know: "10 min ago", "-2h", "@1732244000", "2025-11-22
 * 03:13", "03:13", "today", "yesterday", "now", and ISO 8601. What has no zone is local time.
 */

#include <string.h>

#include "format.h"
#include "timespec.h"

static const struct {
        const char *name;
        uint64_t usec;
} units[] = {
        { "ms", USEC_PER_MSEC },
        { "s", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "seconds", USEC_PER_SEC },
        { "m", USEC_PER_MINUTE },
        { "min", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE },
        { "minutes", USEC_PER_MINUTE },
        { "h", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY },
        { "day", USEC_PER_DAY },
        { "days", USEC_PER_DAY },
        { "w", USEC_PER_WEEK },
        { "week", USEC_PER_WEEK },
        { "weeks", USEC_PER_WEEK },
};

static uint64_t unit_find(const char *name, size_t length) {
        size_t i;

        for (i = 0; i < G_N_ELEMENTS(units); i++)
                if (strlen(units[i].name) == length && g_ascii_strncasecmp(units[i].name, name, length) == 0)
                        return units[i].usec;

        return 0;
}

/* "1h 30min", "90 minutes". */
gboolean timespec_parse_span(const char *p, uint64_t *ret_usec) {
        uint64_t sum = 0;

        do {
                uint64_t number, unit, part;
                size_t letters;
                char *end;

                if (!g_ascii_isdigit(*p))
                        return FALSE;
                number = g_ascii_strtoull(p, &end, 10);
                for (p = end; *p == ' ';)
                        p++;
                for (letters = 0; g_ascii_isalpha(p[letters]);)
                        letters++;

                unit = unit_find(p, letters);
                if (unit == 0 || !g_uint64_checked_mul(&part, number, unit) ||
                        !g_uint64_checked_add(&sum, sum, part))
                        return FALSE;

                for (p += letters; *p == ' ';)
                        p++;
        } while (*p);

        *ret_usec = sum;
        return TRUE;
}

static gboolean parse_relative(const char *text, uint64_t now, uint64_t *ret_usec) {
        g_autofree char *span = NULL;
        uint64_t usec;

        if (*text == '-')
                span = g_strdup(text + 1);
        else if (g_str_has_suffix(text, " ago"))
                span = g_strndup(text, strlen(text) - strlen(" ago"));
        else
                return FALSE;

        if (!timespec_parse_span(g_strstrip(span), &usec))
                return FALSE;

        *ret_usec = usec < now ? now - usec : 0;
        return TRUE;
}

static gboolean parse_epoch(const char *text, uint64_t *ret_usec) {
        guint64 seconds;

        if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64 / USEC_PER_SEC, &seconds, NULL))
                return FALSE;

        *ret_usec = seconds * USEC_PER_SEC;
        return TRUE;
}

/* "2025-11-22", "2025-11-22 03:13", "03:13:22" are made what ISO 8601 wants. */
static gboolean parse_calendar(const char *text, uint64_t now, uint64_t *ret_usec) {
        g_autoptr(GTimeZone) zone = g_time_zone_new_local();
        g_autoptr(GDateTime) today = NULL, time = NULL;
        g_autoptr(GString) iso = g_string_new(text);
        const char *clock;

        if (strlen(text) < strlen("h:m") || !g_ascii_isdigit(text[0]))
                return FALSE;

        today = g_date_time_new_from_unix_local((gint64) (now / USEC_PER_SEC));
        if (text[2] == ':') {
                g_autofree char *date = g_date_time_format(today, "%Y-%m-%dT");
                g_string_prepend(iso, date);
        } else if (strlen(text) == strlen("2025-11-22"))
                g_string_append(iso, "T00:00:00");
        else if (iso->str[strlen("2025-11-22")] == ' ')
                iso->str[strlen("2025-11-22")] = 'T';

        clock = strchr(iso->str, 'T');
        if (clock && strlen(clock) == strlen("T03:13"))
                g_string_append(iso, ":00");

        time = g_date_time_new_from_iso8601(iso->str, zone);
        if (!time || g_date_time_to_unix(time) < 0)
                return FALSE;

        *ret_usec = (uint64_t) g_date_time_to_unix(time) * USEC_PER_SEC;
        return TRUE;
}

static gboolean parse_day(const char *text, uint64_t now, uint64_t *ret_usec) {
        g_autoptr(GDateTime) today = NULL, midnight = NULL, day = NULL;
        int back;

        if (g_str_equal(text, "today"))
                back = 0;
        else if (g_str_equal(text, "yesterday"))
                back = -1;
        else
                return FALSE;

        today = g_date_time_new_from_unix_local((gint64) (now / USEC_PER_SEC));
        midnight = g_date_time_new_local(g_date_time_get_year(today), g_date_time_get_month(today),
                g_date_time_get_day_of_month(today), 0, 0, 0);
        day = g_date_time_add_days(midnight, back);
        *ret_usec = (uint64_t) g_date_time_to_unix(day) * USEC_PER_SEC;
        return TRUE;
}

gboolean timespec_parse(const char *text, uint64_t now, uint64_t *ret_usec) {
        if (g_str_equal(text, "now")) {
                *ret_usec = now;
                return TRUE;
        }

        if (*text == '@')
                return parse_epoch(text + 1, ret_usec);

        return parse_day(text, now, ret_usec) || parse_relative(text, now, ret_usec) ||
               parse_calendar(text, now, ret_usec);
}

gboolean timespec_parse_future(const char *text, uint64_t now, uint64_t *ret_usec) {
        uint64_t usec;

        if (timespec_parse_span(*text == '+' ? text + 1 : text, &usec))
                return g_uint64_checked_add(ret_usec, now, usec) && usec > 0;

        if (!timespec_parse(text, now, &usec))
                return FALSE;

        if (usec <= now && strlen(text) >= strlen("h:m") && text[2] == ':')
                usec += USEC_PER_DAY;

        *ret_usec = usec;
        return usec > now;
}
