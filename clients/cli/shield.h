/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kinds of packets that have limits of their own, as left4med calls them; ends with NULL. */
extern const char *const shield_kinds[];
