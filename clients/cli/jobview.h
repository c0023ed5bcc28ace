/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "jobwatch.h"
#include "upload.h"

/*
 * How jobs get on, shown to whoever waits for them. One job has a bar in the last line of the terminal; of
 * several each has a line of its own, which stays when the job has ended. Without a terminal builds say a
 * line whenever they come to something else.
 */

typedef struct JobView JobView;

JobView *job_view_new(Cli *cli);
JobView *job_view_free(JobView *v);
void job_view_add(JobView *v, const JobWatch *watch);
void job_view_set_upload(JobView *v, const Upload *upload);
gboolean job_view_has_outcomes(const JobView *v);
void job_view_show(JobView *v);
void job_view_clear(JobView *v);
void job_view_end(JobView *v);
