/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "service/cake.h"

/* What is asked for on one interface: pure, no I/O. */

typedef struct ShaperConfig {
        CakeOptions egress;
        uint64_t ingress; /* bit/s of what comes in, 0: it is left alone */
        bool takeover;    /* also where another program manages the queue */
} ShaperConfig;

void shaper_config_init(ShaperConfig *c);

/* -EINVAL with *ret_why. */
int shaper_config_check(const ShaperConfig *c, char **ret_why);

/* CAKE on the device that what comes in goes through: the marks of strangers count for nothing, what the line adds is the same. */
void shaper_config_ingress(const ShaperConfig *c, CakeOptions *ret);

/* One line without its line feed, for the database: "eth0 bandwidth=450000000 preset=diffserv4 ...". */
char *shaper_config_render(const char *interface, const ShaperConfig *c);

/* Reads such a line; what it leaves out is the default. -EINVAL for one that we did not write. */
int shaper_config_parse(const char *line, char **ret_interface, ShaperConfig *ret);

bool shaper_config_equal(const ShaperConfig *a, const ShaperConfig *b);
