/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath.h"
#include "fail.h"
#include "progress.h"
#include "protocol/workshop.h"
#include "wishes.h"
#include "workshop-fetch.h"
#include "workshop-resolve.h"
#include "workshop-vpk.h"
#include "workshop.h"

#define COMPLAINTS_MAX 5U                     /* items that an error names */
#define CAMPAIGNS_TEXT_MAX (128U << 10)       /* bytes that one item's campaigns may have in the manifest */
#define MANIFEST_MAX (WORKSHOP_LIST_MAX / 4U) /* and those of all together */

typedef struct Plan {
        const WorkshopOrder *order;
        int cache, overlay;
        WorkshopList *list;
        GPtrArray *fetches;   /* Fetch: all items that the Workshop has for us */
        GPtrArray *downloads; /* Fetch, of those: what the cache lacks */
        GPtrArray *by_steam;  /* Fetch: what Steam gives only to its own client */
        GHashTable *reasons;  /* id -> why an item cannot be had */
} Plan;

static void plan_done(Plan *plan) {
        g_clear_pointer(&plan->by_steam, g_ptr_array_unref);
        g_clear_pointer(&plan->downloads, g_ptr_array_unref);
        g_clear_pointer(&plan->fetches, g_ptr_array_unref);
        g_clear_pointer(&plan->list, workshop_list_free);
        g_clear_pointer(&plan->reasons, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_done)

static void set_reason(Plan *plan, const WorkshopItem *item, const char *reason) {
        g_hash_table_replace(plan->reasons, item->id, g_strdup(reason));
}

/* What the Workshop says of an item; current, or needs-steamcmd, when it can be had. */
static WorkshopState judge(const ItemAnswer *a, char **ret_reason) {
        if (a->result == RESULT_NOT_FOUND) {
                *ret_reason = g_strdup("it is not in the Workshop: deleted, or a wrong id");
                return WORKSHOP_NOT_FOUND;
        }
        if (a->result == RESULT_ACCESS_DENIED) {
                *ret_reason = g_strdup("its author keeps it private");
                return WORKSHOP_PRIVATE;
        }
        if (a->result != RESULT_OK) {
                *ret_reason = g_strdup_printf(
                        "the Workshop refuses it with result %" G_GUINT64_FORMAT, a->result);
                return WORKSHOP_REFUSED;
        }
        if (a->banned) {
                *ret_reason = g_strdup("Steam has banned it");
                return WORKSHOP_BANNED;
        }
        if (a->app != WORKSHOP_APP) {
                *ret_reason = g_strdup_printf(
                        "it is for another game (app %" G_GUINT64_FORMAT "), not for Left 4 Dead 2", a->app);
                return WORKSHOP_REFUSED;
        }
        return *a->url == '\0' || a->has_image ? WORKSHOP_NEEDS_STEAMCMD : WORKSHOP_CURRENT;
}

/* Opens the item's file in the version that the build began with, if that has this revision (NULL: whichever). -ENOENT if not. */
static int open_in_base(const Plan *plan, const char *id, const char *revision) {
        const char *has = g_hash_table_lookup(plan->order->have, id);
        g_autofree char *path = g_strdup_printf(ADDONS_DIRECTORY "/%s" WORKSHOP_FILE_SUFFIX, id);

        if (!has || (revision && !g_str_equal(has, revision)))
                return -ENOENT;
        return beneath_open(plan->overlay, path, O_RDONLY);
}

/* 1: the version goes on with the file that the one before has. */
static int take_from_base(Plan *plan, WorkshopItem *item, const char *revision, WorkshopState state) {
        _cleanup_fd_ int fd = open_in_base(plan, item->id, revision);
        const char *has = g_hash_table_lookup(plan->order->have, item->id);

        if (fd < 0 || workshop_read_vpk(fd, item, NULL) < 0)
                return 0;

        g_free(item->revision);
        item->revision = g_strdup(has);
        item->source = WORKSHOP_FROM_BASE;
        item->state = state;
        return 1;
}

/* A pinned item stays what it is, whatever the Workshop says. */
static int take_pinned(
        Plan *plan, WorkshopItem *item, const char *revision, WorkshopState state, GError **error) {
        g_autofree char *name = workshop_cache_name(item->id, revision);
        _cleanup_fd_ int fd = -1;

        if (take_from_base(plan, item, revision, state))
                return 0;

        fd = beneath_open(plan->cache, name, O_RDONLY);
        if (fd < 0 || futimens(fd, NULL) < 0 || workshop_read_vpk(fd, item, NULL) < 0)
                return fail(error, ENOENT,
                        "item %s (%s) is pinned to a version that is not there any more: unpin it", item->id,
                        item->title);
        g_free(item->revision);
        item->revision = g_strdup(revision);
        item->source = WORKSHOP_FROM_CACHE;
        item->state = state;
        return 0;
}

static int plan_item(Plan *plan, const ResolvedItem *resolved, GError **error) {
        const char *pin = g_hash_table_lookup(plan->order->pins, resolved->id);
        const ItemAnswer *a = resolved->answer;
        WorkshopItem *item = workshop_item_new(resolved->id);
        g_autofree char *reason = NULL;
        bool there, steam;

        workshop_list_add(plan->list, item);
        if (a->title) {
                g_free(item->title);
                item->title = g_strdup(a->title);
        }
        item->state = resolved->collection ? WORKSHOP_COLLECTION : judge(a, &reason);
        steam = item->state == WORKSHOP_NEEDS_STEAMCMD;
        there = item->state == WORKSHOP_CURRENT || steam;
        if (there) {
                g_free(item->upstream);
                item->upstream = g_strdup_printf(
                        "%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, a->updated, a->size);
        }
        if (reason)
                set_reason(plan, item, reason);

        if (pin && !resolved->collection)
                return take_pinned(plan, item, pin, there ? WORKSHOP_CURRENT : WORKSHOP_KEPT, error);
        if (there && !take_from_base(plan, item, item->upstream, WORKSHOP_CURRENT))
                g_ptr_array_add(steam ? plan->by_steam : plan->fetches,
                        fetch_new(item, steam ? NULL : a->url, steam ? 0 : a->size));
        return 0;
}

/* As the lines `seen` of the order are, for what the Workshop has now. */
static bool has_news(const Plan *plan) {
        g_autoptr(GString) now = g_string_new(NULL);

        if (plan->order->seen->len == 0)
                return true;

        for (guint i = 0; i < plan->list->items->len; i++) {
                const WorkshopItem *item = plan->list->items->pdata[i];

                g_string_append_printf(
                        now, "seen %s %s\n", item->id, *item->upstream ? item->upstream : "-");
        }
        return !g_string_equal(now, plan->order->seen);
}

static int look_into_cache(Plan *plan, GError **error) {
        for (guint i = 0; i < plan->fetches->len; i++) {
                Fetch *fetch = plan->fetches->pdata[i];
                int r;

                r = fetch_from_cache(plan->cache, fetch, error);
                if (r < 0)
                        return r;
                if (r == 0)
                        g_ptr_array_add(plan->downloads, fetch);
        }
        return 0;
}

static void set_reasons(Plan *plan, const GPtrArray *fetches) {
        for (guint i = 0; i < fetches->len; i++) {
                const Fetch *fetch = fetches->pdata[i];

                if (fetch->reason)
                        set_reason(plan, fetch->item, fetch->reason);
        }
}

/* Puts what steamcmd brought into the cache. What it did not bring has a reason then. */
static int take_from_steam(Plan *plan, GHashTable *told, Fetch *fetch, GError **error) {
        _cleanup_fd_ int fd = wish_open(plan->overlay, fetch->item->id, fetch->item->upstream);
        const char *reason = g_hash_table_lookup(told, fetch->item->id);

        if (fd >= 0)
                return fetch_from_file(plan->cache, fd, fetch, error);

        fetch->reason = reason ? g_strdup_printf("Steam gives it only to its own client, and %s", reason)
                               : g_strdup("it has changed while it was fetched: build again");
        /* Nobody has seen it then, and the next look for news tries again. */
        g_free(fetch->item->upstream);
        fetch->item->upstream = g_strdup("");
        return 0;
}

/* 1: steamcmd has to fetch some first. */
static int fetch_by_steam(Plan *plan, GError **error) {
        g_autoptr(GPtrArray) wishes = g_ptr_array_new_with_free_func((GDestroyNotify) wish_free);
        g_autoptr(GHashTable) told = NULL;
        int r, asked;

        asked = wishes_read_answer(plan->overlay, &told, error);
        if (asked < 0)
                return asked;

        for (guint i = 0; i < plan->by_steam->len; i++) {
                Fetch *fetch = plan->by_steam->pdata[i];

                r = fetch_from_cache(plan->cache, fetch, error);
                if (r == 0 && asked)
                        r = take_from_steam(plan, told, fetch, error);
                else if (r == 0)
                        g_ptr_array_add(wishes, wish_new(fetch->item->id, fetch->item->upstream));
                if (r < 0)
                        return r;
        }
        if (wishes->len == 0)
                return 0;

        say(6, "%u items come by steamcmd", wishes->len);
        r = wishes_write(plan->overlay, wishes, error);
        return r < 0 ? r : 1;
}

/* Items that cannot be had stay if the version before has them. Without: one that only a collection brings is left out, so that a single
 * one which its author took away does not stop all the others; one that was asked for by itself is an error. */
static int settle_rest(Plan *plan, const GPtrArray *resolved, GError **error) {
        g_autoptr(GString) complaints = g_string_new(NULL);
        unsigned n = 0;

        set_reasons(plan, plan->fetches);
        set_reasons(plan, plan->by_steam);
        for (guint i = 0; i < resolved->len; i++) {
                const ResolvedItem *r = resolved->pdata[i];
                WorkshopItem *item = workshop_list_find(plan->list, r->id);
                const char *reason = g_hash_table_lookup(plan->reasons, r->id);
                WorkshopState why = item->state;

                if (why == WORKSHOP_CURRENT || why == WORKSHOP_COLLECTION || why == WORKSHOP_KEPT)
                        continue;
                if (take_from_base(plan, item, NULL, WORKSHOP_KEPT))
                        say(4, "item %s (%s) stays as it was: %s", item->id, item->title, reason);
                else if (!r->wanted)
                        say(4, "item %s (%s) of a collection is left out: %s", item->id, item->title,
                                reason);
                else if (++n <= COMPLAINTS_MAX)
                        g_string_append_printf(complaints, "%sitem %s%s%s%s: %s", n > 1 ? "; " : "",
                                item->id, *item->title ? " (" : "", item->title, *item->title ? ")" : "",
                                reason);
        }
        if (n > COMPLAINTS_MAX)
                g_string_append_printf(complaints, "; and %u more", n - COMPLAINTS_MAX);
        return n > 0 ? fail(error, ENOENT, "%s", complaints->str) : 0;
}

static size_t text_of_campaigns(const WorkshopItem *item) {
        size_t size = 0;

        for (guint c = 0; c < item->campaigns->len; c++) {
                const WorkshopCampaign *campaign = item->campaigns->pdata[c];

                size += strlen(campaign->name) + strlen(campaign->title) + 16;
                for (guint m = 0; m < campaign->modes->len; m++) {
                        const WorkshopMode *mode = campaign->modes->pdata[m];

                        size += strlen(mode->name) + 8;
                        for (guint k = 0; k < mode->maps->len; k++) {
                                const WorkshopMap *map = mode->maps->pdata[k];

                                size += strlen(map->name) + strlen(map->title) + 8;
                        }
                }
        }
        return size;
}

/* An item with a thousand campaigns loses them rather than that it costs the overlay the others. */
static void bound_campaigns(WorkshopList *list) {
        size_t all = 0;

        for (guint i = 0; i < list->items->len; i++) {
                WorkshopItem *item = list->items->pdata[i];
                size_t size = text_of_campaigns(item);

                if (size <= CAMPAIGNS_TEXT_MAX && all + size <= MANIFEST_MAX) {
                        all += size;
                        continue;
                }
                say(4, "item %s (%s) has too many campaigns and maps to list them", item->id, item->title);
                g_ptr_array_set_size(item->campaigns, 0);
        }
}

static int write_manifest(const Plan *plan, GError **error) {
        g_autofree char *text = NULL;
        int r;

        bound_campaigns(plan->list);
        text = workshop_list_render(plan->list);
        r = beneath_write(plan->overlay, MANIFEST_NAME, text, strlen(text), 0640);
        return r < 0 ? fail_errno(error, -r, "cannot write the manifest") : 0;
}

static int build(Plan *plan, Http *http, HttpClient *client, FILE *out, GError **error) {
        g_autoptr(GPtrArray) resolved = NULL, answers = NULL;
        Progress progress = { .out = out };
        int r;

        progress_report(&progress, 0, 0, "asks the Workshop");
        http->progress = &progress;
        r = workshop_resolve(
                client, (const char *const *) plan->order->wanted->pdata, &resolved, &answers, error);
        http->progress = NULL;
        for (guint i = 0; r >= 0 && i < resolved->len; i++)
                r = plan_item(plan, resolved->pdata[i], error);
        if (r < 0)
                return r;

        if (!has_news(plan)) {
                say(6, "the Workshop has nothing new");
                return 0;
        }

        r = fetch_by_steam(plan, error);
        if (r != 0)
                return r;

        r = look_into_cache(plan, error);
        if (r >= 0)
                r = fetch_all(plan->cache, http, plan->downloads, out, error);
        if (r >= 0)
                r = settle_rest(plan, resolved, error);
        return r < 0 ? r : write_manifest(plan, error);
}

int workshop_build(const WorkshopOrder *order, int cache, int overlay, FILE *out, GError **error) {
        g_autoptr(HttpClient) client = NULL;
        g_auto(Plan) plan = { .order = order, .cache = cache, .overlay = overlay };
        Http http;
        int r;

        plan.list = workshop_list_new();
        plan.fetches = g_ptr_array_new_with_free_func((GDestroyNotify) fetch_free);
        plan.downloads = g_ptr_array_new();
        plan.by_steam = g_ptr_array_new_with_free_func((GDestroyNotify) fetch_free);
        plan.reasons = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

        http_init(&http, &order->rules);
        client = http_client_new(&http);
        r = build(&plan, &http, client, out, error);
        g_clear_pointer(&client, http_client_free);
        http_done(&http);
        return r;
}
