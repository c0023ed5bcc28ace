/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/directory.h"
#include "fail.h"
#include "progress.h"
#include "protocol/steamcmd.h"
#include "protocol/workshop.h"
#include "remove.h"
#include "steam-run.h"
#include "steam.h"
#include "wishes.h"
#include "workshop-answers.h"

#define TRIES_MAX 4U /* in which nothing comes */
#define BATCH 50U    /* items of one run */
#define INSTALL_NAME "install"

/* While it downloads an item, it prints nothing. */
#define SILENCE_SECONDS 3600U

typedef struct Items {
        const SteamOrder *order;
        GPtrArray *wishes;  /* Wish */
        GHashTable *by_id;  /* uint64_t in the key -> Wish */
        GHashTable *passes; /* Wish: what may come when it is asked for again */
        int directory;      /* theirs */
        char *install;      /* where steamcmd puts them */
        SteamRun run;
        Progress progress;
        guint done;
        SteamcmdFault fault; /* of no item: the first of this run */
} Items;

static void items_done(Items *items) {
        g_clear_pointer(&items->passes, g_hash_table_unref);
        g_clear_pointer(&items->by_id, g_hash_table_unref);
        g_clear_pointer(&items->wishes, g_ptr_array_unref);
        g_clear_pointer(&items->install, g_free);
        close_fd(&items->directory);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Items, items_done)

static Wish *find_wish(const Items *items, uint64_t number) {
        g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, number);

        return g_hash_table_lookup(items->by_id, id);
}

static void take_item(Items *items, const SteamcmdLine *l) {
        Wish *wish = find_wish(items, l->item);

        if (!wish)
                return;

        if (l->event == STEAMCMD_ITEM_BEGUN) {
                g_autofree char *text = g_strdup_printf("steamcmd downloads item %s, %u of %u", wish->id,
                        items->done + 1, items->wishes->len);

                progress_report_now(&items->progress, items->done, items->wishes->len, text);
                return;
        }

        g_clear_pointer(&wish->reason, g_free);
        g_hash_table_remove(items->passes, wish);
        if (l->event == STEAMCMD_ITEM_DONE) {
                items->done++;
                return;
        }

        wish->reason = g_strdup_printf("steamcmd says: %s", *l->state ? l->state : "failed");
        if (steamcmd_fault_passes(l->fault))
                g_hash_table_add(items->passes, wish);
        /* That is no item's own. */
        if ((l->fault == STEAMCMD_DISK || l->fault == STEAMCMD_RATE_LIMIT) &&
                items->fault == STEAMCMD_FAULT_NONE)
                items->fault = l->fault;
}

static void take_message(Items *items, const char *line) {
        SteamcmdLine l;

        steamcmd_read(line, &l);
        if (l.event == STEAMCMD_PROGRESS || l.event == STEAMCMD_BOOTSTRAP)
                return;

        if (l.item != 0)
                take_item(items, &l);
        else if (l.event == STEAMCMD_FAILED && items->fault == STEAMCMD_FAULT_NONE)
                items->fault = l.fault;
        say(6, "%s", line);
}

static void on_line(const char *line, void *userdata) {
        const char *next;

        for (; (next = steamcmd_next(line)); line = next) {
                g_autofree char *message = g_strndup(line, (gsize) (next - line));

                take_message(userdata, message);
        }
        take_message(userdata, line);
}

/* -- runs -------------------------------------------------------------------------------------------------- */

static int run_batch(Items *items, const GPtrArray *batch, GError **error) {
        g_autofree char *app = g_strdup_printf("%u", WORKSHOP_APP);
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        const char *head[] = { "+@NoPromptForPassword", "1", "+force_install_dir", items->install, "+login",
                "anonymous" };
        int status, r;

        for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
                g_ptr_array_add(words, (gpointer) (gsize) head[i]);
        for (guint i = 0; i < batch->len; i++) {
                Wish *wish = batch->pdata[i];

                /* Until steamcmd says something else of it. */
                g_free(wish->reason);
                wish->reason = g_strdup("steamcmd ended without a word about it");
                g_hash_table_add(items->passes, wish);
                g_ptr_array_add(words, (gpointer) (gsize) "+workshop_download_item");
                g_ptr_array_add(words, app);
                g_ptr_array_add(words, wish->id);
        }
        g_ptr_array_add(words, (gpointer) (gsize) "+quit");
        g_ptr_array_add(words, NULL);

        r = steam_run(&items->run, (const char *const *) words->pdata, &status, error);
        if (r < 0)
                return r;
        if (status == 127)
                return fail(error, ENOENT, "steamcmd cannot be run here: see left4mectl check");
        if (status != 0)
                say(4, "steamcmd ended with status %d", status);
        return 0;
}

/* Asks for what has not come, some items at a time. */
static int run_all(Items *items, const GPtrArray *wanted, GError **error) {
        for (guint first = 0; first < wanted->len; first += BATCH) {
                g_autoptr(GPtrArray) batch = g_ptr_array_new();
                int r;

                for (guint i = first; i < MIN(first + BATCH, wanted->len); i++)
                        g_ptr_array_add(batch, wanted->pdata[i]);
                items->fault = STEAMCMD_FAULT_NONE;
                r = run_batch(items, batch, error);
                if (r < 0)
                        return r;
                if (items->fault != STEAMCMD_FAULT_NONE && items->fault != STEAMCMD_UNKNOWN &&
                        !steamcmd_fault_passes(items->fault))
                        return fail(error, EREMOTEIO, "%s", steamcmd_fault_text(items->fault));
        }
        return 0;
}

static void tell_waiting(Items *items, unsigned n) {
        g_autofree char *text = g_strdup_printf("waits for Steam (try %u of %u failed)", n, TRIES_MAX);

        progress_report_now(&items->progress, 0, 0, text);
}

static int fetch(Items *items, GError **error) {
        g_autoptr(GPtrArray) wanted = g_ptr_array_new();
        int r;

        g_ptr_array_extend(wanted, items->wishes, NULL, NULL);
        /* An item that takes too long is broken off, and the next run goes on with it, which ends what comes behind it, too. */
        for (unsigned n = 1;; n++) {
                guint before = items->done;

                r = run_all(items, wanted, error);
                if (r < 0)
                        return r;
                if (items->done > before)
                        n = 1;

                for (guint i = wanted->len; i > 0; i--)
                        if (!g_hash_table_contains(items->passes, wanted->pdata[i - 1]))
                                g_ptr_array_remove_index(wanted, i - 1);
                if (wanted->len == 0)
                        return 0;
                if (n == TRIES_MAX)
                        break;

                say(5, "%u items did not come; waiting for %u seconds", wanted->len, items->order->pause);
                tell_waiting(items, n);
                g_usleep(items->order->pause * G_USEC_PER_SEC);
        }

        /* What kept all of them away is nobody's item. */
        return items->fault == STEAMCMD_FAULT_NONE || items->done > 0
                       ? 0
                       : fail(error, EREMOTEIO, "%s", steamcmd_fault_text(items->fault));
}

/* -- what came ---------------------------------------------------------------------------------------------- */

/* An item's VPK, by the name that its author gave it, or that Steam gave to an old one. */
static bool is_vpk(const char *name) {
        size_t size = strlen(name), suffix = strlen(WORKSHOP_FILE_SUFFIX);

        return g_str_has_suffix(name, "_legacy.bin") ||
               (size > suffix && g_ascii_strcasecmp(name + size - suffix, WORKSHOP_FILE_SUFFIX) == 0);
}

/* How many VPKs there are; *ret is the name of one of them, the caller's. */
static int find_vpk(int folder, char **ret) {
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *de;
        int n = 0, r;

        r = directory_open(folder, ".", &dir);
        if (r < 0)
                return r;

        while ((de = directory_next(dir)))
                if (is_vpk(de->d_name) && n++ == 0)
                        *ret = g_strdup(de->d_name);

        return n;
}

static int take_file(const Items *items, Wish *wish, GError **error) {
        g_autofree char *path = g_strdup_printf(
                                INSTALL_NAME "/steamapps/workshop/content/%u/%s", WORKSHOP_APP, wish->id),
                        *name = workshop_cache_name(wish->id, wish->revision), *found = NULL;
        _cleanup_fd_ int folder = beneath_open(items->directory, path, O_RDONLY | O_DIRECTORY);
        int n;

        n = folder < 0 ? folder : find_vpk(folder, &found);
        if (n < 0 && n != -ENOENT && n != -ENOTDIR)
                return fail_errno(error, -n, "cannot look at what steamcmd brought of item %s", wish->id);
        if (n != 1) {
                wish->reason = n <= 0 ? g_strdup("steamcmd brought no VPK of it")
                                      : g_strdup_printf("it has %d VPKs, and an item's is one", n);
                return 0;
        }
        if (renameat(folder, found, items->directory, name) < 0)
                return fail_errno(error, errno, "cannot name the file of item %s", wish->id);
        return 0;
}

int steam_fetch_items(
        const SteamOrder *order, const SteamRun *run, const char *tree, FILE *out, GError **error) {
        g_auto(Items) items = { .order = order, .directory = -1, .run = *run, .progress.out = out };
        _cleanup_fd_ int overlay = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC), install = -1;
        int r;

        if (overlay < 0)
                return fail_errno(error, errno, "cannot open the tree");
        r = wishes_read(overlay, &items.wishes, &items.directory, error);
        if (r < 0)
                return r;

        /* A string for steamcmd: nothing may stand in its way that leads elsewhere. */
        r = remove_tree(items.directory, INSTALL_NAME);
        install = r < 0 ? r : beneath_make(items.directory, INSTALL_NAME, 0755);
        if (install < 0)
                return fail_errno(error, -install, "cannot make a directory for steamcmd");

        items.run.silence = SILENCE_SECONDS;
        items.run.progress = &items.progress;
        items.run.line = on_line;
        items.run.userdata = &items;
        items.install = g_build_filename(tree, WISHES_DIRECTORY, INSTALL_NAME, NULL);
        items.passes = g_hash_table_new(NULL, NULL);
        items.by_id = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; i < items.wishes->len; i++) {
                Wish *wish = items.wishes->pdata[i];

                g_hash_table_insert(items.by_id, wish->id, wish);
        }

        r = fetch(&items, error);
        for (guint i = 0; r >= 0 && i < items.wishes->len; i++) {
                Wish *wish = items.wishes->pdata[i];

                if (!wish->reason)
                        r = take_file(&items, wish, error);
        }
        return r < 0 ? r : wishes_answer(items.directory, items.wishes, error);
}
