/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * What a terminal shows after that output: its lines without colours and trailing blanks, the ones that
 * have gone off at the top too. Fails where a line reaches the last column.
 */
char *screen_of(const GString *output, unsigned columns);
void assert_screen(const GString *output, unsigned columns, const char *expected);
