/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "names.h"

bool name_valid(const char *name) {
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

        return n >= 1 && n <= 64 && name[n] == '\0' && name[0] != '_' && name[0] != '-';
}

int number_parse(const char *text, uint32_t *ret) {
        uint64_t value = 0;

        if (*text < '1' || *text > '9')
                return -EINVAL;

        for (; *text; text++) {
                if (!g_ascii_isdigit(*text))
                        return -EINVAL;
                value = value * 10 + (uint64_t) (*text - '0');
                if (value > UINT32_MAX)
                        return -ERANGE;
        }

        *ret = (uint32_t) value;
        return 0;
}

int mount_id_parse(const char *text, MountId *ret) {
        uint32_t number;

        if (g_str_has_prefix(text, "server-") && name_valid(text + 7)) {
                *ret = (MountId){ MOUNT_SERVER, text, text + 7 };
                return 0;
        }
        if (g_str_has_prefix(text, "build-") && number_parse(text + 6, &number) >= 0) {
                *ret = (MountId){ MOUNT_BUILD, text, text + 6 };
                return 0;
        }
        return -EINVAL;
}

bool entry_name_valid(const char *name) {
        size_t n = strlen(name);

        if (n == 0 || n > TREE_NAME_MAX || strchr(name, '/') || strcmp(name, ".") == 0 ||
                strcmp(name, "..") == 0)
                return false;

        for (const char *p = name; *p; p++)
                if (g_ascii_iscntrl(*p))
                        return false;
        return g_utf8_validate(name, (gssize) n, NULL);
}

int path_normalise(const char *path, char **ret) {
        g_autoptr(GString) clean = g_string_new(NULL);
        g_auto(GStrv) parts = NULL;
        unsigned depth = 0;

        if (path[0] == '/')
                return -EXDEV;
        if (strlen(path) > 2 * TREE_PATH_MAX)
                return -ENAMETOOLONG;

        parts = g_strsplit(path, "/", -1);
        for (char **part = parts; *part; part++) {
                if (**part == '\0' || strcmp(*part, ".") == 0)
                        continue;
                if (strcmp(*part, "..") == 0)
                        return -EXDEV;
                if (strlen(*part) > TREE_NAME_MAX || ++depth > TREE_DEPTH_MAX)
                        return -ENAMETOOLONG;
                if (!entry_name_valid(*part))
                        return -EILSEQ;
                if (clean->len > 0)
                        g_string_append_c(clean, '/');
                g_string_append(clean, *part);
        }
        if (clean->len > TREE_PATH_MAX)
                return -ENAMETOOLONG;

        *ret = g_string_free(g_steal_pointer(&clean), FALSE);
        return 0;
}

bool link_stays_inside(const char *target, unsigned depth) {
        g_auto(GStrv) parts = NULL;
        bool named = false;

        if (target[0] == '/' || target[0] == '\0')
                return false;

        parts = g_strsplit(target, "/", -1);
        for (char **part = parts; *part; part++) {
                if (**part == '\0' || strcmp(*part, ".") == 0)
                        continue;
                if (strcmp(*part, "..") != 0) {
                        named = true;
                        continue;
                }
                if (named || depth == 0)
                        return false;
                depth--;
        }
        return true;
}

unsigned path_depth(const char *path) {
        unsigned depth = 0;

        for (; *path; path++)
                depth += *path == '/';
        return depth;
}
