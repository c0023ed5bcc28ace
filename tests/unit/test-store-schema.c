/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "service/store-schema.h"
#include "service/store.h"
#include "store-dump.h"
#include "temporary.h"

static unsigned count_migrations(void) {
        unsigned n = 0;

        while (store_migrations[n])
                n++;
        return n;
}

static void run(const char *path, const char *sql) {
        sqlite3 *db;

        g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
                g_error("%s: %s", sql, sqlite3_errmsg(db));
        g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static int append_row(void *userdata, int n, char **values, char **names) {
        for (int i = 0; i < n; i++)
                g_string_append_printf(userdata, "%s|", values[i] ?: "NULL");
        g_string_append_c(userdata, '\n');
        return 0;
}

/* What a query gives, as text. The caller frees it. */
static char *ask(const char *path, const char *sql) {
        GString *text = g_string_new(NULL);
        sqlite3 *db;

        g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(db, sql, append_row, text, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
        return g_string_free(text, FALSE);
}

static char *schema_of(const char *path) {
        return ask(path, "SELECT type, name, sql FROM sqlite_schema ORDER BY name; PRAGMA user_version");
}

/* A database as an older left4me left it, which had the first n migrations. */
static void make_old(const char *path, unsigned n) {
        g_autofree char *version = g_strdup_printf("PRAGMA user_version = %u", n);

        run(path, "PRAGMA journal_mode = WAL");
        for (unsigned i = 0; i < n; i++)
                run(path, store_migrations[i]);
        run(path, version);
}

static void test_fresh(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *version = NULL, *want = NULL,
                        *checks = NULL;
        g_autoptr(Store) s = store_open_good(path);

        store_assert(s, "");
        g_clear_pointer(&s, store_free);
        version = ask(path, "PRAGMA user_version; PRAGMA journal_mode");
        want = g_strdup_printf("%u|\nwal|\n", count_migrations());
        g_assert_cmpstr(version, ==, want);
        checks = ask(path, "PRAGMA integrity_check; PRAGMA foreign_key_check");
        g_assert_cmpstr(checks, ==, "ok|\n");
}

static void test_steps(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "fresh.db"), *want = NULL;

        store_free(store_open_good(path));
        want = schema_of(path);
        for (unsigned n = 0; n <= count_migrations(); n++) {
                g_autofree char *name = g_strdup_printf("%u.db", n), *old = temporary_path(t, name),
                                *now = NULL;
                g_autoptr(Store) s = NULL;

                make_old(old, n);
                s = store_open_good(old);
                now = schema_of(old);
                g_assert_cmpstr(now, ==, want);
                g_assert_cmpint(store_add_overlay(s, "l4d2", "import"), ==, 0);
        }
}

/* What the first schema held is there after all that came later. Only ever append to this text. */
static void test_data_kept(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db");
        g_autoptr(Store) s = NULL;

        make_old(path, 1);
        run(path, "INSERT INTO overlays VALUES (7, 'l4d2', 'import', 3, 4), (8, 'maps', 'import', 0, 0);"
                  "INSERT INTO versions VALUES (7, 3, 100, 200, 300, 'first');"
                  "INSERT INTO instances (id, name, port, game, arguments, lines, autostart)"
                  " VALUES (5, 'versus-1', 27015, 7, '', '', 1);"
                  "INSERT INTO layers VALUES (5, 0, 8);"
                  "INSERT INTO cvars VALUES (5, 'hostname', 'x y');"
                  "INSERT INTO jobs VALUES (12, 'import', 'l4d2', '', 'succeeded', 'done', 1, 2, 3, 0);");
        s = store_open_good(path);
        store_assert(s,
                "instance versus-1\nport 27015\ngame l4d2\nautostart 1\noverlays:\n<maps>\narguments:\nlines:\n"
                "<hostname>=<x y>\nnamed 0\noverlay l4d2 import 3\noverlay maps import 0\n"
                "version l4d2/3 created 100 size 200 files 300 <first>\n"
                "job 12 import <l4d2> <> succeeded <done> 1 2 3 0\n");
}

/* A migration that fails half-way leaves the schema as it was, number and all. */
static void test_failed(Temporary *t, gconstpointer data) {
        g_autofree char *path = temporary_path(t, "left4me.db"), *before = NULL, *after = NULL;
        Store *s = NULL;

        run(path, "CREATE TABLE jobs (mine TEXT); INSERT INTO jobs VALUES ('kept')");
        before = schema_of(path);
        g_assert_cmpint(store_open(path, &s), <, 0);
        g_assert_null(s);

        after = schema_of(path);
        g_assert_cmpstr(after, ==, before);
        g_free(after);
        after = ask(path, "SELECT mine FROM jobs");
        g_assert_cmpstr(after, ==, "kept|\n");
}

static void assert_refused_untouched(const Temporary *t, const char *path) {
        g_autofree char *before = NULL, *after = NULL;
        gsize before_size, after_size;
        Store *s = NULL;

        g_assert_true(g_file_get_contents(path, &before, &before_size, NULL));
        g_assert_cmpint(store_open(path, &s), ==, -EUCLEAN);
        g_assert_null(s);
        g_assert_true(g_file_get_contents(path, &after, &after_size, NULL));
        g_assert_cmpmem(after, after_size, before, before_size);
        temporary_assert_names(t, "left4me.db");
}

/* Whatever version we do not know, and whatever mode its database is in: it is left for the left4me that knows it. */
static void test_newer(Temporary *t, gconstpointer data) {
        static const char *const modes[] = { "WAL", "DELETE" };
        const int versions[] = { (int) count_migrations() + 1, 1000, INT32_MAX, -1, INT32_MIN };

        for (size_t i = 0; i < G_N_ELEMENTS(versions) * G_N_ELEMENTS(modes); i++) {
                g_autofree char *path = temporary_path(t, "left4me.db");
                g_autofree char *sql = g_strdup_printf(
                        "PRAGMA user_version = %d; CREATE TABLE later (x); PRAGMA journal_mode = %s",
                        versions[i / G_N_ELEMENTS(modes)], modes[i % G_N_ELEMENTS(modes)]);

                store_free(store_open_example(path));
                run(path, sql);
                assert_refused_untouched(t, path);
                g_assert_no_errno(remove(path));
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        TEMPORARY_ADD("/store-schema/fresh", test_fresh);
        TEMPORARY_ADD("/store-schema/steps", test_steps);
        TEMPORARY_ADD("/store-schema/data-kept", test_data_kept);
        TEMPORARY_ADD("/store-schema/failed", test_failed);
        TEMPORARY_ADD("/store-schema/newer", test_newer);
        return g_test_run();
}
