/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "protocol/mission.h"
#include "protocol/vpk.h"
#include "workshop-vpk.h"

#define TEXTS_MAX 256U /* that are looked at; entries may share their bytes */

static ssize_t read_file(void *userdata, unsigned archive, uint64_t offset, void *buffer, size_t size) {
        const int *fd = userdata;
        ssize_t n;

        /* An addon is one file. */
        if (archive != VPK_ARCHIVE_SELF || offset > INT64_MAX)
                return -EBADMSG;
        do
                n = pread(*fd, buffer, size, (off_t) offset);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

static KeyValues *read_text(int *fd, const VpkEntry *entry) {
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(KeyValues) kv = NULL;

        if (vpk_read(entry, read_file, fd, KEYVALUES_SIZE_MAX, &bytes) < 0 ||
                keyvalues_parse(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &kv) < 0)
                return NULL;

        return g_steal_pointer(&kv);
}

/* "missions/x.txt": x is no path. */
static bool is_directly_in(const char *path, const char *directory, const char *suffix) {
        size_t size = strlen(directory);

        return strncmp(path, directory, size) == 0 && !strchr(path + size, '/') &&
               g_str_has_suffix(path + size, suffix) && strlen(path + size) > strlen(suffix);
}

static void take_mission(int *fd, const VpkEntry *entry, WorkshopItem *item) {
        g_autoptr(KeyValues) kv = NULL;
        g_autoptr(WorkshopCampaign) campaign = NULL;

        if (item->campaigns->len == WORKSHOP_CAMPAIGNS_MAX)
                return;
        kv = read_text(fd, entry);
        if (kv && mission_read(kv, &campaign) >= 0)
                g_ptr_array_add(item->campaigns, g_steal_pointer(&campaign));
}

static void take_title(int *fd, const VpkEntry *entry, WorkshopItem *item) {
        g_autoptr(KeyValues) kv = *item->title == '\0' ? read_text(fd, entry) : NULL;
        char *title = kv ? addon_title(kv) : NULL;

        if (title) {
                g_free(item->title);
                item->title = title;
        }
}

/* Maps that no mission names can be started all the same. */
static void take_maps(WorkshopItem *item, const GPtrArray *maps) {
        WorkshopCampaign *campaign;
        WorkshopMode *mode;

        campaign = workshop_campaign_new("", item->title);
        g_ptr_array_add(item->campaigns, campaign);
        mode = workshop_mode_add(campaign, "");
        for (guint i = 0; i < maps->len; i++)
                workshop_map_add(mode, maps->pdata[i], maps->pdata[i]);
}

static int read_tree(int *fd, const Vpk *vpk, WorkshopItem *item) {
        g_autoptr(GPtrArray) maps = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(VpkIter) iter = vpk_iter_new(vpk);
        unsigned texts = 0;
        VpkEntry entry;
        int r;

        while ((r = vpk_next(iter, &entry)) > 0) {
                char *map;

                if (is_directly_in(entry.path, "missions/", ".txt") && texts++ < TEXTS_MAX)
                        take_mission(fd, &entry, item);
                else if (g_str_equal(entry.path, "addoninfo.txt") && texts++ < TEXTS_MAX)
                        take_title(fd, &entry, item);
                else if (is_directly_in(entry.path, "maps/", ".bsp") && maps->len < WORKSHOP_MAPS_MAX) {
                        map = mission_map_name(entry.path + strlen("maps/"));
                        if (map)
                                g_ptr_array_add(maps, map);
                }
        }
        if (r >= 0 && item->campaigns->len == 0 && maps->len > 0)
                take_maps(item, maps);
        return r;
}

int workshop_read_vpk(int fd, WorkshopItem *item, GError **error) {
        g_autoptr(Vpk) vpk = NULL;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return fail_errno(error, errno, "cannot look at its file");

        item->size = (uint64_t) st.st_size;
        g_ptr_array_set_size(item->campaigns, 0);
        r = vpk_open(read_file, &fd, item->size, &vpk);
        if (r >= 0)
                r = read_tree(&fd, vpk, item);
        if (r < 0 && r != -EIO)
                return fail(error, EBADMSG, "what came is no VPK, or a broken one");
        return r < 0 ? fail_errno(error, -r, "cannot read its file") : 0;
}
