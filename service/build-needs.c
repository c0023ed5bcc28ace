/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "service/build-needs.h"
#include "service/bus-error.h"
#include "service/firewall.h"
#include "service/manager.h"

/* The kernel tells nobody when space runs low, so it is looked at, while builds run: what a build can take beyond the reserve is what it
 * gets in this time, and until it is dead. */
#define LOOK_INTERVAL (G_USEC_PER_SEC / 4)

/* What is reserved unless somebody says otherwise: a part of the file system, and no more than that. */
#define SPACE_SHARE 20U
#define SPACE_DEFAULT_MAX (UINT64_C(1) << 30)
#define FILES_SHARE 100U
#define FILES_DEFAULT_MAX 10000U

struct SpaceWatch {
        Manager *manager;
        sd_event_source *timer;
        SpaceLow low;
        void *userdata;
};

static bool needs_firewall(JobKind k) {
        return job_kind_builds(k);
}

static bool needs_space(JobKind k) {
        return k != JOB_REMOVE_FILE;
}

/* -- space ------------------------------------------------------------------------------------------------------- */

static char *format_size(uint64_t bytes) {
        double mebibytes = (double) bytes / (1 << 20);

        return mebibytes < 1024 ? g_strdup_printf("%.1f MiB", mebibytes)
                                : g_strdup_printf("%.1f GiB", mebibytes / 1024);
}

static uint64_t reserve_of(uint64_t configured, uint64_t all, unsigned share, uint64_t most) {
        return configured == RESERVE_DEFAULT ? MIN(all / share, most) : configured;
}

/* There is less than what is reserved by this setting. */
static int refuse(const char *there, const char *reserved, const char *setting, char **ret_why) {
        *ret_why = g_strdup_printf(
                "too little space: %s, and %s are reserved. Delete overlays that nobody uses (left4mectl overlay list), keep fewer versions (left4mectl overlay keep), or reserve less (%s= in left4me.conf).",
                there, reserved, setting);
        return -ENOSPC;
}

int build_needs_space(Manager *m, char **ret_why) {
        g_autofree char *path = g_strconcat(m->root, "/var/lib/left4me", NULL), *size = NULL, *there = NULL,
                        *reserved = NULL;
        uint64_t bytes, reserve;
        struct statvfs st;

        if (statvfs(path, &st) < 0)
                return 0;

        bytes = (uint64_t) st.f_bavail * st.f_frsize;
        reserve = reserve_of(m->config.space_reserve, (uint64_t) st.f_blocks * st.f_frsize, SPACE_SHARE,
                SPACE_DEFAULT_MAX);
        if (bytes < reserve) {
                size = format_size(bytes);
                there = g_strdup_printf("%s are free below /var/lib/left4me", size);
                reserved = format_size(reserve);
                return refuse(there, reserved, "SpaceReserve", ret_why);
        }

        /* Some file systems have no such number. */
        reserve = reserve_of(m->config.files_reserve, st.f_files, FILES_SHARE, FILES_DEFAULT_MAX);
        if (st.f_files > 0 && st.f_favail < reserve) {
                there = g_strdup_printf("the file system of /var/lib/left4me has room for %" G_GUINT64_FORMAT
                                        " more files",
                        (uint64_t) st.f_favail);
                reserved = g_strdup_printf("%" G_GUINT64_FORMAT, reserve);
                return refuse(there, reserved, "FilesReserve", ret_why);
        }

        return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        SpaceWatch *w = userdata;
        g_autofree char *why = NULL;

        (void) sd_event_source_set_time_relative(source, LOOK_INTERVAL);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        /* Last: it may free the watch. */
        if (build_needs_space(w->manager, &why) < 0)
                w->low(why, w->userdata);
        return 0;
}

int space_watch_new(Manager *m, JobKind kind, SpaceLow low, void *userdata, SpaceWatch **ret) {
        SpaceWatch *w;
        int r;

        if (!needs_space(kind)) {
                *ret = NULL;
                return 0;
        }

        w = g_new(SpaceWatch, 1);
        *w = (SpaceWatch){ .manager = m, .low = low, .userdata = userdata };
        r = sd_event_add_time_relative(
                m->event, &w->timer, CLOCK_MONOTONIC, LOOK_INTERVAL, LOOK_INTERVAL / 10, on_look, w);
        if (r < 0) {
                g_free(w);
                return r;
        }

        *ret = w;
        return 0;
}

SpaceWatch *space_watch_free(SpaceWatch *w) {
        if (!w)
                return NULL;

        sd_event_source_disable_unref(w->timer);
        g_free(w);
        return NULL;
}

/* -- the firewall ------------------------------------------------------------------------------------------------ */

static int check_firewall(Manager *m, char **ret_why) {
        const char *why;
        int r;

        r = firewall_guards_builds(m->firewall, &why);
        if (r >= 0 || m->config.builds_without_firewall)
                return 0;

        *ret_why = g_strdup_printf(
                "no firewall keeps builds from what this host offers to itself: %s. See left4mectl check and left4mectl qos show; to build all the same, set BuildsWithoutFirewall=yes in left4me.conf.",
                why);
        return r;
}

/* -- what a build needs ------------------------------------------------------------------------------------------ */

/* Whether all is there; else what is missing, as an error's name, and why. */
static int look(Manager *m, JobKind kind, const char **ret_error, char **ret_why) {
        int r;

        r = needs_firewall(kind) ? check_firewall(m, ret_why) : 0;
        if (r < 0) {
                *ret_error = LEFT4ME_ERROR_NO_FIREWALL;
                return r;
        }

        r = needs_space(kind) ? build_needs_space(m, ret_why) : 0;
        if (r < 0)
                *ret_error = LEFT4ME_ERROR_NO_SPACE;

        return r;
}

int build_needs_check(Manager *m, JobKind kind, sd_bus_error *error) {
        g_autofree char *why = NULL;
        const char *name;

        if (look(m, kind, &name, &why) < 0)
                return sd_bus_error_setf(error, name, "Cannot build: %s", why);

        return 0;
}

typedef struct Waiting {
        Manager *manager;
        JobKind kind;
        BuildNeedsDone done;
        void *userdata;
} Waiting;

static void on_settled(int r, const char *why, void *userdata) {
        g_autofree Waiting *w = userdata;
        g_autofree char *reason = NULL;
        const char *name;

        if (r != -ECANCELED)
                r = look(w->manager, w->kind, &name, &reason);
        w->done(r, reason, w->userdata);
}

void build_needs_settle(Manager *m, JobKind kind, BuildNeedsDone done, void *userdata) {
        Waiting *w = g_new(Waiting, 1);

        *w = (Waiting){ m, kind, done, userdata };
        if (needs_firewall(kind))
                firewall_settle_builds(m->firewall, on_settled, w);
        else
                on_settled(0, NULL, w);
}
