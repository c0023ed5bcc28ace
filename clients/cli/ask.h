/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Questions to whoever sits at the terminal. */

typedef struct Ask Ask;
typedef void (*AskCallback)(const char *answer, gpointer userdata);

int ask_before_loss(Cli *cli, const char *question);

gboolean ask_possible(const Cli *cli);
Ask *ask_new(Cli *cli, const char *question, AskCallback answered, gpointer userdata);
Ask *ask_free(Ask *ask);
