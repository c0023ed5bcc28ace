/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/conflicts.h"
#include "service/manager.h"
#include "service/overlay.h"

#define SEARCHES_MAX 32U
#define COMPARED_MAX 100000U /* claims of one stack: some 10 ms */
#define KEPT_MAX 400000U     /* claims of all versions together: some 100 MB at worst */

typedef struct Search {
        Stack *stack;
        GPtrArray *claims; /* Claims of each layer, as far as they are known */
        ConflictsDone done;
        void *userdata;
} Search;

struct Conflicts {
        Manager *manager;
        GQueue *searches; /* the first one is under way */
        ClaimScan *scan;  /* for its next layer, NULL for none */
        int scan_fd;
        sd_event_source *slice;
        GHashTable *kept; /* a version's name -> Claims */
        unsigned n_kept;
};

static Search *search_free(Search *s) {
        if (!s)
                return NULL;

        g_array_unref(s->stack);
        g_ptr_array_unref(s->claims);
        g_free(s);
        return NULL;
}

static void end_scan(Conflicts *c) {
        c->scan = claim_scan_free(c->scan);
        if (c->scan_fd >= 0)
                (void) close(c->scan_fd);
        c->scan_fd = -1;
}

/* Ends the first search. */
static void end_search(Conflicts *c, int r, const GArray *conflicts) {
        Search *s = g_queue_pop_head(c->searches);

        end_scan(c);
        s->done(r, conflicts, s->userdata);
        search_free(s);
}

/* -- what was found of a version ---------------------------------------------------------------------------------- */

/* An overlay of the same name can be another one: so the time of its making belongs to the name. */
static char *version_name(const Conflicts *c, const Layer *l) {
        const Overlay *o = overlay_find(c->manager, l->overlay);
        const StoredVersion *v = o ? overlay_find_version(o, l->version) : NULL;

        return v ? g_strdup_printf("%s/%u/%" G_GUINT64_FORMAT, l->overlay, l->version, v->created) : NULL;
}

static void keep(Conflicts *c, char *name, Claims *claims) {
        if (c->n_kept + claims->len > KEPT_MAX) {
                g_hash_table_remove_all(c->kept);
                c->n_kept = 0;
        }

        g_hash_table_replace(c->kept, name, g_array_ref(claims));
        c->n_kept += claims->len;
}

/* -- comparing ---------------------------------------------------------------------------------------------------- */

static void conflict_clear(gpointer data) {
        g_ptr_array_unref(((Conflict *) data)->layers);
}

static int compare_conflicts(gconstpointer a, gconstpointer b) {
        const Claim *x = ((const Conflict *) a)->claim, *y = ((const Conflict *) b)->claim;

        return x->kind != y->kind ? (int) x->kind - (int) y->kind : strcmp(x->path, y->path);
}

/* Notes that a layer brings what one above it has brought. */
static void add_conflict(
        GArray *conflicts, GHashTable *indices, const Claim *first, const char *above, const char *name) {
        gpointer index;

        if (!g_hash_table_lookup_extended(indices, first, NULL, &index)) {
                const Conflict conflict = { first, g_ptr_array_new() };

                g_ptr_array_add(conflict.layers, (char *) (uintptr_t) above);
                index = GUINT_TO_POINTER(conflicts->len);
                g_array_append_val(conflicts, conflict);
                g_hash_table_insert(indices, (Claim *) (uintptr_t) first, index);
        }

        g_ptr_array_add(g_array_index(conflicts, Conflict, GPOINTER_TO_UINT(index)).layers,
                (char *) (uintptr_t) name);
}

static GArray *compare(const Search *s) {
        /* Claim -> the layer that brings it first; Claim -> its conflict. */
        g_autoptr(GHashTable) firsts = g_hash_table_new(claim_hash, claim_equal),
                              indices = g_hash_table_new(claim_hash, claim_equal);
        GArray *conflicts = g_array_new(FALSE, FALSE, sizeof(Conflict));

        g_array_set_clear_func(conflicts, conflict_clear);
        for (unsigned i = 0; i < s->claims->len; i++) {
                const char *name = g_array_index(s->stack, Layer, i).overlay;
                const Claims *claims = s->claims->pdata[i];

                for (unsigned k = 0; k < claims->len; k++) {
                        Claim *claim = &g_array_index(claims, Claim, k);
                        gpointer first, above;

                        if (g_hash_table_lookup_extended(firsts, claim, &first, &above))
                                add_conflict(conflicts, indices, first, above, name);
                        else
                                g_hash_table_insert(firsts, claim, (char *) (uintptr_t) name);
                }
        }

        g_array_sort(conflicts, compare_conflicts);
        return conflicts;
}

static void finish(Conflicts *c, const Search *s) {
        g_autoptr(GArray) conflicts = NULL;
        unsigned n = 0;

        for (unsigned i = 0; i < s->claims->len; i++)
                n += ((const Claims *) s->claims->pdata[i])->len;
        if (n > COMPARED_MAX) {
                end_search(c, -E2BIG, NULL);
                return;
        }

        conflicts = compare(s);
        end_search(c, 0, conflicts);
}

/* -- slices ------------------------------------------------------------------------------------------------------- */

/* Goes on with the next layer of the first search. */
static int step(Conflicts *c, Search *s) {
        const Layer *l = &g_array_index(s->stack, Layer, s->claims->len);
        g_autofree char *name = version_name(c, l);
        g_autoptr(Claims) claims = NULL;
        Claims *kept = name ? g_hash_table_lookup(c->kept, name) : NULL;
        int r;

        if (!c->scan && kept) {
                g_ptr_array_add(s->claims, g_array_ref(kept));
                return 0;
        }

        if (!c->scan) {
                /* It can have been removed since the search was asked for. */
                c->scan_fd = name ? overlay_open_directory(
                                            overlay_find(c->manager, l->overlay), l->version, ".")
                                  : -ENOENT;
                if (c->scan_fd < 0)
                        return c->scan_fd;
                c->scan = claim_scan_new(c->scan_fd);
        }

        r = claim_scan_step(c->scan, &claims);
        if (r <= 0)
                return r;

        end_scan(c);
        if (name)
                keep(c, g_steal_pointer(&name), claims);
        g_ptr_array_add(s->claims, g_steal_pointer(&claims));
        return 0;
}

static int on_slice(sd_event_source *source, void *userdata) {
        Conflicts *c = userdata;
        Search *s = g_queue_peek_head(c->searches);
        int r = 0;

        if (s->claims->len < s->stack->len)
                r = step(c, s);
        else
                finish(c, s);
        if (r < 0)
                end_search(c, r, NULL);

        return sd_event_source_set_enabled(
                source, g_queue_is_empty(c->searches) ? SD_EVENT_OFF : SD_EVENT_ON);
}

int conflicts_new(Manager *m, Conflicts **ret) {
        g_autoptr(GHashTable) kept = g_hash_table_new_full(
                g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
        sd_event_source *slice;
        Conflicts *c;
        int r;

        c = g_new0(Conflicts, 1);
        r = sd_event_add_defer(m->event, &slice, on_slice, c);
        if (r < 0) {
                g_free(c);
                return r;
        }

        /* Whatever else there is to do comes first. */
        (void) sd_event_source_set_priority(slice, SD_EVENT_PRIORITY_IDLE);
        (void) sd_event_source_set_enabled(slice, SD_EVENT_OFF);
        *c = (Conflicts){ .manager = m, .slice = slice, .scan_fd = -1 };
        c->searches = g_queue_new();
        c->kept = g_steal_pointer(&kept);
        *ret = c;
        return 0;
}

Conflicts *conflicts_free(Conflicts *c) {
        if (!c)
                return NULL;

        while (!g_queue_is_empty(c->searches))
                end_search(c, -ECANCELED, NULL);

        sd_event_source_disable_unref(c->slice);
        g_hash_table_unref(c->kept);
        g_queue_free(c->searches);
        g_free(c);
        return NULL;
}

int conflicts_find(Conflicts *c, const Stack *stack, ConflictsDone done, void *userdata) {
        Search *s;

        if (g_queue_get_length(c->searches) >= SEARCHES_MAX)
                return -EBUSY;

        s = g_new(Search, 1);
        *s = (Search){ .stack = g_array_copy((Stack *) (uintptr_t) stack),
                .claims = g_ptr_array_new_with_free_func((GDestroyNotify) g_array_unref),
                .done = done,
                .userdata = userdata };
        g_queue_push_tail(c->searches, s);
        return sd_event_source_set_enabled(c->slice, SD_EVENT_ON) < 0 ? -EIO : 0;
}
