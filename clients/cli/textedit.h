/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* A text in the user's editor. What he wrote is not lost, whatever happens to it on its way. */

typedef struct {
        Cli *cli;
        char *directory, *path; /* the file that he edits, and where it stands */
} TextEdit;

void text_edit_clear(TextEdit *e);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TextEdit, text_edit_clear)

/* name: of the file, by which editors know what it is. */
int text_edit_begin(Cli *cli, const char *name, const char *text, gsize size, TextEdit *ret);

/* Lets him edit, and says whether that made a difference to `text`. The result stands in the file, also when this fails. */
int text_edit_run(TextEdit *e, const char *text, gsize size, gboolean *ret_changed, gsize *ret_size);

/* done: the file is of no use any more; else it stays, and he is told where. */
void text_edit_end(TextEdit *e, gboolean done);
