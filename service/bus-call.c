/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/file-name.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/util.h"

int bus_begin(Manager *m, sd_bus_message *call, const char *action, const char *verb, const char *what,
        const char *name, Request **ret, sd_bus_error *error) {
        uid_t uid;
        int r;

        r = auth_check(m->auth, call, action, verb, what, name, &uid, error);
        if (r <= 0)
                return r;

        r = request_new(m, call, uid, verb, name, ret, error);
        return r < 0 ? r : 1;
}

int bus_read_name(sd_bus_message *call, const char *what, const char **ret, sd_bus_error *error) {
        int r;

        r = sd_bus_message_read(call, "s", ret);
        if (r < 0)
                return r;

        if (!name_is_valid(*ret))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The name of %s is 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit.",
                        what);

        return 0;
}

bool bus_path_is_valid(const char *path) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);

        if (*path == '\0' || strlen(path) > 1000 || !g_utf8_validate(path, -1, NULL))
                return false;

        for (const char *c = path; *c != '\0'; c++)
                if (g_ascii_iscntrl(*c))
                        return false;

        for (char **part = parts; *part; part++)
                if (**part == '\0' || g_str_equal(*part, ".") || g_str_equal(*part, "..") ||
                        strlen(*part) > 255)
                        return false;

        return true;
}

int bus_unescape_path(const char *text, bool root, char **ret, sd_bus_error *error) {
        *ret = file_path_unescape(text, root);
        if (!*ret)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "A path is relative, such as left4dead2/cfg, without . and ..%s; bytes that are not text are written "
                        "\\xNN.",
                        root ? ", or \"\"" : "");

        return 0;
}
