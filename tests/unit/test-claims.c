/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/claims.h"
#include "temporary.h"
#include "tests/unit/protocol/vpk-writer.h"

#define ADDONS "left4dead2/addons/"

static int scan(const Temporary *t, Claims **ret, unsigned *ret_steps) {
        g_autoptr(ClaimScan) s = claim_scan_new(t->fd);
        int r = 0;

        for (*ret_steps = 0; r == 0; ++*ret_steps)
                r = claim_scan_step(s, ret);
        return r;
}

/* "kind key path" a line. */
static void assert_claims(const Temporary *t, const char *expected) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(Claims) claims = NULL;
        unsigned steps;

        g_assert_cmpint(scan(t, &claims, &steps), ==, 1);
        for (unsigned i = 0; i < claims->len; i++) {
                const Claim *c = &g_array_index(claims, Claim, i);

                g_string_append_printf(text, "%s %s %s\n", claim_kind_to_string(c->kind), c->key, c->path);
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void put_vpk(const Temporary *t, const char *name, const VpkFile *files, unsigned cut) {
        g_autoptr(GByteArray) b = vpk_write(1, files);
        g_autofree char *path = temporary_path(t, name), *parent = g_path_get_dirname(path);

        g_assert_no_errno(g_mkdir_with_parents(parent, 0755));
        g_assert_true(g_file_set_contents(path, (const char *) b->data, (gssize) (b->len - cut), NULL));
}

static void test_directories(Temporary *t, gconstpointer data) {
        g_autofree char *dangling = temporary_path(t, "left4dead2/maps/link.bsp");

        assert_claims(t, "");
        temporary_put(t, "left4dead2/maps/C1.bsp", "");
        temporary_put(t, "left4dead2/maps/c1.nav", "");
        temporary_put(t, "left4dead2/maps/graphs/deep.bsp", "");
        temporary_put(t, ADDONS "metamod.vdf", "");
        temporary_put(t, ADDONS "metamod/sourcemod.vdf", "");
        temporary_put(t, ADDONS "sourcemod/plugins/a.smx", "");
        temporary_put(t, ADDONS "sourcemod/plugins/more/b\033.smx", "");
        temporary_put(t, ADDONS "sourcemod/plugins/disabled/c.smx", "");
        temporary_put(t, ADDONS "sourcemod/plugins/a.smx.bak", "");
        temporary_put(t, ADDONS "sourcemod/gamedata/core.games/x.txt", "");
        temporary_put(t, ADDONS "sourcemod/gamedata/readme.md", "");
        temporary_put(t, "left4dead2/cfg/server.cfg", "");
        temporary_put(t, "addons/sourcemod/plugins/elsewhere.smx", "");
        g_assert_no_errno(symlink("C1.bsp", dangling));

        assert_claims(t, "map maps/c1.bsp left4dead2/maps/C1.bsp\n"
                         "plugin " ADDONS "metamod.vdf " ADDONS "metamod.vdf\n"
                         "plugin " ADDONS "metamod/sourcemod.vdf " ADDONS "metamod/sourcemod.vdf\n"
                         "plugin " ADDONS "sourcemod/plugins/a.smx " ADDONS "sourcemod/plugins/a.smx\n"
                         "plugin " ADDONS "sourcemod/plugins/more/b\033.smx " ADDONS
                         "sourcemod/plugins/more/b\\x1b.smx\n"
                         "gamedata " ADDONS "sourcemod/gamedata/core.games/x.txt " ADDONS
                         "sourcemod/gamedata/core.games/x.txt\n");
}

static void test_vpk(Temporary *t, gconstpointer data) {
        static const VpkFile campaign[] = {
                { "txt", " ", "addoninfo", "\"AddonInfo\" { }" },
                { "bsp", "maps", "Deadline01", "VBSP" },
                { "bsp", "maps", "deadline02", "VBSP" },
                { "nav", "maps", "deadline02", "" },
                { "bsp", "custom/maps", "not_one", "" },
                { NULL, NULL, NULL, NULL },
        };
        static const VpkFile one[] = { { "bsp", "maps", "other", "VBSP" }, { NULL, NULL, NULL, NULL } };
        g_autofree char *fifo = temporary_path(t, ADDONS "fifo.vpk");

        put_vpk(t, ADDONS "dead line.vpk", campaign, 0);
        put_vpk(t, ADDONS "workshop/12345.vpk", one, 0);
        /* What is cut off, empty, or none at all claims nothing. */
        put_vpk(t, ADDONS "cut.vpk", one, 8);
        temporary_put(t, ADDONS "empty.vpk", "");
        temporary_put(t, ADDONS "text.vpk", "this is not the archive that you are looking for");
        g_assert_no_errno(mkfifo(fifo, 0644));

        assert_claims(t, "map maps/deadline01.bsp " ADDONS "dead line.vpk:maps/deadline01.bsp\n"
                         "map maps/deadline02.bsp " ADDONS "dead line.vpk:maps/deadline02.bsp\n"
                         "map maps/other.bsp " ADDONS "workshop/12345.vpk:maps/other.bsp\n");

        /* The same map twice in one layer is one claim. */
        temporary_put(t, "left4dead2/maps/other.bsp", "");
        assert_claims(t, "map maps/deadline01.bsp " ADDONS "dead line.vpk:maps/deadline01.bsp\n"
                         "map maps/deadline02.bsp " ADDONS "dead line.vpk:maps/deadline02.bsp\n"
                         "map maps/other.bsp left4dead2/maps/other.bsp\n");
}

static void test_many(Temporary *t, gconstpointer data) {
        g_autoptr(Claims) claims = NULL;
        unsigned steps;

        for (unsigned i = 0; i < CLAIMS_MAX; i++) {
                g_autofree char *name = g_strdup_printf("left4dead2/maps/%05u.bsp", i);

                if (i == 0)
                        temporary_put(t, name, "");
                else
                        g_assert_no_errno(mknodat(t->fd, name, S_IFREG | 0644, 0));
        }

        /* Never all of it in one turn of the loop. */
        g_assert_cmpint(scan(t, &claims, &steps), ==, 1);
        g_assert_cmpuint(claims->len, ==, CLAIMS_MAX);
        g_assert_cmpuint(steps, >, CLAIMS_MAX / 300);

        temporary_put(t, "left4dead2/maps/another.bsp", "");
        g_assert_cmpint(scan(t, &claims, &steps), ==, -E2BIG);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);

        TEMPORARY_ADD("/claims/directories", test_directories);
        TEMPORARY_ADD("/claims/vpk", test_vpk);
        TEMPORARY_ADD("/claims/many", test_many);
        return g_test_run();
}
