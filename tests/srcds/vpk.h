/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in a VPK's tree (version 1 and 2). The stand-in mounts add-ons with it; contents are of no
 * interest to it. */
#pragma once

typedef void (*VpkCallback)(const char *dir, const char *name, const char *ext, void *userdata);

/* 0, or -EBADMSG when the file is no VPK or its tree is broken, or the errno of reading it. */
int vpk_list(const char *path, VpkCallback callback, void *userdata);
