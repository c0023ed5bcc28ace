/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "manifest.h"
#include "workshop.h"

#define TAKEN_NAME "manifest"

int manifest_take(int build, int upper, WorkshopList **ret, GError **error) {
        g_autofree char *text = NULL;
        size_t size;
        int r;

        /* An earlier try may have moved it already. */
        if (renameat2(upper, MANIFEST_NAME, build, TAKEN_NAME, RENAME_NOREPLACE) < 0 && errno != ENOENT &&
                errno != EEXIST)
                return fail_errno(error, errno, "cannot take the manifest");
        r = beneath_read_from(build, TAKEN_NAME, geteuid(), WORKSHOP_LIST_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = workshop_list_parse(text, size, ret);
        return r < 0 ? fail_errno(error, -r, "the manifest of the build is not valid") : 1;
}

/* What is in the cache was written in the sandbox: a version holds contents and nothing else. */
static int check_cached(int cache, const char *name, struct stat *ret) {
        _cleanup_fd_ int fd = -1;

        fd = beneath_open(cache, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;
        if (fstat(fd, ret) < 0)
                return -errno;
        if (!S_ISREG(ret->st_mode) || ret->st_uid != geteuid())
                return -EPERM;
        if ((ret->st_mode & 07777) != 0644 && fchmod(fd, 0644) < 0)
                return -errno;
        return settle_attributes(fd);
}

static int link_cached(
        const WorkshopItem *item, const char *name, int cache, int addons, const Settle *settle) {
        g_autofree char *cached = workshop_cache_name(item->id, item->revision);
        struct stat there, linked;
        int r;

        r = check_cached(cache, cached, &there);
        if (r >= 0)
                r = settle_link_as(settle, cache, cached, addons, name);
        if (r < 0)
                return r;

        /* The same file: but a copy has its own number when there are as many names as one may have. */
        if (fstatat(addons, name, &linked, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return S_ISREG(linked.st_mode) && linked.st_size == there.st_size ? 0 : -ESTALE;
}

static int link_item(const WorkshopItem *item, int cache, int old, int addons, const Settle *settle) {
        g_autofree char *name = g_strconcat(item->id, WORKSHOP_FILE_SUFFIX, NULL);

        if (item->source == WORKSHOP_FROM_CACHE)
                return link_cached(item, name, cache, addons, settle);
        return old < 0 ? -ENOENT : settle_link(settle, old, addons, name);
}

int manifest_link(
        const WorkshopList *list, int cache, int base, int stage, const Settle *settle, GError **error) {
        _cleanup_fd_ int addons = -1, old = -1;

        for (guint i = 0; i < list->items->len; i++) {
                const WorkshopItem *item = list->items->pdata[i];
                int r;

                if (item->source == WORKSHOP_FROM_NOWHERE)
                        continue;
                if (addons < 0) {
                        addons = beneath_make_path(stage, ADDONS_DIRECTORY, 0755);
                        if (addons < 0)
                                return fail_errno(error, -addons, "cannot make " ADDONS_DIRECTORY);
                        old = base < 0 ? -1 : beneath_open(base, ADDONS_DIRECTORY, O_RDONLY | O_DIRECTORY);
                }
                r = link_item(item, cache, old, addons, settle);
                if (r < 0)
                        return fail_errno(error, -r, "cannot link item %s (%s)", item->id, item->title);
        }
        return 0;
}
