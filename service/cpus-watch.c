/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/cpus.h"
#include "service/log.h"
#include "service/manager.h"

/*
 * systemd sends no signal when AllowedCPUs= of a unit changes (tried), but it writes a drop-in before it does anything else: the folders
 * of these are watched. And the kernel tells when a CPU goes offline or comes back, by a uevent. Neither says what has become of what;
 * that is asked then. Where one of them cannot be watched, a reload of systemd or of left4med is when the news comes.
 */

#define UEVENT_SIZE_MAX 8192U
#define KERNEL_GROUP 1U

static const char *const bases[] = { "/etc/systemd", "/run/systemd" };
static const char *const folders[] = { "", "/system.control", "/system.control/system.slice.d",
        "/system.control/user.slice.d", "/system.control/init.scope.d", "/system.control/l4d2-build.slice.d",
        "/system.control/l4d2-game.slice.d",
        /* where systemd keeps those of init.scope */
        "/transient", "/transient/init.scope.d" };

#define N_PATHS (G_N_ELEMENTS(bases) * G_N_ELEMENTS(folders))

struct CpusWatch {
        Manager *manager;
        sd_event_source *paths[N_PATHS];
        sd_event_source *uevents;
        sd_event_source *later;
        int uevent_fd;
        void (*changed)(void *userdata);
        void *userdata;
};

/* One look for all that came in one turn of the loop. */
static void note_change(CpusWatch *w) {
        (void) sd_event_source_set_enabled(w->later, SD_EVENT_ONESHOT);
}

/* Of what else stands in /etc/systemd and /run/systemd nothing counts. */
static bool is_ours(const char *name) {
        if (g_str_has_suffix(name, ".conf"))
                return true;

        for (size_t k = 1; k < G_N_ELEMENTS(folders); k++)
                if (g_str_equal(strrchr(folders[k], '/') + 1, name))
                        return true;

        return false;
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        CpusWatch *w = userdata;

        /* Without a name: something was missed, or the folder itself has gone. */
        if (event->len == 0 || is_ours(event->name))
                note_change(w);
        return 0;
}

/* Folders come and go; what is watched again is the same watch to the kernel. */
static void watch_paths(CpusWatch *w) {
        for (size_t k = 0; k < N_PATHS; k++) {
                g_autofree char *path = g_strconcat(w->manager->root, bases[k / G_N_ELEMENTS(folders)],
                        folders[k % G_N_ELEMENTS(folders)], NULL);

                w->paths[k] = sd_event_source_disable_unref(w->paths[k]);
                (void) sd_event_add_inotify(w->manager->event, &w->paths[k], path,
                        IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ONLYDIR,
                        on_inotify, w);
        }
}

static int on_later(sd_event_source *source, void *userdata) {
        CpusWatch *w = userdata;

        /* Before the look: what comes in between is seen by one or the other. */
        watch_paths(w);
        w->changed(w->userdata);
        return 0;
}

/* "online@/devices/system/cpu/cpu1" and then the rest. */
static bool is_about_cpu(const char *message, size_t size) {
        const char *at = memchr(message, '@', size);

        return at && g_str_has_prefix(at, "@/devices/system/cpu/cpu");
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char message[UEVENT_SIZE_MAX + 1];
        struct sockaddr_nl from = { 0 };
        struct iovec iov = { message, UEVENT_SIZE_MAX };
        struct msghdr header = {
                .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
        };
        CpusWatch *w = userdata;
        ssize_t size;

        while ((size = recvmsg(fd, &header, MSG_DONTWAIT)) >= 0 || errno == ENOBUFS || errno == EINTR) {
                /* ENOBUFS: something was missed. */
                if (size < 0) {
                        note_change(w);
                        continue;
                }

                message[size] = '\0';
                /* Only the kernel has no port. */
                if (from.nl_pid == 0 && from.nl_groups == KERNEL_GROUP &&
                        is_about_cpu(message, (size_t) size))
                        note_change(w);
                header.msg_namelen = sizeof(from);
        }

        return 0;
}

static int watch_uevents(CpusWatch *w) {
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };

        w->uevent_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        if (w->uevent_fd < 0 || bind(w->uevent_fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        return sd_event_add_io(w->manager->event, &w->uevents, w->uevent_fd, EPOLLIN, on_uevent, w);
}

CpusWatch *cpus_watch_new(Manager *m, void (*changed)(void *userdata), void *userdata) {
        CpusWatch *w = g_new0(CpusWatch, 1);
        int r;

        w->manager = m;
        w->uevent_fd = -1;
        w->changed = changed;
        w->userdata = userdata;

        r = sd_event_add_defer(m->event, &w->later, on_later, w);
        if (r < 0) {
                log_plain(
                        LOG_WARNING, "Cannot watch for changes of the CPU sets, ignoring: %s", strerror(-r));
                return cpus_watch_free(w);
        }

        (void) sd_event_source_set_enabled(w->later, SD_EVENT_OFF);
        watch_paths(w);
        r = watch_uevents(w);
        if (r < 0)
                log_plain(LOG_NOTICE, "The kernel does not tell which CPUs come and go, ignoring: %s",
                        strerror(-r));

        return w;
}

CpusWatch *cpus_watch_free(CpusWatch *w) {
        if (!w)
                return NULL;

        for (size_t k = 0; k < N_PATHS; k++)
                sd_event_source_disable_unref(w->paths[k]);
        sd_event_source_disable_unref(w->uevents);
        sd_event_source_disable_unref(w->later);
        if (w->uevent_fd >= 0)
                (void) close(w->uevent_fd);
        g_free(w);
        return NULL;
}
