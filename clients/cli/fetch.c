/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "common/io.h"
#include "fetch.h"
#include "format.h"
#include "json.h"
#include "text.h"

#define BUFFER_SIZE (64U * 1024U)

static int copy(int from, int to, uint64_t *ret_size) {
        g_autofree char *buffer = g_malloc(BUFFER_SIZE);
        uint64_t size = 0;
        ssize_t n;
        int r;

        while ((n = read(from, buffer, BUFFER_SIZE)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                r = write_all(to, buffer, (size_t) n);
                if (r < 0)
                        return r;
                size += (uint64_t) n;
        }

        *ret_size = size;
        return 0;
}

/* How much of it ends with a whole character. */
static size_t whole_characters(const char *data, size_t size) {
        for (size_t back = 1; back <= 3 && back <= size; back++) {
                unsigned char c = (unsigned char) data[size - back];

                if ((c & 0xc0) == 0xc0)
                        return (size_t) g_utf8_skip[c] > back ? size - back : size;
                if (c < 0x80)
                        break;
        }

        return size;
}

/* Line ends of DOS, which game files often have, are not worth telling. */
static size_t drop_returns(char *data, size_t size) {
        size_t kept = 0;

        for (size_t i = 0; i < size; i++)
                if (data[i] != '\r' || i + 1 == size || data[i + 1] != '\n')
                        data[kept++] = data[i];

        return kept;
}

static int print_text(Cli *cli, int fd) {
        g_autofree char *buffer = g_malloc(BUFFER_SIZE);
        size_t kept = 0;
        ssize_t n;

        while ((n = read(fd, buffer + kept, BUFFER_SIZE - kept)) != 0) {
                g_autofree char *safe = NULL;
                size_t size, whole;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                size = kept + (size_t) n;
                whole = whole_characters(buffer, size);
                safe = text_safe(buffer, (gssize) drop_returns(buffer, whole), TEXT_KEEP_LINES);
                terminal_put(&cli->out, STYLE_NONE, safe);
                kept = size - whole;
                memmove(buffer, buffer + whole, kept);
        }

        return 0;
}

int fetch_print(Cli *cli, int fd) {
        uint64_t size;
        int r;

        fflush(cli->out.file);
        r = isatty(fileno(cli->out.file)) ? print_text(cli, fd) : copy(fd, fileno(cli->out.file), &size);
        if (r < 0)
                return cli_failed(cli, EXIT_FAILED, "cannot copy the file: %s", g_strerror(-r));

        return EXIT_OK;
}

/* A new file beside the target takes its place when it is whole: whoever interrupts this loses nothing. */
static int replace(int fd, const char *target, gboolean force, uint64_t *ret_size) {
        g_autofree char *temporary = g_strconcat(target, ".XXXXXX", NULL);
        mode_t mask = umask(0);
        int to, r;

        (void) umask(mask);
        to = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0666 & ~(int) mask);
        if (to < 0)
                return -errno;

        r = copy(fd, to, ret_size);
        if (close(to) < 0 && r >= 0)
                r = -errno;
        if (r >= 0 && renameat2(AT_FDCWD, temporary, AT_FDCWD, target, force ? 0 : RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r < 0)
                (void) unlink(temporary);

        return r;
}

static int check_target(Cli *cli, const char *target, gboolean *force) {
        g_autofree char *question = NULL;
        struct stat st;
        int r;

        if (*force || lstat(target, &st) < 0)
                return EXIT_OK;

        question = g_strdup_printf("%s is there already, with %" G_GINT64_FORMAT " bytes: overwrite it?",
                target, (gint64) st.st_size);
        r = ask_before_loss(cli, question);
        if (r == EXIT_OK)
                *force = TRUE;

        return r;
}

static void tell_saved(Cli *cli, const char *path, const char *target, uint64_t size) {
        g_autofree char *bytes = format_bytes(size);
        JsonObject *object;

        if (cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "path", path);
                json_object_set_string_member(object, "file", target);
                json_object_set_int_member(object, "size", (gint64) size);
                json_print(cli, json_node_object(object));
        } else if (!cli->quiet)
                terminal_printf(&cli->out, "%s written, %s\n", target, bytes);
}

int fetch_save(Cli *cli, int fd, const char *path, const char *target, gboolean force) {
        g_autofree char *name = g_path_get_basename(path), *full = NULL;
        uint64_t size;
        int r;

        if (g_strcmp0(target, "-") == 0)
                return fetch_print(cli, fd);

        full = !target                                   ? g_strdup(name)
               : g_file_test(target, G_FILE_TEST_IS_DIR) ? g_build_filename(target, name, NULL)
                                                         : g_strdup(target);
        r = check_target(cli, full, &force);
        if (r != EXIT_OK)
                return r;

        r = replace(fd, full, force, &size);
        if (r < 0)
                return cli_failed(cli, EXIT_FAILED, "cannot write %s: %s", full, g_strerror(-r));

        tell_saved(cli, path, full, size);
        return EXIT_OK;
}
