/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

int ssh_run(Cli *cli, const GOptionEntry *entries, const GOptionEntry *globals, char **words);
