/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "protocol/workshop.h"
#include "workshop-resolve.h"

#define BATCH 100U
#define NESTING_MAX 8U
#define PATH_MAX_COLLECTIONS 200U /* one in the other, however they were found */
#define COLLECTIONS "/ISteamRemoteStorage/GetCollectionDetails/v1/"
#define ITEMS "/ISteamRemoteStorage/GetPublishedFileDetails/v1/"

static void resolved_free(gpointer data) {
        ResolvedItem *item = data;

        g_free(item->id);
        g_free(item);
}

typedef int (*ReadAnswers)(const char *text, size_t size, GPtrArray **ret);

/* One call, for up to BATCH ids. */
typedef struct Batch {
        ReadAnswers read;
        guint n; /* answers that there must be */
        GPtrArray *answers;
} Batch;

/* An answer that leaves something out is as good as none: each id has its result, whatever that is. */
static int take_batch(const char *text, size_t size, void *userdata) {
        g_autoptr(GPtrArray) answers = NULL;
        Batch *batch = userdata;
        int r;

        r = batch->read(text, size, &answers);
        if (r < 0)
                return r;
        if (answers->len < batch->n)
                return -EBADMSG;

        batch->answers = g_steal_pointer(&answers);
        return 0;
}

static char *make_form(const char *count, const GPtrArray *ids, guint first, guint n) {
        g_autoptr(GString) form = g_string_new(NULL);

        g_string_append_printf(form, "%s=%u", count, n);
        for (guint i = 0; i < n; i++)
                g_string_append_printf(
                        form, "&publishedfileids%%5B%u%%5D=%s", i, (const char *) ids->pdata[first + i]);
        return g_string_free(g_steal_pointer(&form), FALSE);
}

/* Asks for all of ids. by_id gets what read() made of the answers, all what owns them. */
static int ask(HttpClient *client, const char *path, const char *count, ReadAnswers read,
        const GPtrArray *ids, GHashTable *by_id, GPtrArray *all, GError **error) {
        for (guint first = 0; first < ids->len; first += BATCH) {
                Batch batch = { .read = read, .n = MIN(BATCH, ids->len - first) };
                g_autofree char *form = make_form(count, ids, first, batch.n);
                int r;

                r = http_call(client, path, form, take_batch, &batch, error);
                if (r < 0)
                        return r;

                for (guint i = 0; i < batch.answers->len; i++) {
                        /* Both kinds of answers begin with their id. */
                        char **answer = batch.answers->pdata[i];

                        g_hash_table_insert(by_id, *answer, answer);
                }
                g_ptr_array_add(all, batch.answers);
        }
        return 0;
}

typedef struct Resolve {
        HttpClient *client;
        GPtrArray *items;        /* ResolvedItem */
        GHashTable *seen;        /* their ids */
        GHashTable *collections; /* id -> CollectionAnswer */
        GHashTable *wanted;      /* ids that were asked for */
        GError **error;
} Resolve;

/* Puts an id and what is in it to the list. Depth is bounded, and what was there already is not walked again. */
static int add(Resolve *resolve, const char *id, unsigned depth) {
        const CollectionAnswer *collection = g_hash_table_lookup(resolve->collections, id);
        ResolvedItem *item;
        int r = 0;

        if (g_hash_table_contains(resolve->seen, id))
                return 0;
        if (resolve->items->len == WORKSHOP_ITEMS_MAX)
                return fail(resolve->error, E2BIG, "these are more than %u items", WORKSHOP_ITEMS_MAX);

        item = g_new0(ResolvedItem, 1);
        item->id = g_strdup(id);
        item->wanted = g_hash_table_contains(resolve->wanted, id);
        item->collection = collection && collection->result == RESULT_OK;
        g_ptr_array_add(resolve->items, item);
        g_hash_table_add(resolve->seen, item->id);

        if (!item->collection)
                return 0;
        if (depth == PATH_MAX_COLLECTIONS)
                return fail(resolve->error, ELOOP, "collection %s: collections are nested too deeply", id);
        for (guint i = 0; i < collection->children->len && r >= 0; i++)
                r = add(resolve, collection->children->pdata[i], depth + 1);
        return r;
}

/* Asks about the wanted ids whether they are collections, then about the collections in those, and so on. */
static int find_collections(Resolve *resolve, const char *const *ids, GPtrArray *all) {
        g_autoptr(GPtrArray) level = g_ptr_array_new();
        g_autoptr(GHashTable) asked = g_hash_table_new(g_str_hash, g_str_equal);
        unsigned depth = 0;
        int r = 0;

        for (const char *const *id = ids; *id; id++)
                if (g_hash_table_add(asked, (gpointer) (uintptr_t) *id))
                        g_ptr_array_add(level, (gpointer) (uintptr_t) *id);

        for (; level->len > 0 && r >= 0 && depth <= NESTING_MAX; depth++) {
                g_autoptr(GPtrArray) next = g_ptr_array_new();

                if (g_hash_table_size(asked) > WORKSHOP_ITEMS_MAX)
                        return fail(
                                resolve->error, E2BIG, "these are more than %u items", WORKSHOP_ITEMS_MAX);
                r = ask(resolve->client, COLLECTIONS, "collectioncount", answers_read_collections, level,
                        resolve->collections, all, resolve->error);
                for (guint i = 0; r >= 0 && i < level->len; i++) {
                        const CollectionAnswer *c = g_hash_table_lookup(
                                resolve->collections, level->pdata[i]);
                        GHashTableIter iter;
                        gpointer child;

                        if (!c || c->result != RESULT_OK)
                                continue;
                        g_hash_table_iter_init(&iter, c->nested);
                        while (g_hash_table_iter_next(&iter, &child, NULL))
                                if (g_hash_table_add(asked, child))
                                        g_ptr_array_add(next, child);
                }
                g_ptr_array_set_size(level, 0);
                g_ptr_array_extend(level, next, NULL, NULL);
        }
        if (r >= 0 && level->len > 0)
                return fail(resolve->error, ELOOP, "collection %s: collections are nested too deeply",
                        (const char *) level->pdata[0]);
        return r;
}

int workshop_resolve(HttpClient *client, const char *const *ids, GPtrArray **ret, GPtrArray **ret_answers,
        GError **error) {
        g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(resolved_free),
                             names = g_ptr_array_new(),
                             all = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal),
                              collections = g_hash_table_new(g_str_hash, g_str_equal),
                              wanted = g_hash_table_new(g_str_hash, g_str_equal),
                              answers = g_hash_table_new(g_str_hash, g_str_equal);
        Resolve resolve = { client, items, seen, collections, wanted, error };
        int r;

        for (const char *const *id = ids; *id; id++)
                g_hash_table_add(wanted, (gpointer) (uintptr_t) *id);

        r = find_collections(&resolve, ids, all);
        for (const char *const *id = ids; *id && r >= 0; id++)
                r = add(&resolve, *id, 0);
        if (r < 0)
                return r;

        for (guint i = 0; i < items->len; i++)
                g_ptr_array_add(names, ((ResolvedItem *) items->pdata[i])->id);
        r = ask(client, ITEMS, "itemcount", answers_read_items, names, answers, all, error);
        if (r < 0)
                return r;

        for (guint i = 0; i < items->len; i++) {
                ResolvedItem *item = items->pdata[i];

                item->answer = g_hash_table_lookup(answers, item->id);
                if (!item->answer)
                        return fail(error, EBADMSG, "the Workshop says nothing about %s", item->id);
        }
        *ret = g_steal_pointer(&items);
        *ret_answers = g_steal_pointer(&all);
        return 0;
}
