/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"
#include "fail.h"
#include "workshop-fetch.h"
#include "workshop-vpk.h"

#define AT_ONCE 4U
#define ROOM_LEFT (UINT64_C(256) << 20) /* that downloads leave free on the disk */
#define TELL_US (G_USEC_PER_SEC / 4)
#define BLOCK_SIZE (256U << 10)

typedef struct Fetching {
        int cache;
        Http *http;
        GMutex lock;
        GCond news;
        GAsyncQueue *queue; /* Fetch */
        unsigned running;   /* threads */
        unsigned done;      /* files */
        int64_t bytes, all_bytes;
        GError *error; /* the first; nobody goes on after it */
} Fetching;

Fetch *fetch_new(WorkshopItem *item, const char *url, uint64_t expected) {
        Fetch *fetch = g_new0(Fetch, 1);

        fetch->item = item;
        fetch->url = url;
        fetch->expected = expected;
        fetch->name = workshop_cache_name(item->id, item->upstream);
        return fetch;
}

void fetch_free(Fetch *fetch) {
        if (!fetch)
                return;

        g_free(fetch->name);
        g_free(fetch->reason);
        g_free(fetch);
}

static void take_file(Fetch *fetch) {
        WorkshopItem *item = fetch->item;

        g_free(item->revision);
        item->revision = g_strdup(item->upstream);
        item->state = WORKSHOP_CURRENT;
        item->source = WORKSHOP_FROM_CACHE;
}

/* The item cannot be had, which is not the end of the others. Takes the error. */
static void refuse(Fetch *fetch, WorkshopState state, GError *why) {
        fetch->item->state = state;
        fetch->reason = g_strdup(why->message);
        g_error_free(why);
}

int fetch_from_cache(int cache, Fetch *fetch, GError **error) {
        _cleanup_fd_ int fd = beneath_open(cache, fetch->name, O_RDONLY);
        GError *why = NULL;
        int r;

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open %s in the cache", fetch->name);

        /* For a while nobody removes it as unused. */
        if (futimens(fd, NULL) < 0)
                return fail_errno(error, errno, "cannot touch %s in the cache", fetch->name);
        r = workshop_read_vpk(fd, fetch->item, &why);
        if (r == -EBADMSG) {
                refuse(fetch, WORKSHOP_BROKEN, why);
                return 1;
        }
        if (r < 0) {
                g_propagate_error(error, why);
                return r;
        }
        take_file(fetch);
        return 1;
}

/* Opens what is on its way, and waits for whoever has it. Meanwhile it may have got its name. */
static int open_part(int cache, const char *part, GError **error) {
        for (;;) {
                _cleanup_fd_ int fd = -1;
                struct stat ours, there;

                fd = openat(cache, part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
                if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &ours) < 0)
                        return fail_errno(error, errno, "cannot open %s in the cache", part);
                if (fstatat(cache, part, &there, AT_SYMLINK_NOFOLLOW) >= 0 && there.st_ino == ours.st_ino)
                        return steal_fd(&fd);
        }
}

static int check_room(int cache, uint64_t wanted, GError **error) {
        struct statvfs vfs;
        uint64_t room;

        if (fstatvfs(cache, &vfs) < 0)
                return fail_errno(error, errno, "cannot look how much room there is");

        room = (uint64_t) vfs.f_bavail * vfs.f_frsize;
        if (room < wanted + ROOM_LEFT) {
                g_autofree char *needs = g_format_size(wanted), *has = g_format_size(room),
                                *left = g_format_size(ROOM_LEFT);

                return fail(error, ENOSPC,
                        "the disk has %s, too little for %s of downloads and the %s that stay free: make room",
                        has, needs, left);
        }
        return 0;
}

static int copy_all(int from, int to, GError **error) {
        g_autofree char *block = g_malloc(BLOCK_SIZE);
        ssize_t n;
        int r = 0;

        if (ftruncate(to, 0) < 0 || lseek(to, 0, SEEK_SET) < 0)
                return fail_errno(error, errno, "cannot write to the cache");
        while (r >= 0 && (n = read_full(from, block, BLOCK_SIZE)) > 0)
                r = write_all(to, block, (size_t) n);
        if (r >= 0 && n < 0)
                r = (int) n;
        return r < 0 ? fail_errno(error, -r, "cannot copy to the cache") : 0;
}

static void on_received(void *userdata, int64_t n) {
        Fetching *f = userdata;

        g_mutex_lock(&f->lock);
        f->bytes += n;
        g_mutex_unlock(&f->lock);
}

/* All of the file is there: it is looked into, and gets its name. */
static int finish_part(int cache, Fetch *fetch, int fd, const char *part, GError **error) {
        int r;

        r = workshop_read_vpk(fd, fetch->item, error);
        if (r < 0)
                return r;
        if (fsync(fd) < 0)
                return fail_errno(error, errno, "cannot write to the cache");
        if (renameat2(cache, part, cache, fetch->name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
                return fail_errno(error, errno, "cannot name %s in the cache", fetch->name);
        take_file(fetch);
        return 0;
}

int fetch_from_file(int cache, int from, Fetch *fetch, GError **error) {
        g_autofree char *part = g_strconcat(fetch->name, ".part", NULL);
        _cleanup_fd_ int fd = open_part(cache, part, error);
        GError *why = NULL;
        struct stat st;
        int r;

        if (fd < 0)
                return fd;
        r = fetch_from_cache(cache, fetch, error);
        if (r != 0) {
                (void) unlinkat(cache, part, 0);
                return MIN(r, 0);
        }

        r = fstat(from, &st) < 0 ? fail_errno(error, errno, "cannot look at what steamcmd brought")
                                 : check_room(cache, (uint64_t) st.st_size, error);
        if (r >= 0)
                r = copy_all(from, fd, error);
        if (r >= 0)
                r = finish_part(cache, fetch, fd, part, &why);
        if (r < 0)
                (void) unlinkat(cache, part, 0);
        if (r == -EBADMSG) {
                refuse(fetch, WORKSHOP_BROKEN, why);
                return 0;
        }
        if (why)
                g_propagate_error(error, why);
        return r;
}

static int fetch_file(Fetching *f, HttpClient *client, Fetch *fetch, GError **error) {
        g_autofree char *part = g_strconcat(fetch->name, ".part", NULL);
        HttpDownload download = { fetch->url, -1, fetch->expected, on_received, f };
        _cleanup_fd_ int fd = -1;
        struct stat st;
        int r;

        fd = open_part(f->cache, part, error);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return fail_errno(error, errno, "cannot look at %s in the cache", part);

        r = fetch_from_cache(f->cache, fetch, error);
        if (r != 0) {
                if (st.st_size == 0)
                        (void) unlinkat(f->cache, part, 0);
                return r;
        }

        on_received(f, st.st_size);
        r = check_room(f->cache,
                fetch->expected > (uint64_t) st.st_size ? fetch->expected - (uint64_t) st.st_size : 0,
                error);
        download.fd = fd;
        if (r >= 0)
                r = http_download(client, &download, error);
        if (r >= 0)
                r = finish_part(f->cache, fetch, fd, part, error);
        /* Nothing that could be gone on with. */
        if (r == -EMSGSIZE || r == -EBADMSG || r == -ENOENT || r == -EPERM ||
                (r < 0 && fstat(fd, &st) >= 0 && st.st_size == 0))
                (void) unlinkat(f->cache, part, 0);
        return r;
}

/* One file, or what its failure means. */
static int fetch_one(Fetching *f, HttpClient *client, Fetch *fetch, GError **error) {
        GError *why = NULL;
        int r;

        r = fetch_file(f, client, fetch, &why);
        if (r >= 0)
                return 0;

        if (r == -EPERM)
                refuse(fetch, WORKSHOP_REFUSED, why);
        else if (r == -ENOENT)
                refuse(fetch, WORKSHOP_NOT_FOUND, why);
        else if (r == -EMSGSIZE || r == -EBADMSG)
                refuse(fetch, WORKSHOP_BROKEN, why);
        else {
                r = fail(error, -r, "item %s (%s): %s", fetch->item->id, fetch->item->title, why->message);
                g_error_free(why);
                return r;
        }
        return 0;
}

static gpointer run_thread(gpointer userdata) {
        Fetching *f = userdata;
        g_autoptr(HttpClient) client = http_client_new(f->http);
        Fetch *fetch;

        while ((fetch = g_async_queue_try_pop(f->queue))) {
                GError *error = NULL;

                (void) fetch_one(f, client, fetch, &error);
                g_mutex_lock(&f->lock);
                f->done++;
                if (error && !f->error)
                        f->error = g_steal_pointer(&error);
                if (f->error)
                        while (g_async_queue_try_pop(f->queue))
                                ;
                g_cond_signal(&f->news);
                g_mutex_unlock(&f->lock);
                g_clear_error(&error);
        }

        g_mutex_lock(&f->lock);
        f->running--;
        g_cond_signal(&f->news);
        g_mutex_unlock(&f->lock);
        return NULL;
}

/* With the lock held, until all threads are about to end. */
static void tell_progress(Fetching *f, guint files, FILE *out) {
        Progress progress = { .out = out };

        while (f->running > 0) {
                g_autofree char *text = NULL;
                uint64_t done = (uint64_t) MAX(f->bytes, 0), of = (uint64_t) f->all_bytes;

                text = g_strdup_printf("downloads: %u of %u items, %.1f of %.1f MB", f->done, files,
                        (double) done / 1e6, (double) of / 1e6);
                progress_report(&progress, MIN(done, of), of, text);
                (void) g_cond_wait_until(&f->news, &f->lock, g_get_monotonic_time() + TELL_US);
        }
}

int fetch_all(int cache, Http *http, const GPtrArray *fetches, FILE *out, GError **error) {
        Fetching f = { .cache = cache, .http = http };
        GThread *threads[AT_ONCE];
        int r;

        for (guint i = 0; i < fetches->len; i++)
                f.all_bytes += (int64_t) MIN(
                        ((Fetch *) fetches->pdata[i])->expected, (uint64_t) INT32_MAX << 8);
        r = check_room(cache, 0, error);
        if (r < 0 || fetches->len == 0)
                return r;

        g_mutex_init(&f.lock);
        g_cond_init(&f.news);
        f.queue = g_async_queue_new();
        for (guint i = 0; i < fetches->len; i++)
                g_async_queue_push(f.queue, fetches->pdata[i]);

        f.running = MIN(AT_ONCE, fetches->len);
        for (unsigned i = 0, n = f.running; i < AT_ONCE; i++)
                threads[i] = i < n ? g_thread_new("download", run_thread, &f) : NULL;
        g_mutex_lock(&f.lock);
        tell_progress(&f, fetches->len, out);
        g_mutex_unlock(&f.lock);
        for (unsigned i = 0; i < AT_ONCE; i++)
                if (threads[i])
                        (void) g_thread_join(threads[i]);

        g_async_queue_unref(f.queue);
        g_cond_clear(&f.news);
        g_mutex_clear(&f.lock);
        if (!f.error)
                return 0;
        r = -f.error->code;
        g_propagate_error(error, f.error);
        return r;
}
