/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The lines that a job logs, one by one as they come; none for who may not read them. */

typedef struct JobLog JobLog;
typedef void (*JobLogCallback)(const char *line, gpointer userdata);

JobLog *job_log_new(Cli *cli, const char *path, JobLogCallback said, gpointer userdata);
JobLog *job_log_free(JobLog *log);
