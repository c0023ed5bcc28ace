/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* What runs a verb: gets the words after it, options included, and returns the exit code. */

int cmd_list(Cli *cli, char **words);
int cmd_status(Cli *cli, char **words);
int cmd_create(Cli *cli, char **words);
int cmd_configure(Cli *cli, char **words);
int cmd_files(Cli *cli, char **words);
int cmd_cat(Cli *cli, char **words);
int cmd_get(Cli *cli, char **words);
int cmd_clone(Cli *cli, char **words);
int cmd_rename(Cli *cli, char **words);
int cmd_start(Cli *cli, char **words);
int cmd_stop(Cli *cli, char **words);
int cmd_restart(Cli *cli, char **words);
int cmd_cancel(Cli *cli, char **words);
int cmd_reset(Cli *cli, char **words);
int cmd_delete(Cli *cli, char **words);
int cmd_logs(Cli *cli, char **words);
int cmd_console(Cli *cli, char **words);
int cmd_overlay_list(Cli *cli, char **words);
int cmd_overlay_create(Cli *cli, char **words);
int cmd_overlay_import(Cli *cli, char **words);
int cmd_overlay_show(Cli *cli, char **words);
int cmd_overlay_files(Cli *cli, char **words);
int cmd_overlay_cat(Cli *cli, char **words);
int cmd_overlay_get(Cli *cli, char **words);
int cmd_overlay_put(Cli *cli, char **words);
int cmd_overlay_edit(Cli *cli, char **words);
int cmd_freeze(Cli *cli, char **words);
int cmd_overlay_source(Cli *cli, char **words);
int cmd_overlay_app(Cli *cli, char **words);
int cmd_overlay_build(Cli *cli, char **words);
int cmd_overlay_seed(Cli *cli, char **words);
int cmd_overlay_rm(Cli *cli, char **words);
int cmd_overlay_items(Cli *cli, char **words);
int cmd_overlay_refresh(Cli *cli, char **words);
int cmd_overlay_diff(Cli *cli, char **words);
int cmd_overlay_rollback(Cli *cli, char **words);
int cmd_overlay_keep(Cli *cli, char **words);
int cmd_overlay_rename(Cli *cli, char **words);
int cmd_overlay_delete(Cli *cli, char **words);
int cmd_job_list(Cli *cli, char **words);
int cmd_job_show(Cli *cli, char **words);
int cmd_job_logs(Cli *cli, char **words);
int cmd_job_wait(Cli *cli, char **words);
int cmd_job_cancel(Cli *cli, char **words);
int cmd_cpu_show(Cli *cli, char **words);
int cmd_cpu_set(Cli *cli, char **words);
int cmd_cpu_suggest(Cli *cli, char **words);
int cmd_cpu_clear(Cli *cli, char **words);
int cmd_qos_show(Cli *cli, char **words);
int cmd_qos_on(Cli *cli, char **words);
int cmd_qos_off(Cli *cli, char **words);
int cmd_qos_shape(Cli *cli, char **words);
int cmd_qos_test(Cli *cli, char **words);
int cmd_qos_unshape(Cli *cli, char **words);
int cmd_shield_show(Cli *cli, char **words);
int cmd_shield_set(Cli *cli, char **words);
int cmd_shield_off(Cli *cli, char **words);
int cmd_shield_count(Cli *cli, char **words);
int cmd_shield_on(Cli *cli, char **words);
int cmd_campaigns(Cli *cli, char **words);
int cmd_watch(Cli *cli, char **words);
int cmd_check(Cli *cli, char **words);
int cmd_reload(Cli *cli, char **words);
