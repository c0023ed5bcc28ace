/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What steamcmd prints and writes: the lines of a run, the manifest of an installed app, the branches of an app. Text for people, of a
 * program that changes without notice: what is not known is said to be unknown, never guessed.
 *
 * Facts: published logs of steamcmd runs; LinuxGSM's core_dl.sh; the flags as SteamDB lists them.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define STEAMCMD_LINE_MAX 1024U /* bytes of a line that are read */

typedef enum SteamcmdEvent {
        STEAMCMD_OTHER,
        STEAMCMD_PROGRESS,  /* state, percent, done, total */
        STEAMCMD_BOOTSTRAP, /* steamcmd renews itself: percent, -1 for not told; state: what it does */
        STEAMCMD_SUCCESS,   /* app; current: there was nothing to do */
        STEAMCMD_FAILED,    /* fault; app, 0 where it is no app's */
        /* Of the Workshop: */
        STEAMCMD_ITEM_BEGUN,
        STEAMCMD_ITEM_DONE,
        STEAMCMD_ITEM_FAILED, /* fault; state: its own word for it */
} SteamcmdEvent;

typedef enum SteamcmdFault {
        STEAMCMD_FAULT_NONE,
        STEAMCMD_INVALID_PLATFORM,      /* there is nothing for this platform: the other one first */
        STEAMCMD_MISSING_CONFIGURATION, /* what is known of the app is old, or the platform; passes */
        STEAMCMD_NO_SUBSCRIPTION,       /* the account does not own it */
        STEAMCMD_DISK,                  /* full, or not writable */
        STEAMCMD_NETWORK,
        STEAMCMD_RATE_LIMIT,
        STEAMCMD_DAMAGED, /* files are missing or corrupt: `validate` */
        STEAMCMD_AGAIN,   /* it says itself that it is worth another try */
        STEAMCMD_LOGIN,
        STEAMCMD_BRANCH,  /* no such branch, or its password is wrong */
        STEAMCMD_OFFLINE, /* it could not even renew itself */
        STEAMCMD_UNKNOWN,
        _STEAMCMD_FAULT_MAX,
} SteamcmdFault;

typedef struct SteamcmdLine {
        SteamcmdEvent event;
        SteamcmdFault fault;
        uint32_t app;
        bool current;
        uint64_t item;        /* of the Workshop, 0 for none */
        char state[64];       /* "downloading"; printable ASCII */
        double percent;       /* 0..100 */
        uint64_t done, total; /* bytes */
} SteamcmdLine;

/* Makes a line of a terminal plain, in place: no escape sequences, no control characters, nothing that a later carriage return has
 * overwritten, no spaces at the end. */
void steamcmd_clean(char *line);

/* Of the Workshop steamcmd forgets to end lines: where, behind a first message, the next one begins. NULL: there is none. */
const char *steamcmd_next(const char *line);

/* Reads one clean line. */
void steamcmd_read(const char *line, SteamcmdLine *ret);

/* What went wrong and what is to be done about it, a sentence for the administrator. */
const char *steamcmd_fault_text(SteamcmdFault fault);

/* Whether the same command is worth another try: soon (a pause of seconds), or with `validate`. */
bool steamcmd_fault_passes(SteamcmdFault fault);

#define STEAM_BRANCH_MAX 64U

/* Whether it can be the name of a branch, and a word of steamcmd's command line. */
bool steam_branch_is_valid(const char *branch);

typedef struct SteamManifest {
        uint32_t app;
        uint32_t flags; /* exactly 4: fully installed, and nothing else */
        uint64_t build;
        uint64_t to_download, downloaded, to_stage, staged; /* bytes */
} SteamManifest;

#define STEAM_FULLY_INSTALLED 4U

/* Reads an appmanifest_N.acf. -EBADMSG: it is none. Numbers that are not there are 0. */
int steam_manifest_parse(const char *text, size_t size, SteamManifest *ret);

/* Whether the app is there as a whole: its flags, and all that was to be fetched has been. */
bool steam_manifest_is_healthy(const SteamManifest *m);

/* Finds the build of a branch in what `app_info_print APP` printed, with whatever stands around it. -ENODATA: nothing is told of the
 * app (ask again: the first answer often is empty); -ENOENT: it has no such branch. */
int steam_branch_build(const char *output, size_t size, uint32_t app, const char *branch, uint64_t *ret);
