/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files of the Workshop's cache go, and which stay. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cache.h"
#include "fixture.h"

#define AGE 1000U

/* A file that was last touched so many seconds ago. */
static void put(const Fixture *f, const char *name, time_t ago) {
        g_autofree char *relative = g_build_filename(WORKSHOP_CACHE, name, NULL),
                        *path = fixture_path(f, "%s", relative);
        struct timespec when[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = time(NULL) - ago } };

        fixture_put(f, relative, "x");
        g_assert_no_errno(utimensat(AT_FDCWD, path, when, 0));
}

static void test_prune(Fixture *f, gconstpointer data) {
        g_autofree char *cache = fixture_path(f, WORKSHOP_CACHE),
                        *linked = fixture_path(f, WORKSHOP_CACHE "/2-1-1.vpk"),
                        *version = fixture_path(f, "2.vpk"),
                        *locked = fixture_path(f, WORKSHOP_CACHE "/5-1-1.vpk.part");
        _cleanup_fd_ int lock = -1;
        g_autoptr(GError) error = NULL;

        put(f, "1-1-1.vpk", AGE + 100);
        put(f, "2-1-1.vpk", AGE + 100);
        put(f, "3-1-1.vpk", AGE - 100);
        put(f, "4-1-1.vpk.part", AGE + 100);
        put(f, "5-1-1.vpk.part", AGE + 100);
        g_assert_no_errno(link(linked, version));
        lock = open(locked, O_RDWR | O_CLOEXEC);
        g_assert_no_errno(flock(lock, LOCK_EX));

        assert_ok(cache_prune(&f->roots, AGE, &error), error);
        tree_assert(cache, "f 2-1-1.vpk x\nf 3-1-1.vpk x\nf 5-1-1.vpk.part x\n");

        /* When the version and the download have gone, so do they. */
        g_assert_no_errno(unlink(version));
        close_fd(&lock);
        assert_ok(cache_prune(&f->roots, AGE, &error), error);
        tree_assert(cache, "f 3-1-1.vpk x\n");
}

/* Whatever else the sandbox put there: nothing outside is touched, and no FIFO is waited for. */
static void test_odd_things(Fixture *f, gconstpointer data) {
        g_autofree char *cache = fixture_path(f, WORKSHOP_CACHE), *outside = fixture_path(f, "outside");
        g_autoptr(GError) error = NULL;

        put(f, "1-1-1.vpk", AGE + 100);
        put(f, "../outside", AGE + 100);
        tree_make(cache, "d folder\nl link ../outside\np pipe\n");
        assert_ok(cache_prune(&f->roots, AGE, &error), error);
        tree_assert(cache, "d folder\nl link ../outside\np pipe\n");
        g_assert_no_errno(access(outside, F_OK));
}

static void test_no_cache(Fixture *f, gconstpointer data) {
        g_autofree char *cache = fixture_path(f, WORKSHOP_CACHE), *elsewhere = fixture_path(f, "elsewhere");
        g_autoptr(GError) error = NULL;

        (void) rmdir(cache);
        assert_ok(cache_prune(&f->roots, AGE, &error), error);

        put(f, "../elsewhere/1-1-1.vpk", AGE + 100);
        (void) rmdir(cache);
        g_assert_no_errno(symlink(elsewhere, cache));
        assert_failed(cache_prune(&f->roots, AGE, &error), ELOOP, &error, "cannot list workshop_cache");
        tree_assert(elsewhere, "f 1-1-1.vpk x\n");
}

int main(int argc, char *argv[]) {
        fixture_namespace();
        g_test_init(&argc, &argv, NULL);
        FIXTURE_ADD("/cache/prune", test_prune);
        FIXTURE_ADD("/cache/odd-things", test_odd_things);
        FIXTURE_ADD("/cache/no-cache", test_no_cache);
        return g_test_run();
}
