/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "server-cfg.h"

#define DIRECTORY "left4dead2/cfg"
#define NAME "server.cfg"

static bool find(int dirfd, const char *name, struct stat *ret) {
        return fstatat(dirfd, name, ret, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISREG(ret->st_mode);
}

/* The directory of the configuration; -ENOENT if the tree has none. Any other error must not pass for that: a version would be made
 * without its link. */
static int open_directory(int tree, GError **error) {
        int fd;

        fd = beneath_open(tree, DIRECTORY, O_RDONLY | O_DIRECTORY);
        if (fd == -ENOTDIR || fd == -ELOOP)
                return -ENOENT;
        return fd < 0 && fd != -ENOENT ? fail_errno(error, -fd, "cannot open %s", DIRECTORY) : fd;
}

/* Whether st is the link that the version before got, of a server.cfg which this one no longer has. */
static int is_left_over(int base, const struct stat *st, GError **error) {
        _cleanup_fd_ int cfg = -1;
        struct stat before;

        cfg = base < 0 ? -ENOENT : open_directory(base, error);
        if (cfg < 0)
                return cfg == -ENOENT ? 0 : cfg;
        return find(cfg, NAME, &before) && before.st_dev == st->st_dev && before.st_ino == st->st_ino;
}

int server_cfg_link(int stage, int base, const char *overlay, GError **error) {
        g_autofree char *link = g_strdup_printf("server_%s.cfg", overlay);
        struct stat cfg_stat, link_stat;
        _cleanup_fd_ int cfg = -1;
        bool linked, wanted;
        int left_over;

        cfg = open_directory(stage, error);
        if (cfg < 0)
                return cfg == -ENOENT ? 0 : cfg;

        wanted = find(cfg, NAME, &cfg_stat);
        linked = find(cfg, link, &link_stat);
        if (wanted && linked && cfg_stat.st_ino == link_stat.st_ino)
                return 0;

        left_over = linked && !wanted ? is_left_over(base, &link_stat, error) : linked;
        if (left_over < 0)
                return left_over;
        if (left_over && unlinkat(cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot remove %s/%s", DIRECTORY, link);
        if (wanted && linkat(cfg, NAME, cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot link %s/%s as %s", DIRECTORY, NAME, link);
        return 0;
}

/* The directory of the configuration with a server.cfg in it, or -ENOENT. */
static int open_cfg(int version, struct stat *ret_cfg, GError **error) {
        _cleanup_fd_ int cfg = -1;

        cfg = open_directory(version, error);
        if (cfg < 0)
                return cfg;
        return find(cfg, NAME, ret_cfg) ? steal_fd(&cfg) : -ENOENT;
}

int server_cfg_add_name(int version, const char *to, GError **error) {
        g_autofree char *link = g_strdup_printf("server_%s.cfg", to);
        struct stat cfg_stat, link_stat;
        _cleanup_fd_ int cfg = -1;

        cfg = open_cfg(version, &cfg_stat, error);
        if (cfg < 0)
                return cfg == -ENOENT ? 0 : cfg;
        if (find(cfg, link, &link_stat)) {
                if (link_stat.st_ino == cfg_stat.st_ino)
                        return 0;
                if (unlinkat(cfg, link, 0) < 0)
                        return fail_errno(error, errno, "cannot remove %s/%s", DIRECTORY, link);
        }
        if (linkat(cfg, NAME, cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot link %s/%s as %s", DIRECTORY, NAME, link);
        return 0;
}

int server_cfg_drop_name(int version, const char *from, GError **error) {
        g_autofree char *link = g_strdup_printf("server_%s.cfg", from);
        struct stat cfg_stat, link_stat;
        _cleanup_fd_ int cfg = -1;

        cfg = open_cfg(version, &cfg_stat, error);
        if (cfg < 0)
                return cfg == -ENOENT ? 0 : cfg;
        if (!find(cfg, link, &link_stat) || link_stat.st_ino != cfg_stat.st_ino)
                return 0;
        if (unlinkat(cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot remove %s/%s", DIRECTORY, link);
        return 0;
}
