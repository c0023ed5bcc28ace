/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answers of the Workshop's two calls, JSON, as values. They come over the network: size, depth and every type are checked, numbers
 * may stand in quotes or not, and what concerns one item only spoils that one.
 *
 * Facts: the reference of ISteamRemoteStorage, GetCollectionDetails v1 and GetPublishedFileDetails v1. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define ANSWER_SIZE_MAX (16U << 20)

#define WORKSHOP_APP 550U /* what items for L4D2 are for, the game and not its server */

/* Steam's results, of each item. */
#define RESULT_OK 1U
#define RESULT_NOT_FOUND 9U
#define RESULT_ACCESS_DENIED 15U

typedef struct CollectionAnswer {
        char *id;
        uint64_t result;
        GPtrArray *children; /* char *: ids, in their order */
        GHashTable *nested;  /* char *: those of the children that say to be collections themselves */
} CollectionAnswer;

typedef struct ItemAnswer {
        char *id;
        uint64_t result;
        uint64_t app, size, updated; /* 0 for not told */
        bool banned;
        char *title;    /* cleaned */
        char *url;      /* "" for none */
        bool has_image; /* the url is the preview's, or of its kind, and no file's */
} ItemAnswer;

/* *ret: of CollectionAnswer, or ItemAnswer; the caller's. -EBADMSG: that is no such answer (an error page, a part of one, an empty one);
 * -EMSGSIZE: over a limit. */
int answers_read_collections(const char *text, size_t size, GPtrArray **ret);
int answers_read_items(const char *text, size_t size, GPtrArray **ret);
