/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files and directories by descriptor. Whatever is opened here lies beneath the directory that is given:
 * no symbolic link is followed, wherever in the path it stands, and no mount point is crossed. All return
 * a negative errno. */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Closes *fd and sets it to -1; for G_GNUC cleanup by _cleanup_fd_. */
void close_fd(int *fd);
#define _cleanup_fd_ __attribute__((cleanup(close_fd)))
int steal_fd(int *fd);

/* openat2(); returns the descriptor (always close-on-exec). */
int beneath_open(int dirfd, const char *path, int flags);

/* The same, but a mount below dirfd may be entered: for the trees that left4me-overlay itself mounted. */
int beneath_open_across(int dirfd, const char *path, int flags);

/* Opens a directory for reading and changing whatever its mode says: a build may have closed it, and overlayfs makes its work/work with
 * mode 000. Only for trees on which nobody else works any more. */
int beneath_open_closed(int dirfd, const char *name);

/* Makes the directory name, or takes the one that is there, and opens it for reading. */
int beneath_make(int dirfd, const char *name, mode_t mode);

/* The same for a path; "" is dirfd itself. */
int beneath_make_path(int dirfd, const char *path, mode_t mode);

/* Opens a file that somebody else (owner) made for us, as O_PATH or for reading. -EPERM when it is
 * anything but a regular file with one name that belongs to owner: with CAP_DAC_OVERRIDE the kernel would
 * not stop us from passing on a file of root. */
int beneath_open_from(int dirfd, const char *path, uid_t owner, int flags);

/* Reads such a file of at most max bytes; *ret is NUL-terminated (it may hold other NULs) and the
 * caller's. -EFBIG when larger. */
int beneath_read_from(int dirfd, const char *path, uid_t owner, size_t max, char **ret, size_t *ret_size);

/* Writes a file by way of `.NAME.new`, so that a reader sees the old content or the new, never a part. */
int beneath_write(int dirfd, const char *name, const char *data, size_t size, mode_t mode);
