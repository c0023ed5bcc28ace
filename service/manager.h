/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/config.h"
#include "service/types.h"

/* The one struct that owns the world; passed down, never global. */
struct Manager {
        sd_event *event;
        sd_bus *bus;
        Store *store;
        Units *units;
        Auth *auth;
        Conflicts *conflicts;
        Firewall *firewall;
        Qos *qos;
        Shield *shield;
        Cpus *cpus;
        Config config;

        char *root; /* before /var/lib/left4me and /run/left4me; "" but in tests */
        char *config_path;
        int instances_fd; /* the directories that the manager itself writes to */
        int jobs_fd;
        int overlays_fd; /* and those that it only reads */
        int uppers_fd;
        Mounts *mounts;

        GTree *instances; /* name -> Instance; all three sorted: by name, and the newest job first */
        GTree *overlays;  /* name -> Overlay */
        GTree *jobs;      /* number -> Job */
        GQueue *queue;    /* Job: wait for a worker */
        unsigned n_workers;

        GPtrArray *changed; /* Object: with news that is not told yet */
        sd_event_source *flush_source;

        GPtrArray *starting; /* Instance: wait for their turn in the autostart */
        unsigned n_autostart;

        GPtrArray *consoles; /* ConsoleCall: are being opened */

        GPtrArray *comparisons; /* Comparison: under way */
        sd_event_source *prune_source;
        bool unclean; /* files may lie about of versions that the store knows no more, and of builds that have ended */

        JournalWatch *journal_watch;
        GHashTable *log_users; /* uid -> how many logs it has open */

        unsigned n_requests, n_checks, n_logs, n_statistics, n_uploads, n_listings;
        bool ready;
};

/* config_path NULL: /etc/left4me/left4me.conf below root. Errors are logged. */
int manager_new(const char *root, const char *config_path, Manager **ret);
Manager *manager_free(Manager *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manager, manager_free)

/* Connects to the bus, asks systemd how things stand, and takes the bus name when that is known. */
int manager_start(Manager *m);

/* Reads the configuration again; -EINVAL with *ret_why. */
int manager_reload(Manager *m, char **ret_why);
