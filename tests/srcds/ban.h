/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is not wanted: the engine's two lists, addresses (addip) and Steam ids (banid), and who gave wrong
 * passwords to the remote console, which ends on the first list. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "types.h"

typedef struct CommandTable CommandTable;

#define FAILURES_KEPT 64 /* wrong passwords of one address that are remembered */

typedef struct AddressBan {
        uint32_t address; /* host order; a zero octet stands for any */
        uint32_t mask;
        uint64_t until_ms; /* 0: for good */
} AddressBan;

typedef struct IdBan {
        uint32_t account;
        uint64_t until_ms;
} IdBan;

typedef struct Failures {
        uint32_t address;
        unsigned total;
        unsigned n;
        uint64_t at_ms[FAILURES_KEPT]; /* the latest, oldest first */
} Failures;

typedef struct Bans {
        AddressBan *addresses;
        size_t n_addresses;
        IdBan *ids;
        size_t n_ids;
        Failures *failures;
        size_t n_failures;
} Bans;

extern const CommandTable ban_commands;

void bans_done(Bans *b);
bool ban_has_address(Server *s, struct in_addr address);
bool ban_has_account(Server *s, uint32_t account);
void ban_address(Server *s, struct in_addr address); /* for sv_rcon_banpenalty minutes */
bool ban_count_failure(
        Server *s, struct in_addr address); /* a wrong password; whether that was one too many */
