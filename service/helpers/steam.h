/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One build of an overlay that holds an app of Steam's, the game: steamcmd installs or updates it in the overlay's tree; and the part of a
 * build of Workshop items that needs steamcmd. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "steam-run.h"

typedef struct SteamOrder {
        uint32_t app;    /* 222860: Left 4 Dead 2's dedicated server */
        char *branch;    /* "public", or a beta */
        bool validate;   /* look at every file */
        bool check_only; /* what is the newest build? Nothing is installed */
        bool items;      /* what left4me-workshop wants (wishes.h), instead of an app */
        char *installer; /* where the archive of steamcmd is: http or https */
        unsigned pause;  /* seconds before another try */
} SteamOrder;

/* Reads a job file. */
int steam_order_parse(const char *text, size_t size, SteamOrder **ret, GError **error);
void steam_order_free(SteamOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SteamOrder, steam_order_free)

/*
 * cache: what builds share, the absolute path of a directory: steamcmd/ (itself), home/ (what it knows), sdk32/ (for the servers: their
 * ~/.steam is this directory). tree: the overlay. out gets the lines of progress.
 *
 * Since November 2024 Steam refuses a first anonymous installation for Linux (Invalid platform, Missing configuration): then the app is
 * installed for Windows first, in the same place, and for Linux over it. (reference: what published recipes do)
 */
int steam_build(const SteamOrder *order, const char *cache, const char *tree, FILE *out, GError **error);

/* Fetches items of the Workshop, as left4me-workshop has written them down in the tree. What cannot be had is told there, and no error. */
int steam_fetch_items(
        const SteamOrder *order, const SteamRun *run, const char *tree, FILE *out, GError **error);

/* Puts steamcmd into the cache, unless it is there. */
int steam_fetch_installer(const SteamOrder *order, const char *cache, FILE *out, GError **error);
