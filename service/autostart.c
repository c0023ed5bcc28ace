/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "service/autostart.h"
#include "service/instance-internal.h"
#include "service/log.h"
#include "service/manager.h"

#define MARK ".autostarted"

/* How many servers are under way at a time. */
#define AUTOSTART_MAX 8U

static void make_mark(Manager *m) {
        int fd;

        fd = openat(m->jobs_fd, MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                log_plain(LOG_WARNING, "Cannot note that the servers were started, ignoring: %s",
                        strerror(errno));
        else
                (void) close(fd);
}

static void autostart_next(Manager *m) {
        while (m->n_autostart < AUTOSTART_MAX && m->starting->len > 0) {
                Instance *i = g_ptr_array_steal_index(m->starting, 0);

                /* Somebody was faster. */
                if (i->operation != OPERATION_NONE || !instance_is_down(i))
                        continue;

                m->n_autostart++;
                i->autostarting = true;
                instance_begin_autostart(i);
        }

        if (m->n_autostart == 0 && m->starting->len == 0)
                make_mark(m);
}

static gboolean add_instance(gpointer key, gpointer value, gpointer userdata) {
        Instance *i = value;

        if (i->config->autostart && i->operation == OPERATION_NONE && instance_is_down(i))
                g_ptr_array_add(i->manager->starting, i);

        return FALSE;
}

void autostart_begin(Manager *m) {
        if (faccessat(m->jobs_fd, MARK, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                return;

        g_tree_foreach(m->instances, add_instance, NULL);
        autostart_next(m);
}

void autostart_ended(Instance *i) {
        if (!i->autostarting)
                return;

        i->autostarting = false;
        i->manager->n_autostart--;
        autostart_next(i->manager);
}

void autostart_forget(Instance *i) {
        (void) g_ptr_array_remove(i->manager->starting, i);
}
