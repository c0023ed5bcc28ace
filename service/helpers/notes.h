/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a build tells the manager: small files in the root of the overlay, which belong to no version. left4me-tree moves them out of the
 * upper layer, to builds/N, where the manager reads them as what they are, the words of a build. */

#include <glib.h>

#define NOTE_LABEL ".left4me-label" /* becomes builds/N/label: a label for the version */
#define NOTE_NEWEST \
        ".left4me-newest" /* becomes builds/N/newest: the label that the newest build there is would get */

/* upper, build: the directories. What was moved before a crash stays where it is. */
int notes_take(int build, int upper, GError **error);
