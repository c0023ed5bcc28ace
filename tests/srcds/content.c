/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "content.h"
#include "util.h"
#include "vpk-file.h"

#define ADDONLIST_MAX (1U << 20)
#define MISSION_MAX (1U << 20)

/* c2m1 comes before c10m1. */
static int compare_strings(const void *a, const void *b) {
        return strverscmp(*(char *const *) a, *(char *const *) b);
}

void free_strings(char **strings, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(strings[i]);
        free(strings);
}

char **list_directory(const char *path, size_t *ret_n) {
        DIR *d = opendir(path);
        char **names = NULL;
        struct dirent *e;
        size_t n = 0;

        *ret_n = 0;
        if (!d)
                return NULL;
        while ((e = readdir(d))) {
                if (e->d_name[0] == '.')
                        continue;
                names = xrealloc(names, (n + 1) * sizeof(*names));
                names[n++] = xstrdup(e->d_name);
        }
        (void) closedir(d);
        if (n > 0)
                qsort(names, n, sizeof(*names), compare_strings);
        *ret_n = n;
        return names;
}

static void add_map(Content *c, const char *name, size_t len) {
        c->maps = xrealloc(c->maps, (c->n_maps + 1) * sizeof(*c->maps));
        c->maps[c->n_maps++] = xstrndup(name, len);
}

/* The maps and missions of one VPK. */
static int mount_vpk(Content *c, const char *path, Addon *a) {
        g_autoptr(VpkIter) iter = NULL;
        VpkEntry e;
        VpkFile f;
        int r;

        r = vpk_file_open(&f, path);
        if (r < 0)
                return r;
        iter = vpk_iter_new(f.vpk);
        while ((r = vpk_next(iter, &e)) > 0) {
                const char *name = strchr(e.path, '/');

                if (name && strncmp(e.path, "maps/", 5) == 0 && has_suffix(name, ".bsp")) {
                        a->maps++;
                        add_map(c, name + 1, strlen(name + 1) - strlen(".bsp"));
                } else if (name && strncmp(e.path, "missions/", 9) == 0 && has_suffix(name, ".txt")) {
                        g_autoptr(GBytes) text = vpk_file_read(&f, &e, MISSION_MAX);

                        a->missions++;
                        if (text)
                                campaigns_add(
                                        &c->campaigns, g_bytes_get_data(text, NULL), g_bytes_get_size(text));
                }
        }
        g_clear_pointer(&iter, vpk_iter_free);
        vpk_file_close(&f);
        return r;
}

/* addonlist.txt holds  "name.vpk"  "1|0"  lines; an add-on that is not in it yet is enabled. */
static bool addon_enabled(const char *list, const char *file) {
        const char *p = list;
        size_t n = strlen(file);

        while (p && (p = strstr(p, file))) {
                if (p > list && p[-1] == '"' && p[n] == '"') {
                        p += n + 1;
                        p += strspn(p, " \t");
                        return strncmp(p, "\"0\"", 3) != 0;
                }
                p += n;
        }
        return true;
}

static void load_addons(Content *c, const char *game) {
        _cleanup_free_ char *list = NULL;
        char path[PATH_LEN];
        char **names;
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/addonlist.txt", game);
        list = read_file(path, ADDONLIST_MAX, NULL);
        (void) snprintf(path, sizeof(path), "%s/addons", game);
        names = list_directory(path, &n);

        for (size_t i = 0; i < n; i++) {
                Addon a = { 0 };

                if (!has_suffix(names[i], ".vpk"))
                        continue;
                a.file = xstrdup(names[i]);
                a.enabled = addon_enabled(list, a.file);
                if (a.enabled) {
                        size_t known = c->n_maps;

                        (void) snprintf(path, sizeof(path), "%s/addons/%.255s", game, a.file);
                        a.broken = mount_vpk(c, path, &a) < 0;
                        /* A broken one mounts nothing, not half of its maps. */
                        while (a.broken && c->n_maps > known)
                                free(c->maps[--c->n_maps]);
                }
                c->addons = xrealloc(c->addons, (c->n_addons + 1) * sizeof(*c->addons));
                c->addons[c->n_addons++] = a;
        }
        free_strings(names, n);
}

/* The game's own campaigns, and loose files. Their maps lie in maps/. */
static void load_missions(Content *c, const char *game) {
        char path[PATH_LEN];
        Addon none = { 0 };
        char **names;
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/pak01_dir.vpk", game);
        (void) mount_vpk(c, path, &none);
        (void) snprintf(path, sizeof(path), "%s/missions", game);
        names = list_directory(path, &n);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;

                (void) snprintf(path, sizeof(path), "%s/missions/%.255s", game, names[i]);
                text = has_suffix(names[i], ".txt") ? read_file(path, MISSION_MAX, &size) : NULL;
                if (text)
                        campaigns_add(&c->campaigns, text, size);
        }
        free_strings(names, n);
        campaigns_sort(&c->campaigns);
}

static void load_maps(Content *c, const char *game) {
        char path[PATH_LEN];
        char **names;
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/maps", game);
        names = list_directory(path, &n);
        for (size_t i = 0; i < n; i++)
                if (has_suffix(names[i], ".bsp"))
                        add_map(c, names[i], strlen(names[i]) - strlen(".bsp"));
        free_strings(names, n);
}

static void sort_maps(Content *c) {
        size_t n = 0;

        if (c->n_maps == 0)
                return;
        qsort(c->maps, c->n_maps, sizeof(*c->maps), compare_strings);
        for (size_t i = 1; i < c->n_maps; i++)
                if (strcmp(c->maps[n], c->maps[i]) == 0)
                        free(c->maps[i]);
                else
                        c->maps[++n] = c->maps[i];
        c->n_maps = n + 1;
}

static void load_version(Content *c, const char *game) {
        _cleanup_free_ char *inf = NULL;
        char path[PATH_LEN];
        const char *p;

        (void) snprintf(c->version, sizeof(c->version), "unknown");
        (void) snprintf(path, sizeof(path), "%s/steam.inf", game);
        inf = read_file(path, 4096, NULL);
        p = inf ? strstr(inf, "PatchVersion=") : NULL;
        if (!p)
                return;
        p += strlen("PatchVersion=");
        (void) snprintf(c->version, sizeof(c->version), "%.*s", (int) strcspn(p, "\r\n"), p);
}

void content_load(Content *c, const char *game) {
        *c = (Content){ 0 };
        load_version(c, game);
        load_missions(c, game);
        load_addons(c, game);
        load_maps(c, game);
        sort_maps(c);
}

void content_done(Content *c) {
        free_strings(c->maps, c->n_maps);
        campaigns_done(&c->campaigns);
        for (size_t i = 0; i < c->n_addons; i++)
                free(c->addons[i].file);
        free(c->addons);
        *c = (Content){ 0 };
}

static size_t find_map(const Content *c, const char *map) {
        size_t i = 0;

        while (i < c->n_maps && strcasecmp(c->maps[i], map) != 0)
                i++;
        return i;
}

bool content_has_map(const Content *c, const char *map) {
        return find_map(c, map) < c->n_maps;
}

const char *content_next_map(const Content *c, const char *map) {
        const char *next = campaigns_next_map(&c->campaigns, map);
        size_t i = find_map(c, map);

        if (next && content_has_map(c, next))
                return next;
        if (c->n_maps == 0)
                return NULL;
        return c->maps[i + 1 < c->n_maps ? i + 1 : 0];
}

int content_write_addonlist(const Content *c, const char *game) {
        char path[PATH_LEN];
        FILE *f;
        int r;

        (void) snprintf(path, sizeof(path), "%s/addonlist.txt", game);
        f = fopen(path, "we");
        if (!f)
                return -errno;
        (void) fprintf(f, "\"AddonList\"\n{\n");
        for (size_t i = 0; i < c->n_addons; i++)
                (void) fprintf(f, "\t\"%s\"\t\t\"%d\"\n", c->addons[i].file, c->addons[i].enabled);
        (void) fprintf(f, "}\n");
        r = ferror(f) ? -EIO : 0;
        if (fclose(f) != 0 && r == 0)
                r = -errno;
        return r;
}
