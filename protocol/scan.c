/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "protocol/scan.h"

bool scan_text(const char **p, const char *text) {
        size_t size = strlen(text);

        if (strncmp(*p, text, size) != 0)
                return false;
        *p += size;
        return true;
}

bool scan_number(const char **p, uint64_t max, uint64_t *ret) {
        const char *at = *p;
        uint64_t n = 0;

        if (!g_ascii_isdigit(*at))
                return false;
        for (; g_ascii_isdigit(*at); at++) {
                uint64_t digit = (uint64_t) (*at - '0');

                if (n > (max - digit) / 10 || digit > max)
                        return false;
                n = n * 10 + digit;
        }
        *p = at;
        *ret = n;
        return true;
}

void scan_blanks(const char **p) {
        while (**p == ' ' || **p == '\t')
                (*p)++;
}

bool number_from_text(const char *text, uint64_t max, uint64_t *ret) {
        uint64_t n;

        if (!scan_number(&text, max, &n) || *text)
                return false;
        *ret = n;
        return true;
}

bool is_log_line(const char *line) {
        static const char shape[] = "L 00/00/0000 - 00:00:00: ";

        for (const char *s = shape; *s; s++, line++)
                if (*s == '0' ? !g_ascii_isdigit(*line) : *line != *s)
                        return false;
        return true;
}
