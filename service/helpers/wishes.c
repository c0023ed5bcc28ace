/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "protocol/workshop.h"
#include "wishes.h"

#define WANTED "wanted"
#define TOLD "told"
#define REASON_MAX 200U /* characters */
#define TEXT_MAX (WORKSHOP_ITEMS_MAX * (REASON_MAX * 4U + 32U))

Wish *wish_new(const char *id, const char *revision) {
        Wish *wish = g_new0(Wish, 1);

        wish->id = g_strdup(id);
        wish->revision = g_strdup(revision);
        return wish;
}

void wish_free(Wish *wish) {
        if (!wish)
                return;

        g_free(wish->id);
        g_free(wish->revision);
        g_free(wish->reason);
        g_free(wish);
}

int wishes_write(int overlay, const GPtrArray *wishes, GError **error) {
        g_autoptr(GString) text = g_string_new(NULL);
        _cleanup_fd_ int directory = beneath_make(overlay, WISHES_DIRECTORY, 0755);
        int r = directory;

        for (guint i = 0; i < wishes->len; i++) {
                const Wish *wish = wishes->pdata[i];

                g_string_append_printf(text, "%s %s\n", wish->id, wish->revision);
        }
        if (r >= 0)
                r = beneath_write(directory, WANTED, text->str, text->len, 0644);
        return r < 0 ? fail_errno(error, -r, "cannot write what is wanted of steamcmd") : 0;
}

/* Calls take() with the two parts of each line. */
static int read_lines(
        int directory, const char *name, int (*take)(char *id, char *rest, void *userdata), void *userdata) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        size_t size;
        int r;

        r = beneath_read_from(directory, name, geteuid(), TEXT_MAX, &text, &size);
        if (r < 0)
                return r;
        if (memchr(text, '\0', size))
                return -EBADMSG;

        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                char *blank = strchr(*line, ' ');

                if (**line == '\0')
                        continue;
                if (!blank)
                        return -EBADMSG;
                *blank = '\0';
                if (!workshop_id_valid(*line))
                        return -EBADMSG;
                r = take(*line, blank + 1, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_wish(char *id, char *revision, void *userdata) {
        GPtrArray *wishes = userdata;

        if (!workshop_revision_valid(revision))
                return -EBADMSG;
        if (wishes->len == WORKSHOP_ITEMS_MAX)
                return -E2BIG;

        g_ptr_array_add(wishes, wish_new(id, revision));
        return 0;
}

int wishes_read(int overlay, GPtrArray **ret, int *ret_directory, GError **error) {
        g_autoptr(GPtrArray) wishes = g_ptr_array_new_with_free_func((GDestroyNotify) wish_free);
        _cleanup_fd_ int directory = beneath_open(overlay, WISHES_DIRECTORY, O_RDONLY | O_DIRECTORY);
        int r = directory;

        if (r >= 0)
                r = read_lines(directory, WANTED, take_wish, wishes);
        if (r < 0)
                return fail_errno(error, -r, "cannot read what is wanted of steamcmd");

        *ret = g_steal_pointer(&wishes);
        *ret_directory = steal_fd(&directory);
        return 0;
}

int wishes_answer(int directory, const GPtrArray *wishes, GError **error) {
        g_autoptr(GString) text = g_string_new(NULL);
        int r;

        for (guint i = 0; i < wishes->len; i++) {
                const Wish *wish = wishes->pdata[i];
                g_autofree char *reason = wish->reason ? workshop_text_clean(wish->reason, REASON_MAX)
                                                       : NULL;

                if (reason)
                        g_string_append_printf(text, "%s %s\n", wish->id, reason);
        }

        r = beneath_write(directory, TOLD, text->str, text->len, 0644);
        return r < 0 ? fail_errno(error, -r, "cannot write what steamcmd said") : 0;
}

static int take_reason(char *id, char *reason, void *userdata) {
        g_hash_table_replace(userdata, g_strdup(id), workshop_text_clean(reason, REASON_MAX));
        return 0;
}

int wishes_read_answer(int overlay, GHashTable **ret, GError **error) {
        g_autoptr(GHashTable) reasons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        _cleanup_fd_ int directory = beneath_open(overlay, WISHES_DIRECTORY, O_RDONLY | O_DIRECTORY);
        int r = directory;

        if (r >= 0)
                r = read_lines(directory, TOLD, take_reason, reasons);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fail_errno(error, -r, "cannot read what steamcmd said");

        *ret = g_steal_pointer(&reasons);
        return 1;
}

int wish_open(int overlay, const char *id, const char *revision) {
        g_autofree char *name = workshop_cache_name(id, revision),
                        *path = g_build_filename(WISHES_DIRECTORY, name, NULL);
        _cleanup_fd_ int fd = beneath_open(overlay, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? steal_fd(&fd) : -EPERM;
}
