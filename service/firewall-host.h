/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/config.h"
#include "service/firewall.h"

/*
 * Accept rules in the host's own chains (HostChain= in left4me.conf), for hosts whose policy is to drop: one for UDP of each server that runs,
 * and one for TCP of each whose RCON is open. They are put first, because chains often end with a rule that drops, and are known by their
 * comment: whatever is found there and is not wanted any more, or twice, is removed by its handle.
 */

/* Puts the rules for `open` (name -> OpenPort) into the chains, and removes all others of ours: from these chains, or, everywhere, from all
 * chains of the host. All or nothing; asks again when the ruleset changes meanwhile. -ENOENT: one of the chains is not there, the others are
 * done. done is called exactly once. */
void firewall_host_put(Netlink *n, const HostChain *chains, unsigned n_chains, GTree *open, bool everywhere,
        FirewallDone done, void *userdata);

/* "inet filter input" */
char *host_chain_to_string(const HostChain *c);
