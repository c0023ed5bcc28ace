/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

void help_print(Cli *cli, const Verb *verbs, const char *family);
