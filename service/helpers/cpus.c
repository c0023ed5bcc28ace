/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/topology.h"

#include "cpus.h"
#include "fail.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define UNDO "undo"
#define GROUP "AllowedCPUs"

/* What systemd is told of init.scope goes to /run and is forgotten with the boot (it takes that for a transient unit); here it looks at
 * the next one. */
#define SCOPE_DIR "/etc/systemd/system.control/init.scope.d"
#define SCOPE_FILE "50-AllowedCPUs.conf"

typedef struct CpuUnit {
        const char *name;
        const char *interface;
        bool games;
        bool forgotten; /* systemd does not keep it */
} CpuUnit;

/* The games last: while they still may use all, nothing can be left without a CPU. */
static const CpuUnit units[] = {
        { "system.slice", SYSTEMD ".Slice", false },
        { "user.slice", SYSTEMD ".Slice", false },
        { "init.scope", SYSTEMD ".Scope", false, true },
        { "l4d2-build.slice", SYSTEMD ".Slice", false },
        { "l4d2-game.slice", SYSTEMD ".Slice", true },
};

#define N_UNITS G_N_ELEMENTS(units)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_flush_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)

static int get_allowed(sd_bus *bus, const CpuUnit *u, CpuSet *ret, GError **error) {
        g_auto(sd_bus_error) why = SD_BUS_ERROR_NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        g_autofree char *path = NULL;
        const void *bytes;
        size_t size;
        int r;

        r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", u->name, &path);
        if (r >= 0)
                r = sd_bus_get_property(bus, SYSTEMD, path, u->interface, "AllowedCPUs", &why, &reply, "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &bytes, &size);
        if (r < 0)
                return fail(
                        error, -r, "%s: AllowedCPUs= is not told: %s", u->name, why.message ?: strerror(-r));

        cpu_set_from_bytes(bytes, size, ret);
        return 0;
}

/* Into a drop-in, so that it holds after the next boot; what runs already moves at once. */
static int tell_allowed(sd_bus *bus, const CpuUnit *u, const CpuSet *cpus, GError **error) {
        g_auto(sd_bus_error) why = SD_BUS_ERROR_NULL;
        g_autoptr(sd_bus_message) m = NULL;
        uint8_t bytes[CPUS_MAX / 8];
        size_t size = cpu_set_to_bytes(cpus, bytes);
        int r;

        r = sd_bus_message_new_method_call(
                bus, &m, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "SetUnitProperties");
        if (r >= 0)
                r = sd_bus_message_append(m, "sb", u->name, 0);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "AllowedCPUs");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', bytes, size);
        for (int level = 0; level < 3 && r >= 0; level++)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, &why, NULL);
        if (r < 0)
                return fail(
                        error, -r, "%s: AllowedCPUs= is refused: %s", u->name, why.message ?: strerror(-r));

        return 0;
}

/* Replaces a small file at once. */
static int write_file(int dirfd, const char *name, const char *text) {
        g_autofree char *temporary = g_strconcat(name, ".new", NULL);
        ssize_t size = (ssize_t) strlen(text);
        int fd, r = 0;

        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        if (write(fd, text, (size_t) size) != size || fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
                renameat(dirfd, temporary, dirfd, name) < 0)
                r = -errno;

        (void) close(fd);
        return r;
}

static int keep_scope(const char *root, const CpuSet *cpus, GError **error) {
        g_autofree char *path = g_strconcat(root, SCOPE_DIR, NULL), *list = cpu_set_format(cpus),
                        *text = g_strdup_printf(
                                "# Made by left4mectl cpu set.\n[Scope]\nAllowedCPUs=\nAllowedCPUs=%s\n",
                                list);
        int fd, r = 0;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail_errno(
                        error, errno, "%s (systemd-tmpfiles --create left4me.conf makes it)", path);

        if (!cpu_set_is_empty(cpus))
                r = write_file(fd, SCOPE_FILE, text);
        else if (unlinkat(fd, SCOPE_FILE, 0) < 0 && errno != ENOENT)
                r = -errno;

        (void) close(fd);
        return r < 0 ? fail_errno(error, -r, "%s/" SCOPE_FILE, path) : 0;
}

static int set_allowed(const char *root, sd_bus *bus, const CpuUnit *u, const CpuSet *cpus, GError **error) {
        int r;

        r = tell_allowed(bus, u, cpus, error);
        return r < 0 || !u->forgotten ? r : keep_scope(root, cpus, error);
}

/* Every unit is tried, whatever becomes of the others. */
static int set_all(const char *root, sd_bus *bus, const CpuSet *sets, GError **error) {
        int r = 0;

        for (size_t k = 0; k < N_UNITS; k++) {
                int q = set_allowed(root, bus, &units[k], &sets[k], r < 0 ? NULL : error);

                if (q < 0 && r >= 0)
                        r = q;
        }

        return r;
}

/* -- what was before ----------------------------------------------------------------------------------------- */

static int write_undo(int dirfd, const CpuSet *sets, GError **error) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        int r;

        for (size_t k = 0; k < N_UNITS; k++) {
                g_autofree char *list = cpu_set_format(&sets[k]);

                g_key_file_set_string(file, GROUP, units[k].name, list);
        }

        text = g_key_file_to_data(file, NULL, NULL);
        r = write_file(dirfd, UNDO, text);
        return r < 0 ? fail_errno(error, -r, CPUS_RUN_DIR "/" UNDO) : 0;
}

/* 1: there is one; 0: none. */
static int read_undo(int dirfd, CpuSet *ret, GError **error) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        char text[64 * 1024];
        ssize_t size;
        int fd;

        fd = openat(dirfd, UNDO, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : fail_errno(error, errno, CPUS_RUN_DIR "/" UNDO);

        size = read(fd, text, sizeof(text));
        (void) close(fd);
        if (size <= 0 || !g_key_file_load_from_data(file, text, (gsize) size, G_KEY_FILE_NONE, NULL))
                return fail(error, EBADMSG, CPUS_RUN_DIR "/" UNDO " cannot be read");

        for (size_t k = 0; k < N_UNITS; k++) {
                g_autofree char *list = g_key_file_get_string(file, GROUP, units[k].name, NULL);

                if (!list || cpu_set_parse(list, &ret[k]) < 0)
                        return fail(
                                error, EBADMSG, CPUS_RUN_DIR "/" UNDO " says nothing of %s", units[k].name);
        }

        return 1;
}

/* -- the two operations -------------------------------------------------------------------------------------- */

/* The folder is root's alone (tmpfiles.d makes it). Its lock keeps two changes from mixing; the descriptor is the caller's. */
static int open_locked(const char *root, GError **error) {
        g_autofree char *path = g_strconcat(root, CPUS_RUN_DIR, NULL);
        struct stat st;
        int fd;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail_errno(
                        error, errno, "%s (systemd-tmpfiles --create left4me.conf makes it)", path);

        if (fstat(fd, &st) < 0 || st.st_uid != getuid() || (st.st_mode & 0077) != 0) {
                (void) close(fd);
                return fail(error, EPERM, "%s must be a folder that only its owner can enter", path);
        }

        if (flock(fd, LOCK_EX) < 0) {
                int err = errno;

                (void) close(fd);
                return fail_errno(error, err, "%s", path);
        }

        return fd;
}

static int connect_to_bus(sd_bus **ret, GError **error) {
        int r = sd_bus_open_system(ret);

        return r < 0 ? fail_errno(error, -r, "Cannot connect to the system bus") : 0;
}

/* What the list says for each unit. Nothing is taken for granted: not its form, not that the CPUs are there. */
static int read_list(const char *root, const char *list, CpuSet *ret, GError **error) {
        g_autoptr(Topology) topology = NULL;
        g_autofree char *why = NULL;
        CpuSet system, games;
        int r;

        memset(ret, 0, N_UNITS * sizeof(*ret));
        if (g_str_equal(list, "clear"))
                return 0;

        if (cpu_set_parse_canonical(list, &system) < 0)
                return fail(error, EINVAL, "'%s' is no list of CPUs such as 0,4-5", list);

        r = topology_read(root, &topology);
        if (r < 0)
                return fail_errno(error, -r, "The kernel does not tell which CPUs there are");

        why = topology_refuse(topology, &system);
        if (why)
                return fail(error, EINVAL, "%s", why);

        topology_complement(topology, &system, &games);
        for (size_t k = 0; k < N_UNITS; k++)
                ret[k] = units[k].games ? games : system;

        return 0;
}

int cpus_apply(const char *root, const char *list, GError **error) {
        CpuSet wanted[N_UNITS], before[N_UNITS];
        g_autoptr(sd_bus) bus = NULL;
        int fd, r;

        r = read_list(root, list, wanted, error);
        if (r < 0)
                return r;

        fd = open_locked(root, error);
        if (fd < 0)
                return fd;

        r = connect_to_bus(&bus, error);
        /* One that is there is older, and how things were before all that failed. */
        if (r >= 0)
                r = read_undo(fd, before, error);
        if (r == 0) {
                for (size_t k = 0; k < N_UNITS && r >= 0; k++)
                        r = get_allowed(bus, &units[k], &before[k], error);
                if (r >= 0)
                        r = write_undo(fd, before, error);
        }

        if (r >= 0) {
                for (size_t k = 0; k < N_UNITS && r >= 0; k++)
                        r = set_allowed(root, bus, &units[k], &wanted[k], error);
                if (r >= 0 || set_all(root, bus, before, NULL) >= 0)
                        (void) unlinkat(fd, UNDO, 0);
        }

        (void) close(fd);
        return r;
}

int cpus_settle(const char *root, GError **error) {
        CpuSet before[N_UNITS];
        g_autoptr(sd_bus) bus = NULL;
        int fd, r;

        fd = open_locked(root, error);
        if (fd < 0)
                return fd;

        r = read_undo(fd, before, error);
        if (r > 0) {
                r = connect_to_bus(&bus, error);
                if (r >= 0)
                        r = set_all(root, bus, before, error);
                if (r >= 0) {
                        (void) unlinkat(fd, UNDO, 0);
                        say(4, "The change was broken off; every CPU set is as it was before.");
                }
        }

        (void) close(fd);
        return r;
}
