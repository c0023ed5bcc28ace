/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper-stack.h"
#include "service/stack.h"
#include "temporary.h"

#define TARGET "/var/lib/left4me/runtime/server-versus-1/merged"
#define LOWER "lowerdir+=/var/lib/left4me/overlays/"

static Stack *stack_of(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        Stack *s = stack_new();

        for (char **l = lines; *l && **l != '\0'; l++) {
                char *slash = strchr(*l, '/');

                g_assert_nonnull(slash);
                *slash = '\0';
                stack_add(s, *l, (uint32_t) g_ascii_strtoull(slash + 1, NULL, 10));
        }
        return s;
}

static void test_render(void) {
        static const char *const cases[] = {
                "",
                "l4d2/1\n",
                "maps/3\nl4d2/4294967295\n",
                "0/1\na-b_c/10\n",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/2\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Stack) s = stack_of(cases[i]);
                g_autofree char *text = stack_render(s);

                g_assert_cmpstr(text, ==, cases[i]);
        }
}

static void test_equal(void) {
        static const char *const stacks[] = { "", "a/1\n", "a/2\n", "b/1\n", "a/1\nb/1\n", "b/1\na/1\n" };

        for (size_t i = 0; i < G_N_ELEMENTS(stacks); i++)
                for (size_t k = 0; k < G_N_ELEMENTS(stacks); k++) {
                        g_autoptr(Stack) a = stack_of(stacks[i]), b = stack_of(stacks[k]);

                        g_assert_cmpint(stack_equal(a, b), ==, i == k);
                }
}

/* 499 layers and the game, with the longest names: the helper that mounts takes what the manager writes. */
static void test_most_layers(void) {
        g_autoptr(GString) options = g_string_new("rw");
        g_autoptr(Stack) s = stack_new(), again = NULL;
        g_autofree char *text = NULL, *read = NULL;

        for (unsigned i = 0; i < 500; i++) {
                g_autofree char *name = g_strdup_printf("%064u", i);

                stack_add(s, name, UINT32_MAX - i);
                g_string_append_printf(options, "," LOWER "%s/versions/%u", name, UINT32_MAX - i);
        }
        g_string_append(options, ",upperdir=/u,workdir=/w,redirect_dir=nofollow,uuid=on,userxattr");

        text = stack_render(s);
        read = helper_stack_read(text);
        g_assert_cmpstr(read, ==, text);

        again = stack_from_mount_options(options->str);
        g_assert_true(stack_equal(again, s));
}

static void test_mount_options(void) {
        static const struct {
                const char *options, *stack;
        } cases[] = {
                { "", "" },
                { "rw", "" },
                { "rw," LOWER "maps/versions/3," LOWER "l4d2/versions/1,upperdir=/x/u,workdir=/x/w,"
                  "redirect_dir=nofollow,uuid=on,userxattr",
                        "maps/3\nl4d2/1\n" },
                { LOWER "l4d2/versions/4294967295", "l4d2/4294967295\n" },
                { "lowerdir+=/tmp/some\\040where/overlays/a/versions/7", "a/7\n" },
                /* Of a build with nothing below it. */
                { "rw,lowerdir+=/var/lib/left4me/builds/7/base", "" },
                /* Nothing that left4me-overlay writes. */
                { "rw,lowerdir=/var/lib/left4me/overlays/maps/versions/3", "" },
                { "rw,upperdir=/var/lib/left4me/overlays/maps/versions/3", "" },
                { "rw,xlowerdir+=/var/lib/left4me/overlays/maps/versions/3", "" },
                { LOWER "maps/versions/0", "" },
                { LOWER "maps/versions/4294967296", "" },
                { LOWER "maps/versions/-1", "" },
                { LOWER "maps/versions/+1", "" },
                { LOWER "maps/versions/ 1", "" },
                { LOWER "maps/versions/1x", "" },
                { LOWER "maps/versions/1/", "" },
                { LOWER "maps/versions/", "" },
                { LOWER "maps/versions", "" },
                { LOWER "maps/Versions/1", "" },
                { LOWER "Maps/versions/1", "" },
                { LOWER "../versions/1", "" },
                { LOWER "/versions/1", "" },
                { LOWER "a\\054b/versions/1", "" },
                { LOWER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/versions/1", "" },
                { "lowerdir+=", "" },
                { "lowerdir+=/", "" },
                { "lowerdir+=versions/1", "" },
                { ",,,=,lowerdir+", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Stack) s = stack_from_mount_options(cases[i].options);
                g_autofree char *text = stack_render(s);

                if (!g_str_equal(text, cases[i].stack))
                        g_error("'%s' gives '%s', not '%s'", cases[i].options, text, cases[i].stack);
        }
}

#define FRONT "199 194 0:60 / "
#define BACK " rw,nosuid,nodev,relatime - overlay left4me "

static const char real[] =
        /* As Linux 6.18 tells it. */
        "22 27 0:21 / /proc rw,relatime shared:12 - proc proc rw\n"
        "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard,resv_strict\n"
        "120 27 0:44 / " TARGET " rw,nosuid,nodev,relatime shared:77 master:3 - overlay left4me rw," LOWER
        "maps/versions/3," LOWER "l4d2/versions/1,upperdir=/var/lib/left4me/uppers/versus-1/upper,"
        "workdir=/var/lib/left4me/uppers/versus-1/work,redirect_dir=nofollow,uuid=on,userxattr\n"
        "121 120 254:0 /var/lib/left4me/instances/versus-1/server.cfg " TARGET "/left4dead2/cfg/server.cfg "
        "ro,nosuid,nodev,noexec,relatime shared:1 - ext4 /dev/vda rw\n"
        "122 27 0:45 / " TARGET "x rw - overlay left4me rw," LOWER "wrong/versions/1\n"
        "123 27 0:46 / /x" TARGET " rw - overlay left4me rw," LOWER "wrong/versions/1\n";

static char *find(const char *mountinfo, const char *target) {
        g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autofree char *text = g_strdup(mountinfo);

        stack_read_mountinfo(text, target, table);
        return g_strdup(g_hash_table_lookup(table, target));
}

static void test_find(void) {
        static const struct {
                const char *mountinfo, *options;
        } cases[] = {
                { "", NULL },
                { "\n\n", NULL },
                { "x\n - \n  -  \n", NULL },
                { FRONT TARGET BACK "rw,a", "rw,a" },
                { FRONT TARGET BACK "rw,a\n", "rw,a" },
                { FRONT TARGET BACK "one\n" FRONT TARGET BACK "two\n", "two" },
                /* No optional fields, and many. */
                { "1 2 0:1 / " TARGET " rw - overlay left4me rw", "rw" },
                { "1 2 0:1 / " TARGET
                  " rw shared:1 master:2 propagate_from:3 unbindable - tmpfs t rw,size=4k",
                        "rw,size=4k" },
                /* A source without a name. */
                { "1 2 0:1 / " TARGET " rw - overlay  rw", "rw" },
                /* Cut short. */
                { FRONT TARGET " rw - overlay left4me", "" },
                { FRONT TARGET " rw - overlay", "" },
                { FRONT TARGET " rw - ", "" },
                { FRONT TARGET " rw", NULL },
                { FRONT TARGET, NULL },
                { TARGET, NULL },
                /* The target's name stands where it means something else. */
                { "1 2 0:1 " TARGET " /x rw - overlay left4me rw", NULL },
                { "1 2 0:1 / /x " TARGET " - overlay left4me rw", NULL },
                { "1 2 0:1 / /x rw - overlay " TARGET " rw", NULL },
                { FRONT TARGET "/ rw - overlay left4me rw", NULL },
                { FRONT TARGET "\\040x rw - overlay left4me rw", NULL },
                { FRONT "/x\\012" FRONT TARGET " rw - overlay left4me rw", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *options = find(cases[i].mountinfo, TARGET);

                if (g_strcmp0(options, cases[i].options) != 0)
                        g_error("'%s' gives '%s', not '%s'", cases[i].mountinfo, options ?: "(nothing)",
                                cases[i].options ?: "(nothing)");
        }
}

static void test_find_real(void) {
        g_autofree char *options = find(real, TARGET), *none = NULL, *text = NULL, *root = NULL;
        g_autoptr(Stack) s = stack_from_mount_options(options);

        text = stack_render(s);
        g_assert_cmpstr(text, ==, "maps/3\nl4d2/1\n");
        none = find(real, "/var/lib/left4me/runtime/server-versus/merged");
        g_assert_null(none);
        root = find(real, "/");
        g_assert_cmpstr(root, ==, "rw,discard,resv_strict");
}

static void assert_text(Stack *s, const char *want) {
        g_autoptr(Stack) owned = s;
        g_autofree char *text = stack_render(owned);

        g_assert_cmpstr(text, ==, want);
}

static void test_from_text(void) {
        assert_text(stack_from_text(""), "");
        assert_text(stack_from_text("maps/3\nl4d2/1\n"), "maps/3\nl4d2/1\n");
        assert_text(stack_from_text("maps/3"), "maps/3\n");
        assert_text(stack_from_text("maps\n/3\nmaps/\nmaps/0\nmaps/-1\nmaps/4294967296\n../1\nA/1\na/1/2\n"
                                    "maps/ 1\n\n\nmaps/4294967295\n"),
                "maps/4294967295\n");
}

/* The layers of all mounts, those of builds and of other roots as well. */
static void test_from_mountinfo(void) {
        assert_text(stack_from_mountinfo(""), "");
        assert_text(
                stack_from_mountinfo(
                        "22 1 0:20 / /proc rw - proc proc rw\n"
                        "30 22 0:41 / /a/runtime/server-x/merged rw - overlay left4me "
                        "rw,lowerdir+=/a/overlays/maps/versions/3,lowerdir+=/a/overlays/l4d2/versions/1,upperdir=/u\n"
                        "31 22 0:42 / /a/runtime/build-7/merged rw shared:1 - overlay left4me "
                        "rw,lowerdir+=/a/overlays/maps/versions/5\n"
                        "32 22 0:43 / /x rw - overlay\n33 22 0:44 / /y rw - overlay other rw,lowerdir=/b\n"),
                "maps/3\nl4d2/1\nmaps/5\n");
}

/* This machine's own, whatever it is. */
static void test_find_own(void) {
        g_autofree char *mountinfo = NULL, *options = NULL;

        g_assert_true(g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, NULL));
        options = find(mountinfo, "/proc");
        g_assert_nonnull(options);
        g_assert_true(g_str_has_prefix(options, "rw") || g_str_has_prefix(options, "ro"));
}

/* An overlay of all layers of s from below root, mounted on target as left4me-overlay does it. */
static bool mount_layers(const Stack *s, const char *root, const char *target) {
        g_autofree char *upper = g_build_filename(root, "upper", NULL),
                        *work = g_build_filename(root, "work", NULL);
        int fs = fsopen("overlay", FSOPEN_CLOEXEC), fd = -1;
        bool good = fs >= 0;

        for (unsigned i = 0; good && i < s->len; i++) {
                const Layer *l = &g_array_index(s, Layer, i);
                g_autofree char *path = g_strdup_printf(
                        "%s/overlays/%s/versions/%u", root, l->overlay, l->version);

                g_assert_no_errno(g_mkdir_with_parents(path, 0755));
                good = fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", path, 0) >= 0;
        }

        g_assert_no_errno(mkdir(upper, 0755));
        g_assert_no_errno(mkdir(work, 0755));
        g_assert_no_errno(mkdir(target, 0755));
        good = good && fsconfig(fs, FSCONFIG_SET_STRING, "source", "left4me", 0) >= 0 &&
               fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) >= 0 &&
               fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper, 0) >= 0 &&
               fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work, 0) >= 0 &&
               fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) >= 0;
        if (good) {
                fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
                good = fd >= 0 && move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) >= 0;
        }

        if (fd >= 0)
                (void) close(fd);
        if (fs >= 0)
                (void) close(fs);
        return good;
}

/* What the kernel tells of as many layers as it takes. */
static void test_kernel(Temporary *t, gconstpointer data) {
        g_autofree char *disk = temporary_path(t, "small"), *target = g_build_filename(disk, "merged", NULL);
        g_autofree char *mountinfo = NULL, *options = NULL;
        g_autoptr(Stack) s = stack_new(), found = NULL;

        if (!temporary_mount_small(t, 16 * 1024 * 1024))
                return;

        for (unsigned i = 0; i < 500; i++) {
                g_autofree char *name = g_strdup_printf("%064u", i);

                stack_add(s, name, UINT32_MAX - i);
        }

        if (mount_layers(s, disk, target)) {
                g_assert_true(g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, NULL));
                options = find(mountinfo, target);
                g_assert_nonnull(options);
                found = stack_from_mount_options(options);
                g_assert_true(stack_equal(found, s));
                g_assert_no_errno(umount2(target, UMOUNT_NOFOLLOW));
        } else
                g_test_skip(
                        "this kernel has no overlayfs with lowerdir+ and userxattr on tmpfs (Linux 6.8)");

        temporary_unmount_small(t);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/stack/render", test_render);
        g_test_add_func("/stack/equal", test_equal);
        g_test_add_func("/stack/most-layers", test_most_layers);
        g_test_add_func("/stack/mount-options", test_mount_options);
        g_test_add_func("/stack/find", test_find);
        g_test_add_func("/stack/find/real", test_find_real);
        g_test_add_func("/stack/find/own", test_find_own);
        g_test_add_func("/stack/from-text", test_from_text);
        g_test_add_func("/stack/from-mountinfo", test_from_mountinfo);
        TEMPORARY_ADD("/stack/kernel", test_kernel);
        return g_test_run();
}
