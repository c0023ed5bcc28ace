/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The writable side of a mount: uppers/NAME or builds/N, with `upper` and `work` in it, for a build also
 * `base`. */

#include <glib.h>

#include "names.h"
#include "roots.h"

/* The directory's path below the state directory. */
char *upper_path(const MountId *id);

/* Makes it, or takes what is there, and opens it. A build begins with nothing: an upper layer with
 * content is refused. */
int upper_make(const Roots *roots, const MountId *id, GError **error);

/* Fails with -EBUSY while an overlay with this upper layer lives anywhere: also one whose mount here is
 * gone, but which a process in another mount namespace, a descriptor or a mapping keeps. Costs a line in
 * the kernel's log, so it is asked only when in doubt. */
int upper_check_unused(const Roots *roots, const MountId *id, GError **error);
