/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/helpers/overlay.h"
#include "service/helpers/tree.h"

/* ---- what units do ---- */

static void make_below(Fixture *f, const char *path) {
        g_autofree char *full = fixture_path(f, path);

        g_assert_cmpint(g_mkdir_with_parents(full, 0750), ==, 0);
}

static int open_directory(Fixture *f, const char *path) {
        g_autofree char *full = fixture_path(f, path);
        int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static void open_roots(Fixture *f, Roots *roots) {
        roots->state = open_directory(f, "var/lib/left4me");
        roots->run = open_directory(f, "run/left4me");
        roots->state_path = fixture_path(f, "var/lib/left4me");
}

static void finish_as(SystemdUnit *u, int r, const GError *error) {
        if (r >= 0) {
                systemd_finish(u, (SystemdOutcome){ NULL, 0, 0, false });
                return;
        }

        g_test_message("%s", error->message);
        systemd_finish(u, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
}

static bool perform_mount(SystemdUnit *u, SystemdStep step, const char *id, void *data) {
        g_auto(Roots) roots = ROOTS_INIT;
        g_autoptr(GError) error = NULL;
        int r;

        open_roots(data, &roots);
        r = step == SYSTEMD_START ? overlay_mount(&roots, id, &error) : overlay_unmount(&roots, id, &error);
        finish_as(u, r, error);
        return true;
}

static bool perform_directories(SystemdUnit *u, SystemdStep step, const char *id, void *data) {
        static const char *const parts[] = { "upper", "work", "base" };
        bool build = g_str_has_prefix(id, "build-");
        const char *name = strchr(id, '-') + 1;
        Fixture *f = data;

        if (step == SYSTEMD_STOP)
                return false;

        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
                g_autofree char *path = g_build_filename(
                        "var/lib/left4me", build ? "builds" : "uppers", name, parts[i], NULL);

                if (build || !g_str_equal(parts[i], "base"))
                        make_below(f, path);
        }
        finish_as(u, 0, NULL);
        return true;
}

static bool perform_tree(SystemdUnit *u, SystemdStep step, const char *id, void *data) {
        g_auto(Roots) roots = ROOTS_INIT;
        g_autoptr(GError) error = NULL;
        int r;

        if (step == SYSTEMD_STOP)
                return false;

        open_roots(data, &roots);
        r = tree_run(&roots, id, &error);
        finish_as(u, r, error);
        return true;
}

void world_in_child(gpointer data) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) setpgid(0, 0);
}

static bool perform_build(SystemdUnit *u, SystemdStep step, const char *id, void *data) {
        Fixture *f = data;
        g_autofree char *upper = g_build_filename("var/lib/left4me/builds", id, "upper", NULL);
        g_autofree char *merged = g_strdup_printf("var/lib/left4me/runtime/build-%s/merged", id);
        g_autofree char *tree = fixture_path(f, f->world == WORLD_MOUNTS ? merged : upper);
        g_autofree char *job = g_build_filename(f->root, "run/left4me/jobs", id, NULL);
        const char *command[] = { g_getenv("LEFT4ME_BUILD"), job, NULL };
        g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "OVERLAY", tree, TRUE);
        g_autoptr(GError) error = NULL;
        GPid pid;

        if (step == SYSTEMD_STOP)
                return false;

        (void) g_spawn_async(NULL, (char **) (gsize) command, environment,
                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, world_in_child, NULL, &pid, &error);
        g_assert_no_error(error);
        systemd_watch_child(u, pid);
        return true;
}

void world_perform(Fixture *f) {
        if (f->world != WORLD_IDLE)
                return;

        f->world = WORLD_WORKS;
        systemd_set_performer(f->systemd, "left4me-overlay@", perform_directories, f);
        systemd_set_performer(f->systemd, "left4me-tree@", perform_tree, f);
        systemd_set_performer(f->systemd, "left4me-build@", perform_build, f);
        systemd_set_performer(f->systemd, "left4me-script@", perform_build, f);
}

/* The table of the kernel itself, instead of one that the stand-in for systemd writes. */
static void show_real_mounts(Fixture *f) {
        static const char *const parts[] = { "proc/self/mountinfo", "proc/self", "proc/stat", "proc" };
        g_autofree char *proc = fixture_path(f, "proc");

        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
                g_autofree char *path = fixture_path(f, parts[i]);

                g_assert_cmpint(remove(path), ==, 0);
        }
        g_assert_cmpint(symlink("/proc", proc), ==, 0);
}

bool world_mount(Fixture *f) {
        if (!fixture_may_mount())
                return false;

        world_perform(f);
        f->world = WORLD_MOUNTS;
        systemd_show_mounts(f->systemd, NULL);
        show_real_mounts(f);
        systemd_set_performer(f->systemd, "left4me-overlay@", perform_mount, f);
        return true;
}

/* ---- archives ---- */

/* One entry of a tar archive (ustar), with its content. */
static void append_entry(GByteArray *to, const char *name, guint mode, const char *content) {
        char type = *name && g_str_has_suffix(name, "/") ? '5' : '0';
        char header[512] = { 0 };
        guint sum = 0;
        size_t size = strlen(content);

        (void) g_strlcpy(header, name, 100);
        (void) g_snprintf(header + 100, 8, "%07o", mode);
        (void) g_snprintf(header + 108, 8, "%07o", 0U);
        (void) g_snprintf(header + 116, 8, "%07o", 0U);
        (void) g_snprintf(header + 124, 12, "%011o", (guint) size);
        (void) g_snprintf(header + 136, 12, "%011o", 1700000000U);
        (void) memset(header + 148, ' ', 8);
        header[156] = type;
        (void) memcpy(header + 257, "ustar\00000", 8);
        for (size_t i = 0; i < sizeof header; i++)
                sum += (guchar) header[i];
        (void) g_snprintf(header + 148, 7, "%06o", sum);
        g_byte_array_append(to, (const guint8 *) header, sizeof header);

        g_byte_array_append(to, (const guint8 *) content, (guint) size);
        g_byte_array_set_size(to, (to->len + 511) / 512 * 512);
        memset(to->data + to->len - (512 - size % 512) % 512, 0, (512 - size % 512) % 512);
}

static GBytes *end_archive(GByteArray *archive) {
        guint8 zeros[1024] = { 0 };

        g_byte_array_append(archive, zeros, sizeof zeros);
        return g_byte_array_free_to_bytes(archive);
}

GBytes *world_archive(void) {
        GByteArray *archive = g_byte_array_new();

        append_entry(archive, "left4dead2/", 0755, "");
        append_entry(archive, "left4dead2/maps/", 0755, "");
        append_entry(archive, "left4dead2/maps/c1m1_hotel.bsp", 0644, "a map");
        append_entry(archive, "srcds_run", 0755, "#!/bin/sh\n");
        return end_archive(archive);
}

GBytes *world_archive_of(const char *name, const char *content) {
        GByteArray *archive = g_byte_array_new();

        append_entry(archive, name, 0644, content);
        return end_archive(archive);
}

typedef struct Writer {
        GBytes *data;
        gsize done;
        int error;
        bool ended;
} Writer;

static gboolean on_writable(int fd, GIOCondition condition, gpointer data) {
        Writer *w = data;
        gsize size;
        const char *bytes = g_bytes_get_data(w->data, &size);
        ssize_t n = write(fd, bytes + w->done, size - w->done);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n < 0)
                w->error = errno;
        else
                w->done += (gsize) n;
        w->ended = n < 0 || w->done == size;
        return w->ended ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static bool is_written(void *data) {
        return ((Writer *) data)->ended;
}

int world_write(int pipe, GBytes *data) {
        Writer w = { data, 0, 0, false };

        /* A reader that has gone is an error to look at, not the end of this process. */
        (void) signal(SIGPIPE, SIG_IGN);
        (void) g_unix_set_fd_nonblocking(pipe, TRUE, NULL);
        g_unix_fd_add(pipe, G_IO_OUT | G_IO_ERR | G_IO_HUP, on_writable, &w);
        loop_until(is_written, &w, "the upload to be taken");
        (void) close(pipe);
        return w.error;
}

/* ---- objects ---- */

char *world_take_path(GVariant *reply) {
        g_autoptr(GVariant) owned = reply;
        char *path;

        g_variant_get_child(reply, 0, "o", &path);
        return path;
}

char *world_empty_overlay(Fixture *f, const char *name) {
        return world_take_path(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "CreateOverlay",
                g_variant_new("(ssa{sv})", name, "files", NULL)));
}

char *world_begin_upload(
        Fixture *f, const char *overlay, const char *method, GVariant *arguments, int *ret_pipe) {
        g_autofree char *path = overlay_path(overlay), *job = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(Call) c = NULL;
        int handle;

        c = call_begin(f->client, path, LEFT4ME_OVERLAY_INTERFACE, method, arguments);
        if (*call_error_name(c))
                g_error("%s into %s: %s", method, overlay, c->error->message);

        g_variant_get(c->reply, "(oh)", &job, &handle);
        *ret_pipe = g_unix_fd_list_get(c->fds, handle, &error);
        g_assert_no_error(error);
        return g_steal_pointer(&job);
}

char *world_begin_import(Fixture *f, const char *overlay, const char *options, int *ret_pipe) {
        g_autoptr(GVariant) parsed = g_variant_ref_sink(g_variant_new_parsed(options));

        return world_begin_upload(f, overlay, "Import", g_variant_new("(@a{sv})", parsed), ret_pipe);
}

const char *world_put(
        Fixture *f, const char *overlay, const char *path, const char *content, const char *options) {
        g_autoptr(GVariant) parsed = g_variant_ref_sink(g_variant_new_parsed(options));
        g_autoptr(GBytes) bytes = g_bytes_new(content, strlen(content));
        g_autofree char *job = NULL;
        int pipe;

        job = world_begin_upload(f, overlay, "PutFile", g_variant_new("(s@a{sv})", path, parsed), &pipe);
        (void) world_write(pipe, bytes);
        return world_wait_job(f, job);
}

const char *world_wait_job(Fixture *f, const char *job) {
        static const char *const ends[] = { "succeeded", "failed", "cancelled", NULL };

        return mirror_wait_word(f->mirror, job, LEFT4ME_JOB_INTERFACE, "State", ends);
}

void world_wait_idle(Fixture *f) {
        g_autoptr(GVariant) reply = call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "ListJobs", NULL),
                            jobs = NULL;
        GVariantIter iter;
        const char *path;

        jobs = g_variant_get_child_value(reply, 0);
        g_variant_iter_init(&iter, jobs);
        while (g_variant_iter_next(
                &iter, "(usssdstt&o)", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &path))
                (void) world_wait_job(f, path);
}

void world_import(Fixture *f, const char *name) {
        g_autofree char *news = g_strdup_printf("news-%u", ++f->imports), *job = NULL;
        g_autoptr(GBytes) archive = NULL;
        const char *state;
        int pipe;

        /* What brings nothing new makes no version. */
        archive = f->imports == 1 ? world_archive() : world_archive_of(news, news);
        job = world_begin_import(f, name, "@a{sv} {}", &pipe);
        g_assert_cmpint(world_write(pipe, archive), ==, 0);
        state = world_wait_job(f, job);
        if (!g_str_equal(state, "succeeded"))
                g_error("The import into %s %s: %s", name, state,
                        g_variant_get_string(
                                mirror_get(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Message"), NULL));
}

char *world_overlay(Fixture *f, const char *name) {
        char *path = world_empty_overlay(f, name);

        world_perform(f);
        world_import(f, name);
        return path;
}

char *world_instance(Fixture *f, const char *name, const char *game) {
        return world_take_path(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "CreateInstance",
                g_variant_new_parsed("(%s, {'Game': <%s>})", name, game)));
}

char *world_server(Fixture *f, const char *name) {
        g_free(world_empty_overlay(f, "game"));
        return world_instance(f, name, "game");
}

char *world_startable(Fixture *f, const char *name) {
        g_free(world_overlay(f, "game"));
        return world_instance(f, name, "game");
}
