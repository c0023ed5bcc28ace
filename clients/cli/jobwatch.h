/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* One job, kept up to date until it has ended. */

typedef struct JobWatch JobWatch;
typedef void (*JobWatchCallback)(JobWatch *w, gpointer userdata);

JobWatch *job_watch_new(Cli *cli, const char *path, JobWatchCallback changed, gpointer userdata);
JobWatch *job_watch_free(JobWatch *w);

const char *job_watch_path(const JobWatch *w);
const char *job_watch_number(const JobWatch *w);
GVariant *job_watch_properties(const JobWatch *w);
const GError *job_watch_error(const JobWatch *w);
gboolean job_watch_ended(const JobWatch *w);

gboolean job_state_ended(const char *state);
gboolean job_builds(GVariant *properties);
char *job_title(GVariant *properties);
