/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read-campaigns FILE...: the campaigns in VPKs, a line each, read as left4me-workshop reads them. For the benchmark against another reader. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "workshop-vpk.h"

static void print(const WorkshopCampaign *campaign) {
        (void) printf("%s | %s", campaign->name, campaign->title);
        for (guint m = 0; m < campaign->modes->len; m++) {
                const WorkshopMode *mode = campaign->modes->pdata[m];

                (void) printf(" | %s:", mode->name);
                for (guint k = 0; k < mode->maps->len; k++)
                        (void) printf(
                                "%s%s", k > 0 ? "," : "", ((WorkshopMap *) mode->maps->pdata[k])->name);
        }
        (void) printf("\n");
}

static int read_one(const char *path) {
        WorkshopItem *item = workshop_item_new("1");
        g_autoptr(GError) error = NULL;
        int fd, r;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        r = workshop_read_vpk(fd, item, &error);
        if (r < 0)
                (void) fprintf(stderr, "%s: %s\n", path, error->message);
        for (guint i = 0; i < item->campaigns->len; i++)
                print(item->campaigns->pdata[i]);

        (void) close(fd);
        workshop_item_free(item);
        return r;
}

int main(int argc, char *argv[]) {
        for (int i = 1; i < argc; i++)
                if (read_one(argv[i]) < 0)
                        return EXIT_FAILURE;

        return EXIT_SUCCESS;
}
