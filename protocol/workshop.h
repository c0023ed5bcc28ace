/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an overlay holds of the Steam Workshop, as text that left4me's own programs hand to each other: left4me-workshop writes it in its
 * sandbox, left4me-tree makes a version by it, left4med keeps it. The writer reads what strangers wrote, so a reader takes it for hostile:
 * what is not exactly of this form is refused as a whole.
 *
 * A first line "workshop 1", then lines of fields with tabs between them; campaigns belong to the item above them, and so on:
 *   item ID STATE SOURCE REVISION UPSTREAM SIZE TITLE
 *   campaign NAME TITLE
 *   mode NAME
 *   map NAME TITLE
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define WORKSHOP_LIST_MAX (4U << 20) /* bytes of text */
#define WORKSHOP_ITEMS_MAX 5000U     /* in one overlay, what its collections bring included */
#define WORKSHOP_CAMPAIGNS_MAX 64U   /* of one item */
#define WORKSHOP_MODES_MAX 64U       /* of one campaign */
#define WORKSHOP_MAPS_MAX 256U       /* of one mode */
#define WORKSHOP_TITLE_MAX 128U      /* characters */
#define WORKSHOP_NAME_MAX 64U        /* characters of the name of a campaign, mode or map */
#define WORKSHOP_FILE_SUFFIX ".vpk"

/* What left4me-workshop ends with when left4me-steam is to fetch something for it, and it shall be called again then. */
#define WORKSHOP_WISHES_STATUS 3

typedef enum WorkshopState {
        WORKSHOP_CURRENT,        /* in the version */
        WORKSHOP_KEPT,           /* in the version, and the Workshop does not give it any more */
        WORKSHOP_COLLECTION,     /* no file of its own */
        WORKSHOP_NOT_FOUND,      /* deleted, or never there */
        WORKSHOP_PRIVATE,        /* its author shows it to nobody */
        WORKSHOP_BANNED,         /* Steam took it away */
        WORKSHOP_NEEDS_STEAMCMD, /* cannot be downloaded without, and that did not bring it */
        WORKSHOP_REFUSED,        /* another game's, or from a host that is not allowed */
        WORKSHOP_BROKEN,         /* what came is no VPK */
        _WORKSHOP_STATE_MAX,
        _WORKSHOP_STATE_INVALID = -22,
} WorkshopState;

/* Where the version gets the item's file from. */
typedef enum WorkshopSource {
        WORKSHOP_FROM_NOWHERE, /* it has none */
        WORKSHOP_FROM_CACHE,   /* ID-REVISION.vpk */
        WORKSHOP_FROM_BASE,    /* the version before has it */
        _WORKSHOP_SOURCE_MAX,
        _WORKSHOP_SOURCE_INVALID = -22,
} WorkshopSource;

typedef struct WorkshopMap {
        char *name; /* as `changelevel` takes it */
        char *title;
} WorkshopMap;

typedef struct WorkshopMode {
        char *name;      /* coop, versus, …; "" for not known */
        GPtrArray *maps; /* WorkshopMap, in their order */
} WorkshopMode;

typedef struct WorkshopCampaign {
        char *name; /* the engine's; "" when the item has maps and says nothing of a campaign */
        char *title;
        GPtrArray *modes; /* WorkshopMode */
} WorkshopCampaign;

typedef struct WorkshopItem {
        char *id;
        WorkshopState state;
        WorkshopSource source;
        char *revision; /* of the file in the version, "" for none */
        char *upstream; /* what the Workshop had, "" for not known */
        uint64_t size;  /* bytes of the file, 0 for none */
        char *title;
        GPtrArray *campaigns; /* WorkshopCampaign */
} WorkshopItem;

typedef struct WorkshopList {
        GPtrArray *items;  /* WorkshopItem, in the order that was asked for */
        GHashTable *by_id; /* the same */
} WorkshopList;

const char *workshop_state_to_string(WorkshopState state);
WorkshopState workshop_state_from_string(const char *text);
const char *workshop_source_to_string(WorkshopSource source);
WorkshopSource workshop_source_from_string(const char *text);

/* Whether text is the id of an item or collection: a decimal number of 64 bits, not 0, without leading zeros. */
bool workshop_id_valid(const char *text);

/* The id that a person wrote: the number, or the address of its page (https://steamcommunity.com/sharedfiles/filedetails/?id=N). *ret is the
 * caller's. -EINVAL for anything else. */
int workshop_id_from_text(const char *text, char **ret);

/* Where the Workshop is. */
#define WORKSHOP_API "https://api.steampowered.com"
#define WORKSHOP_HOSTS "steamusercontent.com steamusercontent-a.akamaihd.net"

/* Whether text is an address of the API, http(s)://HOST[:PORT] with at most a slash behind it; and hosts that files may come from, each HOST
 * or HOST:PORT, with blanks between them, 1 to 64 of them. */
bool workshop_api_valid(const char *text);
bool workshop_hosts_valid(const char *text);

/* Whether text is a revision, `TIME-SIZE`: when the item was last updated, seconds since 1970, and how large the Workshop says it is. */
bool workshop_revision_valid(const char *text);
uint64_t workshop_revision_time(const char *revision); /* seconds since 1970; 0 for "" */

/* The file of a revision in the cache; the caller's. */
char *workshop_cache_name(const char *id, const char *revision);

/* Text of a stranger, fit for a list: valid UTF-8 without control characters, blanks around it gone, at most max characters. The caller's. */
char *workshop_text_clean(const char *text, size_t max);

WorkshopList *workshop_list_new(void);
void workshop_list_free(WorkshopList *list); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkshopList, workshop_list_free)

WorkshopItem *workshop_item_new(const char *id);
void workshop_item_free(WorkshopItem *item); /* takes NULL */
void workshop_list_add(
        WorkshopList *list, WorkshopItem *item); /* takes the item, whose id is new to the list */
WorkshopCampaign *workshop_campaign_new(const char *name, const char *title);
void workshop_campaign_free(WorkshopCampaign *campaign); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkshopCampaign, workshop_campaign_free)
WorkshopMode *workshop_mode_add(WorkshopCampaign *campaign, const char *name);
void workshop_map_add(WorkshopMode *mode, const char *name, const char *title);

/* NULL when there is none, or no list. */
WorkshopItem *workshop_list_find(const WorkshopList *list, const char *id);

/* The caller's. */
char *workshop_list_render(const WorkshopList *list);

/* *ret is the caller's. -EBADMSG: not of this form; -EMSGSIZE: over a limit. */
int workshop_list_parse(const char *text, size_t size, WorkshopList **ret);
