/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "types.h"

/* Now, in microseconds since 1970, as all times on the bus. */
uint64_t now_usec(void);

/* Whether text may be the name of an instance or overlay: [a-z0-9][a-z0-9_-]{0,63}. What passes is also safe as a file name, in a
 * unit name and in an object path element. */
bool name_is_valid(const char *text);

/* Whether all of text is printable ASCII (space to tilde) and at most max characters long. */
bool text_is_plain(const char *text, size_t max);

/* Foreign text made fit to be told: valid UTF-8, a question mark for each control character, cut ("...") beyond max bytes. */
char *text_clean(const char *text, size_t max);

/* Writes a file by way of a temporary one, so that a reader sees the old content or the new, never a part. Its
 * group is the directory's, which has its set-group-id bit. */
int file_write(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* Makes a directory below dirfd, or takes the one that is there (never through a symlink), and opens it. */
int directory_make(int dirfd, const char *name, mode_t mode);

/* Reads a file of at most max bytes, never through a symlink; *ret is NUL-terminated, owned by the caller. -EFBIG when larger. */
int file_read(int dirfd, const char *name, size_t max, char **ret);

/* Removes a directory that holds plain files only, and them. Success when there is none. */
int directory_remove(int dirfd, const char *name);

/* The names in a directory, sorted, without . and .. and dot files; at most max of them, -E2BIG when there are more. */
int directory_list(int dirfd, const char *name, size_t max, GStrv *ret);

/* The same with dot files. */
int directory_list_all(int dirfd, const char *name, size_t max, GStrv *ret);
