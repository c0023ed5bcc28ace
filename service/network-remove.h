/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Takes everything off the host's network that left4med has put there, as the package goes: the table, its rules in the host's own chains,
 * and the shapers that the store below root names, which stay in the store.
 * Wants CAP_NET_ADMIN, and no left4med that runs. Errors are logged; nothing to take off is none. */
int network_remove(const char *root);
