/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Lines from a terminal, edited as people are used to, with those of earlier times at hand. What looks as if it held a password is not
 * remembered. */

typedef struct Editor Editor;

/* prompt: plain text. */
Editor *editor_new(const char *prompt, const char *history_file);
Editor *editor_free(Editor *e);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Editor, editor_free)

/* The next line without its end; NULL when there are no more (Ctrl-D). */
char *editor_read(Editor *e);

/* $XDG_STATE_HOME/left4me/console_history */
char *editor_history_path(void);
gboolean editor_keeps(const char *line);
