/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>

#include "service/store-db.h"
#include "service/store-schema.h"

static int store_errno(sqlite3 *db) {
        switch (sqlite3_extended_errcode(db)) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
                return -EEXIST;
        case SQLITE_IOERR_SHMSIZE: /* no room for the log's index */
                return -ENOSPC;
        default:
                break;
        }

        switch (sqlite3_errcode(db)) {
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_CONSTRAINT:
                return -EBUSY;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EUCLEAN;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CANTOPEN:
                return -EACCES;
        default:
                return -EIO;
        }
}

static int prepare(Store *s, sqlite3_stmt **ret, const char *sql, const char *types, va_list args) {
        sqlite3_stmt *stmt;

        if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
                return store_errno(s->db);

        for (int i = 0; types[i] != '\0'; i++) {
                if (types[i] == 's')
                        (void) sqlite3_bind_text(
                                stmt, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
                else
                        (void) sqlite3_bind_int64(stmt, i + 1, (sqlite3_int64) va_arg(args, uint64_t));
        }

        *ret = stmt;
        return 0;
}

static int get_version(Store *s, int *ret) {
        sqlite3_stmt *stmt;
        int code;

        if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &stmt, NULL) != SQLITE_OK)
                return store_errno(s->db);

        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW)
                *ret = sqlite3_column_int(stmt, 0);
        (void) sqlite3_finalize(stmt);
        return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? -EUCLEAN : store_errno(s->db);
}

/* A commit that failed at its end, when the log was to be written to the disk, is no commit for us; but it stands in the log, and a
 * restart would read it there. The next transaction takes its place: one that changes nothing serves. */
static int take_back(Store *s, int r) {
        g_autofree char *sql = NULL;
        int version;

        if ((r != -EIO && r != -ENOSPC) || !sqlite3_get_autocommit(s->db) || get_version(s, &version) < 0)
                return r;

        sql = g_strdup_printf("PRAGMA user_version = %d", version);
        (void) sqlite3_exec(s->db, sql, NULL, NULL, NULL);
        return r;
}

int db_run(Store *s, const char *sql, const char *types, ...) {
        sqlite3_stmt *stmt;
        va_list args;
        int r;

        va_start(args, types);
        r = prepare(s, &stmt, sql, types, args);
        va_end(args);
        if (r < 0)
                return r;

        r = sqlite3_step(stmt) == SQLITE_DONE ? 0 : store_errno(s->db);
        (void) sqlite3_finalize(stmt);
        return take_back(s, r);
}

int db_query(Store *s, sqlite3_stmt **ret, const char *sql, const char *types, ...) {
        va_list args;
        int r;

        va_start(args, types);
        r = prepare(s, ret, sql, types, args);
        va_end(args);
        return r;
}

int db_next(Store *s, sqlite3_stmt *stmt) {
        int code = sqlite3_step(stmt), r;

        if (code == SQLITE_ROW)
                return 1;

        r = code == SQLITE_DONE ? 0 : store_errno(s->db);
        (void) sqlite3_finalize(stmt);
        return take_back(s, r);
}

const char *db_text(sqlite3_stmt *stmt, int column) {
        const unsigned char *t = sqlite3_column_text(stmt, column);

        return t ? (const char *) t : "";
}

uint64_t db_number(sqlite3_stmt *stmt, int column) {
        return (uint64_t) sqlite3_column_int64(stmt, column);
}

int db_begin(Store *s) {
        return db_run(s, "BEGIN IMMEDIATE", "");
}

int db_end(Store *s, int r) {
        if (r >= 0)
                r = db_run(s, "COMMIT", "");
        if (r < 0) {
                (void) db_run(s, "ROLLBACK", "");
                (void) take_back(s, r);
        }

        return r < 0 ? r : 0;
}

static int migrate_one(Store *s, int index) {
        g_autofree char *pragma = g_strdup_printf("PRAGMA user_version = %d", index + 1);
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        if (sqlite3_exec(s->db, store_migrations[index], NULL, NULL, NULL) != SQLITE_OK)
                r = store_errno(s->db);
        if (r >= 0)
                r = db_run(s, pragma, "");

        return db_end(s, r);
}

static int check_version(Store *s, int *ret) {
        int known = 0, r;

        while (store_migrations[known])
                known++;

        r = get_version(s, ret);
        if (r < 0)
                return r;

        return *ret < 0 || *ret > known ? -EUCLEAN : known;
}

static int migrate(Store *s, int version, int known) {
        int r = 0;

        for (int i = version; i < known && r >= 0; i++)
                r = migrate_one(s, i);

        return r;
}

int store_open(const char *path, Store **ret) {
        g_autoptr(Store) s = g_new0(Store, 1);
        int version, known, r;

        if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
                    NULL) != SQLITE_OK)
                return store_errno(s->db);

        /* Before anything writes: what a newer left4me made stays as it is. */
        known = check_version(s, &version);
        if (known < 0)
                return known;

        /* A committed transaction outlives a power cut (FULL), and the log keeps writes to one file. The page cache is kept small:
         * the data is some kilobytes, and read once. */
        if (sqlite3_exec(s->db,
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -128;"
                    "PRAGMA trusted_schema = OFF;",
                    NULL, NULL, NULL) != SQLITE_OK)
                return store_errno(s->db);

        r = migrate(s, version, known);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&s);
        return 0;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;

        (void) sqlite3_close(s->db);
        g_free(s);
        return NULL;
}
