/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Takes everything off the host's network that left4med has put there, as the package goes: the table, and its rules in the host's own chains.
 * Wants CAP_NET_ADMIN, and no left4med that runs. Errors are logged; nothing to take off is none. */
int network_remove(void);
