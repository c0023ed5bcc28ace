/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fail.h"
#include "notes.h"
#include "remove.h"

static const struct {
        const char *name, *taken;
} notes[] = {
        { NOTE_LABEL, "label" },
        { NOTE_NEWEST, "newest" },
};

int notes_take(int build, int upper, GError **error) {
        for (size_t i = 0; i < G_N_ELEMENTS(notes); i++) {
                struct stat st;
                int r;

                if (fstatat(upper, notes[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;

                /* Anything else under that name is nothing that a version should have either. */
                if (S_ISREG(st.st_mode) && st.st_nlink == 1 &&
                        renameat2(upper, notes[i].name, build, notes[i].taken, RENAME_NOREPLACE) >= 0)
                        continue;

                r = remove_tree(upper, notes[i].name);
                if (r < 0)
                        return fail_errno(error, -r, "cannot remove %s", notes[i].name);
        }

        return 0;
}
