/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Verbs that share a first word. */
typedef struct {
        const char *name;
        const char *bare; /* the verb that the first word alone means */
        const char *title;
} Family;

/* All verbs, or those of a family. */
void help_print(Cli *cli, const Verb *verbs, const Family *families, const char *family);
