/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What a version of an overlay brings that another layer must not bring as well: maps (also those inside its VPKs), plugins and
 * gamedata. A version can have many files, so it is scanned in slices; it never changes, so once is enough.
 */

typedef enum ClaimKind {
        CLAIM_MAP,
        CLAIM_PLUGIN,
        CLAIM_GAMEDATA,
} ClaimKind;

const char *claim_kind_to_string(ClaimKind kind); /* as on the bus */

typedef struct Claim {
        ClaimKind kind;
        char *key; /* equal for what excludes each other */
        char *path; /* escaped as file_name_escape() does; "left4dead2/addons/x.vpk:maps/y.bsp" for a map inside a VPK */
} Claim;

/* For hash tables: of kind and key. */
unsigned claim_hash(gconstpointer claim);
gboolean claim_equal(gconstpointer a, gconstpointer b);

typedef GArray Claims; /* of Claim, by kind and key, each once */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Claims, g_array_unref)

#define CLAIMS_MAX 20000U

typedef struct ClaimScan ClaimScan;

/* version: the directory, borrowed as long as the scan. */
ClaimScan *claim_scan_new(int version);
ClaimScan *claim_scan_free(ClaimScan *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClaimScan, claim_scan_free)

/* One slice, some milliseconds at most. Returns 1 with *ret, 0 when there is more to do, -E2BIG for more than CLAIMS_MAX, or what else
 * an access failed with. What a VPK is broken from on, the game does not load either. */
int claim_scan_step(ClaimScan *s, Claims **ret);
