/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A stack as left4me-overlay reads it, written down again. Behind a function, because the manager and the helpers, which trust each
 * other in nothing, each have a Layer of their own. The caller frees it. */
char *helper_stack_read(const char *text);
