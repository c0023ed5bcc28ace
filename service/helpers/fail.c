/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fail.h"

GQuark helper_error_quark(void) {
        return g_quark_from_static_string("left4me-helper-error");
}

int fail(GError **error, int err, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        if (error)
                *error = g_error_new_valist(HELPER_ERROR, err, format, ap);
        va_end(ap);
        return -err;
}

int fail_errno(GError **error, int err, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        return fail(error, err, "%s: %s", text, g_strerror(err));
}

void say(int priority, const char *format, ...) {
        g_autofree char *raw = NULL, *text = NULL;
        va_list ap;

        va_start(ap, format);
        raw = g_strdup_vprintf(format, ap);
        va_end(ap);

        text = g_utf8_make_valid(raw, -1);
        for (char *p = text; *p; p++)
                if (g_ascii_iscntrl(*p))
                        *p = '?';

        (void) fprintf(stderr, "<%d>%s\n", priority, text);
}
