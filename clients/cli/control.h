/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

typedef struct {
        const char *method, *doing, *done;
        gboolean starts;     /* what is wrong with the stack is told before */
        GVariant *arguments; /* NULL for none; borrowed */
} ControlAction;

int control_run(Cli *cli, char **names, const ControlAction *action);
