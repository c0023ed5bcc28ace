/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

char *change_words(const char *interface, GVariant *changed, GVariant *all);
