/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must hold for an InstanceConfig whatever was set in it; for the unit tests and the fuzzer. */

#include "service/instance-config.h"

/* Asserts that what an accepted config is rendered to has its shape: the words of argv and the lines of server.cfg are as many and
 * of the form that the settings say, in printable ASCII. */
void config_assert_rules(const InstanceConfig *c, const char *name, const char *const *execs);

/* A list for a Setting, or for the config itself. The caller frees it. */
GStrv config_list(const char *const *items);

/* All of the config as one text, to compare. The caller frees it. */
char *config_dump(const InstanceConfig *c);

/* Sets, and asserts that a refusal says why and has changed nothing. Returns whether it was accepted. */
bool config_try(InstanceConfig *c, const Setting *s);

/* The ports of config_try(). */
#define RULES_PORT_FIRST 27015
#define RULES_PORT_LAST 27115
