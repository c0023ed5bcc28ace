/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes name in dirfd and all below it: however deep, with whatever modes its directories have,
 * following no link and entering no mount (-EXDEV). Success when there is nothing. */
int remove_tree(int dirfd, const char *name);

/* The same for a directory of ours, in a way that a crash cannot leave half of it under its name: it
 * becomes `.name` first. A later call takes up what an earlier one left. 1 if some of that is still there. */
int remove_by_rename(int dirfd, const char *name);

/* Removes what the above left in that directory, whatever it was. */
int remove_trash(int dirfd);
