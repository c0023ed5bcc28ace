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

/* Whether st is the link that the version before got, of a server.cfg which this one no longer has. */
static bool is_left_over(int base, const struct stat *st) {
        _cleanup_fd_ int cfg = -1;
        struct stat before;

        cfg = base < 0 ? -1 : beneath_open(base, DIRECTORY, O_RDONLY | O_DIRECTORY);
        return cfg >= 0 && find(cfg, NAME, &before) && before.st_dev == st->st_dev &&
               before.st_ino == st->st_ino;
}

int server_cfg_link(int stage, int base, const char *overlay, GError **error) {
        g_autofree char *link = g_strdup_printf("server_%s.cfg", overlay);
        struct stat cfg_stat, link_stat;
        _cleanup_fd_ int cfg = -1;
        bool linked, wanted;

        cfg = beneath_open(stage, DIRECTORY, O_RDONLY | O_DIRECTORY);
        if (cfg < 0)
                return 0;

        wanted = find(cfg, NAME, &cfg_stat);
        linked = find(cfg, link, &link_stat);
        if (wanted && linked && cfg_stat.st_ino == link_stat.st_ino)
                return 0;

        if (linked && (wanted || is_left_over(base, &link_stat)) && unlinkat(cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot remove %s/%s", DIRECTORY, link);
        if (wanted && linkat(cfg, NAME, cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot link %s/%s as %s", DIRECTORY, NAME, link);
        return 0;
}

/* The directory of the configuration with a server.cfg in it, or -ENOENT. */
static int open_cfg(int version, struct stat *ret_cfg) {
        _cleanup_fd_ int cfg = -1;

        cfg = beneath_open(version, DIRECTORY, O_RDONLY | O_DIRECTORY);
        if (cfg < 0 || !find(cfg, NAME, ret_cfg))
                return -ENOENT;
        return steal_fd(&cfg);
}

int server_cfg_add_name(int version, const char *to, GError **error) {
        g_autofree char *link = g_strdup_printf("server_%s.cfg", to);
        struct stat cfg_stat, link_stat;
        _cleanup_fd_ int cfg = -1;

        cfg = open_cfg(version, &cfg_stat);
        if (cfg < 0)
                return 0;
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

        cfg = open_cfg(version, &cfg_stat);
        if (cfg < 0 || !find(cfg, link, &link_stat) || link_stat.st_ino != cfg_stat.st_ino)
                return 0;
        if (unlinkat(cfg, link, 0) < 0)
                return fail_errno(error, errno, "cannot remove %s/%s", DIRECTORY, link);
        return 0;
}
