/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inventory.h"

int names_choose(Cli *cli, const Inventory *inventory, char **words, gboolean all, char ***ret_names);
int names_expand(Cli *cli, char **words, gboolean all, char ***ret_names);
int names_job(Cli *cli, const char *word, unsigned *ret_number);
