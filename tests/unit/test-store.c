/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config-rules.h"
#include "service/store.h"
#include "store-dump.h"
#include "temporary.h"

#define KEEP 5U

/* A version is stored together with its job; here that is none that the store knows. */
static const StoredJob no_job = {
        .kind = "import", .subject = "", .argument = "", .state = "succeeded", .message = ""
};

static const char fresh[] = "overlay l4d2 import 0\noverlay maps import 0\noverlay mods import 0\n";

static Store *open_example(const Temporary *t) {
        g_autofree char *path = temporary_path(t, "left4me.db");

        return store_open_example(path);
}

static Store *reopen(const Temporary *t, Store *s) {
        g_autofree char *path = temporary_path(t, "left4me.db");

        store_free(s);
        return store_open_good(path);
}

static int add(Store *s, const char *name, uint16_t port, char letter) {
        g_autoptr(InstanceConfig) c = store_example(port, letter, 3);

        return store_add_instance(s, name, 7, c);
}

static void test_instances(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        g_autoptr(InstanceConfig) changed = store_example(27020, 'b', 2);
        g_autofree char *two = NULL, *after = NULL;

        g_assert_cmpint(add(s, "versus-2", 27016, 'a'), ==, 0);
        g_assert_cmpint(add(s, "versus-1", 27015, 'a'), ==, 0);
        two = store_dump(s);
        s = reopen(t, g_steal_pointer(&s));
        store_assert(s, two);

        /* All of the old lists go when new ones come. */
        changed->autostart = true;
        g_assert_cmpint(store_set_instance(s, "versus-1", changed), ==, 0);
        s = reopen(t, g_steal_pointer(&s));
        after = store_dump(s);
        g_assert_nonnull(g_strstr_len(
                after, -1, "instance versus-1\nport 27020\ngame l4d2\nautostart 1\noverlays:\n<mods>\n"));
        g_assert_null(g_strstr_len(after, -1, "<a2>=<aaaa>"));

        g_assert_cmpint(store_remove_instance(s, "versus-2"), ==, 0);
        g_assert_cmpint(store_remove_instance(s, "versus-1"), ==, 0);
        store_assert(s, fresh);
}

static void keep_config(
        const char *name, uint64_t named, InstanceConfig *c, const LastExit *e, void *userdata) {
        InstanceConfig **ret = userdata;

        g_assert_null(*ret);
        *ret = c;
}

/* What is accepted is what comes back, empty strings too. */
static void test_round_trip(Temporary *t, gconstpointer data) {
        static const char *const lists[][5] = {
                { NULL },
                { "", NULL },
                { "", "", NULL },
                { "a", NULL },
                { "a", "", NULL },
                { "", "a", NULL },
                { "a", "", "", "b", NULL },
                { " ", NULL },
                { "say \"x\"; -- ' %s ? \\ // ", "~!@#$%^&*()", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
                g_autoptr(Store) s = open_example(t);
                g_autoptr(InstanceConfig) c = store_example(27015, 'a', 0), loaded = NULL;
                g_autofree char *before = NULL, *after = NULL, *path = temporary_path(t, "left4me.db");

                g_strfreev(c->lines);
                c->lines = config_list(lists[i]);
                if (i % 2 == 1)
                        g_hash_table_replace(c->held, g_strdup(c->game), GUINT_TO_POINTER(G_MAXUINT32 - i));
                for (const char *const *l = lists[i]; *l; l++)
                        g_hash_table_replace(c->cvars, g_strdup_printf("c%zu", strlen(*l)), g_strdup(*l));
                g_assert_cmpint(store_add_instance(s, "versus-1", 7, c), ==, 0);
                g_assert_cmpint(store_set_instance(s, "versus-1", c), ==, 0);

                s = reopen(t, g_steal_pointer(&s));
                g_assert_cmpint(store_load_instances(s, keep_config, &loaded), ==, 0);
                before = config_dump(c);
                after = config_dump(loaded);
                g_assert_cmpstr(after, ==, before);
                g_clear_pointer(&s, store_free);
                g_assert_no_errno(unlink(path));
        }
}

/* The largest config that is accepted. */
static void test_limits(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        g_autoptr(InstanceConfig) c = store_example(65535, 'a', CONFIG_CVARS_MAX), loaded = NULL;
        g_autoptr(GStrvBuilder) overlays = g_strv_builder_new();
        g_autofree char *before = NULL, *after = NULL;

        for (unsigned i = 0; i < CONFIG_OVERLAYS_MAX; i++) {
                g_autofree char *name = g_strdup_printf("%064u", CONFIG_OVERLAYS_MAX - i);

                g_assert_cmpint(store_add_overlay(s, name, "import"), ==, 0);
                g_strv_builder_add(overlays, name);
        }
        g_strfreev(c->overlays);
        c->overlays = g_strv_builder_end(overlays);

        g_assert_cmpint(store_add_instance(s, "versus-1", 7, c), ==, 0);
        g_assert_cmpint(store_load_instances(s, keep_config, &loaded), ==, 0);
        before = config_dump(c);
        after = config_dump(loaded);
        g_assert_cmpstr(after, ==, before);
}

static void test_unique(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        g_autoptr(InstanceConfig) taken = store_example(27015, 'c', 1);
        g_autofree char *before = NULL, *renamed = NULL;

        g_assert_cmpint(add(s, "versus-1", 27015, 'a'), ==, 0);
        g_assert_cmpint(add(s, "versus-2", 27016, 'b'), ==, 0);
        before = store_dump(s);

        g_assert_cmpint(add(s, "versus-1", 27017, 'c'), ==, -EEXIST);
        g_assert_cmpint(add(s, "versus-3", 27016, 'c'), ==, -EEXIST);
        g_assert_cmpint(store_set_instance(s, "versus-2", taken), ==, -EEXIST);
        g_assert_cmpint(store_rename_instance(s, "versus-2", "versus-1", 8), ==, -EEXIST);
        g_assert_cmpint(store_add_overlay(s, "maps", "import"), ==, -EEXIST);
        store_assert(s, before);

        /* Nothing is left over of what failed. */
        g_assert_cmpint(store_rename_instance(s, "versus-2", "versus-2", 7), ==, 0);
        g_assert_cmpint(store_rename_instance(s, "versus-2", "versus-3", 8), ==, 0);
        renamed = store_dump(s);
        g_assert_nonnull(strstr(renamed, "named 8\n"));
        g_assert_cmpint(store_rename_instance(s, "versus-3", "versus-2", 7), ==, 0);
        store_assert(s, before);
}

static void test_foreign_keys(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        g_autoptr(InstanceConfig) c = store_example(27017, 'a', 1);
        g_autofree char *before = NULL;
        const StoredVersion v = { .number = 1, .label = (char[]){ "" } };

        g_assert_cmpint(add(s, "versus-1", 27015, 'b'), ==, 0);
        before = store_dump(s);

        /* As game, and as layer. */
        g_assert_cmpint(store_remove_overlay(s, "l4d2"), ==, -EBUSY);
        g_assert_cmpint(store_remove_overlay(s, "mods"), ==, -EBUSY);

        /* What is not there. */
        g_free(c->game);
        c->game = g_strdup("nothing");
        g_assert_cmpint(store_add_instance(s, "versus-2", 7, c), <, 0);
        g_assert_cmpint(store_set_instance(s, "versus-1", c), <, 0);
        g_free(c->game);
        c->game = g_strdup("l4d2");
        g_free(c->overlays[1]);
        c->overlays[1] = g_strdup("nothing");
        g_assert_cmpint(store_add_instance(s, "versus-2", 7, c), <, 0);
        g_assert_cmpint(store_set_instance(s, "versus-1", c), <, 0);
        g_assert_cmpint(store_add_version(s, "nothing", &v, NULL, &no_job), <, 0);
        store_assert(s, before);

        g_assert_cmpint(store_remove_overlay(s, "maps"), ==, 0);
        g_assert_cmpint(store_remove_instance(s, "versus-1"), ==, 0);
        g_assert_cmpint(store_remove_overlay(s, "mods"), ==, 0);
        store_assert(s, "overlay l4d2 import 0\n");
}

static void test_versions(Temporary *t, gconstpointer data) {
        static const char want[] =
                "overlay l4d2 import 0\noverlay maps import 2\noverlay mods import 0\n"
                "version maps/1 created 5 size 6 files 7 <>\n"
                "version maps/2 created 18446744073709551615 size 0 files 0 <\303\244 'b'\n\">\n";
        g_autoptr(Store) s = open_example(t);
        const StoredVersion versions[] = {
                { .number = 1, .created = 5, .size = 6, .files = 7, .label = (char[]){ "" } },
                { .number = 2, .created = UINT64_MAX, .label = (char[]){ "\303\244 'b'\n\"" } },
        };

        g_assert_cmpint(store_add_version(s, "maps", &versions[0], NULL, &no_job), ==, 0);
        g_assert_cmpint(store_add_version(s, "maps", &versions[1], NULL, &no_job), ==, 0);
        g_assert_cmpint(store_add_version(s, "maps", &versions[0], NULL, &no_job), ==, -EEXIST);
        s = reopen(t, g_steal_pointer(&s));
        store_assert(s, want);

        /* They go with their overlay. */
        g_assert_cmpint(store_remove_overlay(s, "maps"), ==, 0);
        store_assert(s, "overlay l4d2 import 0\noverlay mods import 0\n");
}

/* Which is current and how many are kept; removed ones are gone, all or none. */
static void test_version_choice(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        const uint32_t old[] = { 1, 2, 77 };
        uint32_t number;

        for (uint32_t i = 1; i <= 3; i++) {
                const StoredVersion v = { .number = i, .label = (char[]){ "" } };

                g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, 0);
                g_assert_cmpint(store_add_version(s, "maps", &v, NULL, &no_job), ==, 0);
        }
        g_assert_cmpint(store_add_version(s, "mods",
                                &(StoredVersion){ .number = 1, .label = (char[]){ "" } }, NULL, &no_job),
                ==, 0);
        g_assert_cmpint(store_set_current(s, "maps", 2), ==, 0);
        g_assert_cmpint(store_set_keep(s, "maps", 7), ==, 0);
        g_assert_cmpint(store_remove_versions(s, "maps", old, G_N_ELEMENTS(old)), ==, 0);
        s = reopen(t, g_steal_pointer(&s));
        store_assert(s,
                "overlay l4d2 import 0\noverlay maps import 2 keep 7\noverlay mods import 1\n"
                "version maps/3 created 0 size 0 files 0 <>\nversion mods/1 created 0 size 0 files 0 <>\n");
        g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, 0);
        g_assert_cmpuint(number, ==, 4);
}

/* Failed builds, removed versions and restarts of the manager do not bring a number back. */
static void test_version_numbers(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        uint32_t number = 0;

        for (unsigned i = 1; i <= 20; i++) {
                const StoredVersion v = { .number = i, .label = (char[]){ "" } };

                g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, 0);
                g_assert_cmpuint(number, ==, i);
                if (i % 3 == 0)
                        s = reopen(t, g_steal_pointer(&s));
                if (i % 2 == 0)
                        g_assert_cmpint(store_add_version(s, "maps", &v, NULL, &no_job), ==, 0);
        }

        g_assert_cmpint(store_reserve_version(s, "mods", &number), ==, 0);
        g_assert_cmpuint(number, ==, 1);

        /* A build that changed nothing gives its number back, and nobody else's. */
        g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, 0);
        g_assert_cmpint(store_keep_version(s, "maps", number, 20, NULL, "digest", &no_job), ==, 0);
        g_assert_cmpint(store_keep_version(s, "maps", number, 20, NULL, "digest", &no_job), ==, 0);
        g_assert_cmpint(store_keep_version(s, "maps", 7, 20, NULL, "digest", &no_job), ==, 0);
        s = reopen(t, g_steal_pointer(&s));
        g_assert_cmpint(store_reserve_version(s, "maps", &number), ==, 0);
        g_assert_cmpuint(number, ==, 21);

        number = 77;
        g_assert_cmpint(store_reserve_version(s, "nothing", &number), ==, -ENOENT);
        g_assert_cmpuint(number, ==, 77);
}

static uint32_t add_job(Store *s, const char *subject) {
        const StoredJob j = { .kind = "import",
                .subject = subject,
                .argument = "",
                .state = "queued",
                .message = "",
                .queued = 9 };
        uint32_t id;

        g_assert_cmpint(store_add_job(s, &j, &id), ==, 0);
        return id;
}

/* A job that made a version has succeeded with it, or neither has happened. */
static void test_version_with_job(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        const StoredVersion v = { .number = 9, .label = (char[]){ "" } };
        StoredJob j = {
                .id = add_job(s, "maps"), .state = "succeeded", .message = "version 9", .finished = 12
        };
        g_autofree char *after = NULL;

        g_assert_cmpint(store_add_version(s, "maps", &v, NULL, &j), ==, 0);
        s = reopen(t, g_steal_pointer(&s));
        after = store_dump(s);
        g_assert_nonnull(strstr(after, "succeeded <version 9>"));

        j.state = "failed";
        g_assert_cmpint(store_add_version(s, "maps", &v, NULL, &j), ==, -EEXIST);
        store_assert(s, after);
}

static void end_job(Store *s, uint32_t id, int status) {
        const StoredJob j = { .id = id,
                .state = "failed",
                .message = "no\n\"space\"",
                .started = 10,
                .finished = 11,
                .exit_status = status };

        g_assert_cmpint(store_set_job(s, &j, KEEP), ==, 0);
}

static void test_jobs(Temporary *t, gconstpointer data) {
        static const char want[] = "overlay l4d2 import 0\noverlay maps import 0\noverlay mods import 0\n"
                                   "job 1 import <a> <> failed <no\n\"space\"> 9 10 11 -7\n"
                                   "job 2 import <b> <> queued <> 9 0 0 0\n";
        g_autoptr(Store) s = open_example(t);

        g_assert_cmpuint(add_job(s, "a"), ==, 1);
        g_assert_cmpuint(add_job(s, "b"), ==, 2);
        end_job(s, 1, -7);
        s = reopen(t, g_steal_pointer(&s));
        store_assert(s, want);
}

static void collect_id(const StoredJob *j, void *userdata) {
        g_string_append_printf(userdata, "%u%s ", j->id, j->finished > 0 ? "e" : "");
}

static void assert_jobs(Store *s, const char *want) {
        g_autoptr(GString) ids = g_string_new(NULL);

        g_assert_cmpint(store_load_jobs(s, collect_id, ids), ==, 0);
        g_assert_cmpstr(ids->str, ==, want);
}

/* The newest ended ones stay, whatever order they end in; one that has not ended always does. */
static void test_jobs_kept(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);

        for (unsigned i = 1; i <= 8; i++)
                g_assert_cmpuint(add_job(s, "a"), ==, i);
        for (unsigned i = 8; i >= 4; i--)
                end_job(s, i, 0);
        assert_jobs(s, "1 2 3 4e 5e 6e 7e 8e ");
        end_job(s, 1, 0);
        assert_jobs(s, "2 3 4e 5e 6e 7e 8e ");
        g_assert_cmpuint(add_job(s, "a"), ==, 9);
        end_job(s, 9, 0);
        assert_jobs(s, "2 3 5e 6e 7e 8e 9e ");

        /* A number is never given twice, also when the highest is gone. */
        for (unsigned i = 10; i < 30; i++)
                end_job(s, add_job(s, "a"), 0);
        s = reopen(t, g_steal_pointer(&s));
        g_assert_cmpuint(add_job(s, "a"), ==, 30);
        assert_jobs(s, "2 3 25e 26e 27e 28e 29e 30 ");
}

/* Overlays that are made, get a source or keep theirs, and their jobs: all of them or none. */
static void test_seed(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);
        StoredJob first = { .kind = "build",
                .subject = "a",
                .argument = "",
                .state = "queued",
                .message = "" },
                  second = first;
        StoredSeed seeds[] = { { "script", "a", "echo a", "1", &first },
                { NULL, "maps", "echo maps", "2", NULL }, { NULL, "mods", NULL, NULL, &second },
                { "script", "maps", "echo z", "3", NULL } };
        g_autofree char *source = NULL, *kept = NULL, *after = NULL;

        g_assert_cmpint(store_set_source(s, "mods", "echo mods", "4"), ==, 0);
        g_assert_cmpint(store_seed(s, seeds, 4), ==, -EEXIST);
        store_assert(s, fresh);
        g_assert_cmpint(store_get_source(s, "maps", &source), ==, 0);
        g_assert_cmpstr(source, ==, "");

        seeds[3].name = "z";
        g_assert_cmpint(store_seed(s, seeds, 4), ==, 0);
        g_assert_cmpint(store_seed(s, NULL, 0), ==, 0);
        s = reopen(t, g_steal_pointer(&s));
        after = store_dump(s);
        g_assert_nonnull(strstr(after, "overlay a script 0\n"));
        g_assert_nonnull(strstr(after, "overlay z script 0\n"));
        assert_jobs(s, "1 2 ");
        g_assert_cmpuint(first.id, ==, 1);
        g_assert_cmpuint(second.id, ==, 2);
        g_free(source);
        g_assert_cmpint(store_get_source(s, "maps", &source), ==, 0);
        g_assert_cmpstr(source, ==, "echo maps");
        g_assert_cmpint(store_get_source(s, "mods", &kept), ==, 0);
        g_assert_cmpstr(kept, ==, "echo mods");
}

static void assert_setting(Store *s, const char *name, const char *expected) {
        g_autofree char *value = NULL;

        g_assert_cmpint(store_get_setting(s, name, &value), ==, 0);
        g_assert_cmpstr(value, ==, expected);
}

static void test_settings(Temporary *t, gconstpointer data) {
        g_autoptr(Store) s = open_example(t);

        assert_setting(s, "shield", NULL);
        g_assert_cmpint(store_set_setting(s, "shield", "Mode=on\n"), ==, 0);
        g_assert_cmpint(store_set_setting(s, "marking", ""), ==, 0);
        g_assert_cmpint(store_set_setting(s, "shield", "Mode=\"off\"\n"), ==, 0);
        s = reopen(t, g_steal_pointer(&s));
        assert_setting(s, "shield", "Mode=\"off\"\n");
        assert_setting(s, "marking", "");
        assert_setting(s, "Shield", NULL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        TEMPORARY_ADD("/store/instances", test_instances);
        TEMPORARY_ADD("/store/round-trip", test_round_trip);
        TEMPORARY_ADD("/store/limits", test_limits);
        TEMPORARY_ADD("/store/unique", test_unique);
        TEMPORARY_ADD("/store/foreign-keys", test_foreign_keys);
        TEMPORARY_ADD("/store/versions", test_versions);
        TEMPORARY_ADD("/store/version-choice", test_version_choice);
        TEMPORARY_ADD("/store/version-numbers", test_version_numbers);
        TEMPORARY_ADD("/store/jobs", test_jobs);
        TEMPORARY_ADD("/store/jobs/version", test_version_with_job);
        TEMPORARY_ADD("/store/jobs/kept", test_jobs_kept);
        TEMPORARY_ADD("/store/seed", test_seed);
        TEMPORARY_ADD("/store/settings", test_settings);
        return g_test_run();
}
