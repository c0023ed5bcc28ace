/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/* What the administrator sets in left4me.conf and left4me.conf.d/ (*.conf, sorted by name, later ones win key by key). */
struct Config {
        uint16_t first_port; /* GamePorts */
        uint16_t last_port;
        unsigned job_workers; /* JobWorkers */
};

/* Reads the file and the directory of the same name with ".d" after it; what is missing has its default. A bad file, an unknown key
 * or a bad value: -EINVAL, with *ret_why naming file, key and rule, and *ret untouched. */
int config_read(const char *path, Config *ret, char **ret_why);
