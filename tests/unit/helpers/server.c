/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "beneath.h"
#include "server.h"
#include "unmount.h"

void make_layer(const Fixture *f, const char *layer, unsigned version, const char *tree) {
        g_autofree char *path = fixture_path(f, "overlays/%s/versions/%u", layer, version);

        tree_make(path, tree);
}

void server_make(const Fixture *f) {
        g_autofree char *argv = fixture_path(f, "instances/one/argv");

        make_layer(f, "game", 1, GAME);
        make_layer(f, "maps", 3, "f left4dead2/maps/c1.bsp better\nf left4dead2/maps/c2.bsp two\n");
        fixture_put(f, "instances/one/stack", "maps/3\ngame/1\n");
        fixture_put(f, "instances/one/server.cfg", "generated");
        fixture_put(f, "instances/one/left4me.cfg", "secret");
        g_assert_true(g_file_set_contents(argv, ARGV, sizeof ARGV, NULL));
}

void make_upper(const Fixture *f, const char *tree) {
        g_autofree char *path = fixture_path(f, "uppers/one/upper");

        tree_make(path, tree);
}

void assert_content(const Fixture *f, const char *path, const char *wanted) {
        g_autofree char *content = fixture_get(f, path);

        g_assert_cmpstr(content, ==, wanted);
}

bool merged_is_mounted(const Fixture *f, const char *id) {
        g_autofree char *dir = fixture_path(f, "runtime/%s", id);
        _cleanup_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd >= 0 && is_mounted(fd, "merged") > 0;
}
