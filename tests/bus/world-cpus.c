/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real left4me-cpus runs as what left4me-cpus@ runs; whoever is root on a real host is the test's user here. */

#include <glib/gstdio.h>
#include <stdint.h>
#include <string.h>

#include "world.h"

/* As systemd does for %I: a dash would be a slash. */
static char *unescape(const char *id) {
        GString *text = g_string_new(NULL);

        for (; *id != '\0'; id++)
                if (g_str_has_prefix(id, "\\x")) {
                        g_string_append_c(text,
                                (char) (g_ascii_xdigit_value(id[2]) * 16 + g_ascii_xdigit_value(id[3])));
                        id += 3;
                } else
                        g_string_append_c(text, *id == '-' ? '/' : *id);

        return g_string_free(text, FALSE);
}

GPid world_run_cpus(Fixture *f, const char *verb, const char *list) {
        g_auto(GStrv)
                environment = g_environ_setenv(g_get_environ(), "DBUS_SYSTEM_BUS_ADDRESS", f->address, TRUE);
        const char *command[] = { g_getenv("LEFT4ME_CPUS"), "--root", f->root, verb, list, NULL };
        g_autoptr(GError) error = NULL;
        GPid pid;

        g_spawn_async(f->directory, (char **) (uintptr_t) command, environment, G_SPAWN_DO_NOT_REAP_CHILD,
                world_in_child, NULL, &pid, &error);
        g_assert_no_error(error);
        return pid;
}

static bool perform_cpus(SystemdUnit *u, SystemdStep step, const char *id, void *data) {
        g_autofree char *list = unescape(id);

        if (step == SYSTEMD_STOP)
                return false;

        systemd_watch_child(u, world_run_cpus(data, "apply", list));
        return true;
}

void world_divide_cpus(Fixture *f) {
        g_autofree char *folder = fixture_path(f, "run/left4me-cpus"),
                        *scope = fixture_path(f, "etc/systemd/system.control/init.scope.d");

        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        g_assert_cmpint(g_mkdir_with_parents(scope, 0755), ==, 0);
        fixture_write(f, "sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
        systemd_set_performer(f->systemd, "left4me-cpus@", perform_cpus, f);
}
