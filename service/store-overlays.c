/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/store-db.h"
#include "service/store.h"

int store_add_overlay(Store *s, const char *name, const char *kind) {
        return db_run(s, "INSERT INTO overlays (name, kind) VALUES (?, ?)", "ss", name, kind);
}

int store_remove_overlay(Store *s, const char *name) {
        return db_run(s, "DELETE FROM overlays WHERE name = ?", "s", name);
}

int store_rename_overlay(Store *s, const char *name, const char *to, const StoredJob *job) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        r = db_run(s, "UPDATE overlays SET name = ? WHERE name = ?", "ss", to, name);
        if (r >= 0)
                r = store_put_job(s, job);

        return db_end(s, r);
}

int store_set_current(Store *s, const char *overlay, uint32_t version) {
        return db_run(
                s, "UPDATE overlays SET current = ? WHERE name = ?", "ns", (uint64_t) version, overlay);
}

int store_set_keep(Store *s, const char *overlay, uint32_t keep) {
        return db_run(s, "UPDATE overlays SET keep = ? WHERE name = ?", "ns", (uint64_t) keep, overlay);
}

int store_set_source(Store *s, const char *overlay, const char *source, const char *wanted) {
        return db_run(s, "UPDATE overlays SET source = ?, wanted = ? WHERE name = ?", "sss", source, wanted,
                overlay);
}

static int put_seed(Store *s, const StoredSeed *seed) {
        int r = 0;

        if (seed->kind)
                r = store_add_overlay(s, seed->name, seed->kind);
        if (r >= 0 && seed->source)
                r = store_set_source(s, seed->name, seed->source, seed->wanted);
        if (r >= 0 && seed->job)
                r = store_add_job(s, seed->job, &seed->job->id);
        return r;
}

int store_seed(Store *s, const StoredSeed *seeds, unsigned n) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        for (unsigned i = 0; i < n && r >= 0; i++)
                r = put_seed(s, &seeds[i]);

        return db_end(s, r);
}

/* The text of the one row that there is. */
static int take_text(Store *s, sqlite3_stmt *stmt, char **ret) {
        g_autofree char *text = NULL;
        int r;

        r = db_next(s, stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        text = g_strdup(db_text(stmt, 0));
        r = db_next(s, stmt);
        if (r != 0)
                return r < 0 ? r : -EIO;

        *ret = g_steal_pointer(&text);
        return 0;
}

int store_get_source(Store *s, const char *overlay, char **ret) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt, "SELECT source FROM overlays WHERE name = ?", "s", overlay);
        return r < 0 ? r : take_text(s, stmt, ret);
}

int store_get_seen(Store *s, const char *overlay, char **ret) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt, "SELECT seen FROM overlays WHERE name = ?", "s", overlay);
        return r < 0 ? r : take_text(s, stmt, ret);
}

int store_set_seen(Store *s, const char *overlay, const char *seen) {
        return db_run(s, "UPDATE overlays SET seen = ? WHERE name = ?", "ss", seen, overlay);
}

int store_get_details(Store *s, const char *overlay, uint32_t version, char **ret) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "SELECT details FROM versions WHERE overlay = (SELECT id FROM overlays WHERE name = ?) AND number = ?",
                "sn", overlay, (uint64_t) version);
        return r < 0 ? r : take_text(s, stmt, ret);
}

static int put_details(Store *s, const char *overlay, uint32_t version, const char *details) {
        int r;

        r = db_run(s, "UPDATE overlays SET seen = ? WHERE name = ?", "ss", details, overlay);
        return r < 0 ? r
                     : db_run(s,
                               "UPDATE versions SET details = ? WHERE overlay = (SELECT id FROM overlays WHERE name = ?)"
                               " AND number = ?",
                               "ssn", details, overlay, (uint64_t) version);
}

int store_load_overlays(Store *s, void (*each)(const StoredOverlay *o, void *userdata), void *userdata) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(
                s, &stmt, "SELECT name, kind, current, keep, wanted, built FROM overlays ORDER BY name", "");
        if (r < 0)
                return r;

        while ((r = db_next(s, stmt)) > 0) {
                const StoredOverlay o = {
                        .name = db_text(stmt, 0),
                        .kind = db_text(stmt, 1),
                        .current = (uint32_t) db_number(stmt, 2),
                        .keep = (uint32_t) db_number(stmt, 3),
                        .wanted = db_text(stmt, 4),
                        .built = db_text(stmt, 5),
                };

                each(&o, userdata);
        }

        return r;
}

int store_reserve_version(Store *s, const char *overlay, uint32_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "UPDATE overlays SET last_number = last_number + 1 WHERE name = ? RETURNING last_number",
                "s", overlay);
        if (r < 0)
                return r;

        r = db_next(s, stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        *ret = (uint32_t) db_number(stmt, 0);

        /* Only a statement that is stepped to its end commits. */
        r = db_next(s, stmt);
        return r > 0 ? -EIO : r;
}

int store_load_versions(Store *s, void (*each)(const char *overlay, const StoredVersion *v, void *userdata),
        void *userdata) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "SELECT name, number, created, size, files, label FROM versions JOIN overlays ON overlay = overlays.id"
                " ORDER BY name, number",
                "");
        if (r < 0)
                return r;

        while ((r = db_next(s, stmt)) > 0) {
                StoredVersion v = {
                        .number = (uint32_t) db_number(stmt, 1),
                        .created = db_number(stmt, 2),
                        .size = db_number(stmt, 3),
                        .files = db_number(stmt, 4),
                        .label = g_strdup(db_text(stmt, 5)),
                };

                each(db_text(stmt, 0), &v, userdata);
                g_free(v.label);
        }

        return r;
}

static int insert_version(Store *s, const char *overlay, const StoredVersion *v) {
        int r;

        r = db_run(s,
                "INSERT INTO versions (overlay, number, created, size, files, label)"
                " VALUES ((SELECT id FROM overlays WHERE name = ?), ?, ?, ?, ?, ?)",
                "snnnns", overlay, (uint64_t) v->number, v->created, v->size, v->files, v->label);
        if (r >= 0 && v->details)
                r = put_details(s, overlay, v->number, v->details);
        return r < 0 ? r : store_set_current(s, overlay, v->number);
}

static int put_built(Store *s, const char *overlay, const char *built) {
        return built ? db_run(s, "UPDATE overlays SET built = ? WHERE name = ?", "ss", built, overlay) : 0;
}

int store_add_version(
        Store *s, const char *overlay, const StoredVersion *v, const char *built, const StoredJob *job) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        r = insert_version(s, overlay, v);
        if (r >= 0)
                r = put_built(s, overlay, built);
        if (r >= 0)
                r = store_put_job(s, job);

        return db_end(s, r);
}

int store_keep_version(Store *s, const char *overlay, uint32_t unused, uint32_t version, const char *details,
        const char *built, const StoredJob *job) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        r = db_run(s, "UPDATE overlays SET last_number = last_number - 1 WHERE name = ? AND last_number = ?",
                "sn", overlay, (uint64_t) unused);
        if (r >= 0 && details && version > 0)
                r = put_details(s, overlay, version, details);
        if (r >= 0)
                r = put_built(s, overlay, built);
        if (r >= 0)
                r = store_put_job(s, job);

        return db_end(s, r);
}

int store_add_overlay_with(
        Store *s, const char *name, const char *kind, const StoredVersion *v, const StoredJob *job) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        r = db_run(s, "INSERT INTO overlays (name, kind, last_number) VALUES (?, ?, ?)", "ssn", name, kind,
                (uint64_t) v->number);
        if (r >= 0)
                r = insert_version(s, name, v);
        if (r >= 0)
                r = store_put_job(s, job);

        return db_end(s, r);
}

int store_remove_versions(Store *s, const char *overlay, const uint32_t *numbers, unsigned n) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        for (unsigned i = 0; i < n && r >= 0; i++)
                r = db_run(s,
                        "DELETE FROM versions WHERE overlay = (SELECT id FROM overlays WHERE name = ?) AND number = ?",
                        "sn", overlay, (uint64_t) numbers[i]);

        return db_end(s, r);
}
