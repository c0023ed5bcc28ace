/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/steamcmd.h"
#include "service/bus-error.h"
#include "service/job.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/steam.h"

#define GROUP "Steam"

Steam *steam_new(void) {
        Steam *s = g_new0(Steam, 1);

        s->app = STEAM_APP;
        s->branch = g_strdup(STEAM_BRANCH);
        s->newest = g_strdup("");
        return s;
}

void steam_free(Steam *s) {
        if (!s)
                return;

        g_free(s->branch);
        g_free(s->newest);
        g_free(s);
}

void steam_read_source(Steam *s, const char *text) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *branch = NULL;
        guint64 app;

        if (!g_key_file_load_from_data(file, text, (gsize) -1, G_KEY_FILE_NONE, NULL))
                return;

        app = g_key_file_get_uint64(file, GROUP, "App", NULL);
        branch = g_key_file_get_value(file, GROUP, "Branch", NULL);
        if (app > 0 && app <= UINT32_MAX)
                s->app = (uint32_t) app;
        if (branch && steam_branch_is_valid(branch)) {
                g_free(s->branch);
                s->branch = g_steal_pointer(&branch);
        }
}

char *steam_write_source(const Steam *s) {
        g_autoptr(GKeyFile) file = g_key_file_new();

        g_key_file_set_uint64(file, GROUP, "App", s->app);
        g_key_file_set_value(file, GROUP, "Branch", s->branch);
        return g_key_file_to_data(file, NULL, NULL);
}

void steam_reload(Overlay *o) {
        g_autofree char *source = NULL, *seen = NULL;
        int r;

        if (!o->steam)
                return;

        r = store_get_source(o->manager->store, o->name, &source);
        if (r >= 0)
                r = store_get_seen(o->manager->store, o->name, &seen);
        if (r < 0) {
                log_plain(LOG_WARNING, "Cannot read which app '%s' holds, ignoring: %s", o->name,
                        strerror(-r));
                return;
        }

        steam_read_source(o->steam, source);
        g_free(o->steam->newest);
        o->steam->newest = g_steal_pointer(&seen);
}

/* Behind the build stands, in brackets, what the user said of the version. */
static bool label_is(const char *label, const char *build) {
        size_t n = strlen(build);

        return strncmp(label, build, n) == 0 && (label[n] == '\0' || g_str_has_prefix(label + n, " ("));
}

bool steam_has_update(const Overlay *o) {
        const StoredVersion *newest;

        if (*o->steam->newest == '\0' || o->versions->len == 0)
                return false;

        /* Whoever rolled back knows that there is a newer one. */
        newest = &g_array_index(o->versions, StoredVersion, o->versions->len - 1);
        return !label_is(newest->label, o->steam->newest);
}

int steam_note_newest(Overlay *o, const char *newest) {
        bool before = steam_has_update(o);
        int r;

        if (g_str_equal(newest, o->steam->newest))
                return 0;

        r = store_set_seen(o->manager->store, o->name, newest);
        if (r < 0)
                return r;

        g_free(o->steam->newest);
        o->steam->newest = g_strdup(newest);
        if (steam_has_update(o) != before)
                object_changed(&o->object, OVERLAY_UPDATE_AVAILABLE);
        return 0;
}

int steam_set_app(Overlay *o, uint32_t app, const char *branch, sd_bus_error *error) {
        Steam wanted = { .app = app, .branch = (char *) (gsize) branch };
        g_autofree char *source = steam_write_source(&wanted);
        int r;

        r = overlay_set_source(o, source);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store it");

        /* What is known of the newest build is known of another app, or of another branch. */
        if (app != o->steam->app || !g_str_equal(branch, o->steam->branch))
                (void) steam_note_newest(o, "");
        o->steam->app = app;
        g_free(o->steam->branch);
        o->steam->branch = g_strdup(branch);
        object_changed(&o->object, OVERLAY_APP | OVERLAY_BRANCH);
        return 0;
}

int steam_describe(const Overlay *o, const Job *j, int fd, GKeyFile *job) {
        const Config *config = &o->manager->config;

        g_key_file_set_string(job, "Job", "Operation", job_is(j, JOB_REFRESH) ? "steam-check" : "steam");
        g_key_file_set_uint64(job, "Job", "App", o->steam->app);
        g_key_file_set_string(job, "Job", "Branch", o->steam->branch);
        g_key_file_set_boolean(job, "Job", "Validate", job_is(j, JOB_VALIDATE));
        g_key_file_set_string(job, "Job", "Installer", config->steamcmd_installer);
        g_key_file_set_uint64(job, "Job", "Pause", config->steam_retry_seconds);
        return 0;
}
