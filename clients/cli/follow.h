/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "cli.h"

/* Waits for jobs, shows how they get on, and lets whoever sits at the terminal cancel or leave them. */

typedef struct Follow Follow;

Follow *follow_new(Cli *cli);
Follow *follow_free(Follow *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follow, follow_free)

void follow_add(Follow *f, const char *path, const char *success);
/* When it has succeeded, its own words tell what came of it. */
void follow_add_build(Follow *f, const char *path);
void follow_upload(Follow *f, int source, int pipe, uint64_t size, gboolean detach);
void follow_only_watch(Follow *f);

/* The jobs are to go on without us: follow_run() ends when they are known. */
void follow_detach(Follow *f);
int follow_run(Follow *f);
gboolean follow_left(const Follow *f);

/* "job 7" for each. */
void follow_print_jobs(const Follow *f);
void follow_print_json(const Follow *f, gboolean array);
