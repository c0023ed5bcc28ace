/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/store-db.h"
#include "service/store.h"

/* A list as text: each item ends with a newline, which no item contains, so that [""] is not []. */
static char *join_lines(GStrv list) {
        GString *text = g_string_new(NULL);

        for (char **l = list; *l; l++)
                g_string_append_printf(text, "%s\n", *l);

        return g_string_free(text, FALSE);
}

static int put_lists(Store *s, const char *name, const InstanceConfig *c) {
        GHashTableIter iter;
        gpointer cvar, value;
        int r = 0;

        for (size_t i = 0; c->overlays[i] && r >= 0; i++)
                r = db_run(s,
                        "INSERT INTO layers VALUES ((SELECT id FROM instances WHERE name = ?), ?, (SELECT id FROM overlays WHERE name = ?))",
                        "sns", name, (uint64_t) i, c->overlays[i]);

        g_hash_table_iter_init(&iter, c->cvars);
        while (r >= 0 && g_hash_table_iter_next(&iter, &cvar, &value))
                r = db_run(s, "INSERT INTO cvars VALUES ((SELECT id FROM instances WHERE name = ?), ?, ?)",
                        "sss", name, (char *) cvar, (char *) value);

        g_hash_table_iter_init(&iter, c->held);
        while (r >= 0 && g_hash_table_iter_next(&iter, &cvar, &value))
                r = db_run(s,
                        "INSERT INTO held VALUES ((SELECT id FROM instances WHERE name = ?),"
                        " (SELECT id FROM overlays WHERE name = ?), ?)",
                        "ssn", name, (char *) cvar, (uint64_t) GPOINTER_TO_UINT(value));

        return r;
}

#define COLUMNS "port, game, arguments, lines, autostart, update_when_empty, open_rcon"
#define VALUES "?, (SELECT id FROM overlays WHERE name = ?), ?, ?, ?, ?, ?"

/* By a statement for the row, which takes VALUES, since when it has its name, and the name; the lists are written anew. */
static int write_instance(
        Store *s, const char *statement, const char *name, uint64_t named, const InstanceConfig *c) {
        g_autofree char *arguments = join_lines(c->arguments), *lines = join_lines(c->lines);
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        r = db_run(s, statement, "nsssnnnns", (uint64_t) c->port, c->game, arguments, lines,
                (uint64_t) c->autostart, (uint64_t) c->update_when_empty, (uint64_t) c->open_rcon, named,
                name);
        if (r >= 0)
                r = db_run(s,
                        "DELETE FROM layers WHERE instance = (SELECT id FROM instances WHERE name = ?)", "s",
                        name);
        if (r >= 0)
                r = db_run(s, "DELETE FROM cvars WHERE instance = (SELECT id FROM instances WHERE name = ?)",
                        "s", name);
        if (r >= 0)
                r = db_run(s, "DELETE FROM held WHERE instance = (SELECT id FROM instances WHERE name = ?)",
                        "s", name);
        if (r >= 0)
                r = put_lists(s, name, c);

        return db_end(s, r);
}

int store_add_instance(Store *s, const char *name, uint64_t named, const InstanceConfig *c) {
        return write_instance(s,
                "INSERT INTO instances (" COLUMNS ", named, name) VALUES (" VALUES ", ?, ?)", name, named,
                c);
}

int store_set_instance(Store *s, const char *name, const InstanceConfig *c) {
        return write_instance(s,
                "UPDATE instances SET (" COLUMNS ", named) = (" VALUES ", max(named, ?)) WHERE name = ?",
                name, 0, c);
}

int store_rename_instance(Store *s, const char *name, const char *to, uint64_t named) {
        return db_run(s, "UPDATE instances SET name = ?, named = ? WHERE name = ?", "sns", to, named, name);
}

int store_remove_instance(Store *s, const char *name) {
        return db_run(s, "DELETE FROM instances WHERE name = ?", "s", name);
}

static GStrv split_lines(const char *text) {
        GStrv lines = g_strsplit(text, "\n", -1);
        unsigned n = g_strv_length(lines);

        /* What stands behind the last newline. */
        if (n > 0)
                g_clear_pointer(&lines[n - 1], g_free);

        return lines;
}

static int load_lists(Store *s, uint64_t id, InstanceConfig *c) {
        g_autoptr(GStrvBuilder) overlays = g_strv_builder_new();
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "SELECT name FROM layers JOIN overlays ON overlay = overlays.id WHERE instance = ? ORDER BY position",
                "n", id);
        if (r < 0)
                return r;
        while ((r = db_next(s, stmt)) > 0)
                g_strv_builder_add(overlays, db_text(stmt, 0));
        if (r < 0)
                return r;

        g_strfreev(c->overlays);
        c->overlays = g_strv_builder_end(overlays);

        r = db_query(s, &stmt, "SELECT name, value FROM cvars WHERE instance = ?", "n", id);
        if (r < 0)
                return r;
        while ((r = db_next(s, stmt)) > 0)
                g_hash_table_replace(c->cvars, g_strdup(db_text(stmt, 0)), g_strdup(db_text(stmt, 1)));
        if (r < 0)
                return r;

        r = db_query(s, &stmt,
                "SELECT name, version FROM held JOIN overlays ON overlay = overlays.id WHERE instance = ?",
                "n", id);
        if (r < 0)
                return r;
        while ((r = db_next(s, stmt)) > 0)
                g_hash_table_replace(c->held, g_strdup(db_text(stmt, 0)),
                        GUINT_TO_POINTER((unsigned) db_number(stmt, 1)));

        return r;
}

int store_set_last_exit(Store *s, const char *name, const LastExit *e) {
        return db_run(s,
                "UPDATE instances SET exit_result = ?, exit_status = ?, exit_time = ? WHERE name = ?",
                "snns", e->result, (uint64_t) e->status, e->when, name);
}

int store_load_instances(Store *s,
        void (*each)(const char *name, uint64_t named, InstanceConfig *c, const LastExit *e, void *userdata),
        void *userdata) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "SELECT instances.id, instances.name, port, overlays.name, arguments, lines, autostart,"
                " exit_result, exit_status, exit_time, named, update_when_empty, open_rcon FROM instances JOIN overlays ON game = overlays.id"
                " ORDER BY instances.name",
                "");
        if (r < 0)
                return r;

        while ((r = db_next(s, stmt)) > 0) {
                g_autoptr(InstanceConfig) c = instance_config_new();
                LastExit e = { .status = (int) sqlite3_column_int64(stmt, 8), .when = db_number(stmt, 9) };

                g_strfreev(c->arguments);
                g_strfreev(c->lines);
                c->port = (uint16_t) db_number(stmt, 2);
                c->game = g_strdup(db_text(stmt, 3));
                c->arguments = split_lines(db_text(stmt, 4));
                c->lines = split_lines(db_text(stmt, 5));
                c->autostart = db_number(stmt, 6) != 0;
                c->update_when_empty = db_number(stmt, 11) != 0;
                c->open_rcon = db_number(stmt, 12) != 0;

                r = load_lists(s, db_number(stmt, 0), c);
                if (r < 0) {
                        (void) sqlite3_finalize(stmt);
                        return r;
                }

                (void) g_strlcpy(e.result, db_text(stmt, 7), sizeof(e.result));
                each(db_text(stmt, 1), db_number(stmt, 10), g_steal_pointer(&c), &e, userdata);
        }

        return r;
}

int store_add_job(Store *s, const StoredJob *j, uint32_t *ret_id) {
        int r;

        r = db_run(s,
                "INSERT INTO jobs (kind, subject, argument, state, message, queued, started, finished, exit_status)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                "sssssnnnn", j->kind, j->subject, j->argument, j->state, j->message, j->queued, j->started,
                j->finished, (uint64_t) j->exit_status);
        if (r < 0)
                return r;

        *ret_id = (uint32_t) sqlite3_last_insert_rowid(s->db);
        return 0;
}

int store_put_job(Store *s, const StoredJob *j) {
        return db_run(s,
                "UPDATE jobs SET state = ?, message = ?, started = ?, finished = ?, exit_status = ? WHERE id = ?",
                "ssnnnn", j->state, j->message, j->started, j->finished, (uint64_t) j->exit_status,
                (uint64_t) j->id);
}

int store_set_job(Store *s, const StoredJob *j, unsigned keep) {
        int r;

        r = db_begin(s);
        if (r < 0)
                return r;

        r = store_put_job(s, j);
        if (r >= 0)
                r = db_run(s,
                        "DELETE FROM jobs WHERE finished > 0 AND id NOT IN"
                        " (SELECT id FROM jobs WHERE finished > 0 ORDER BY id DESC LIMIT ?)",
                        "n", (uint64_t) keep);

        return db_end(s, r);
}

int store_load_jobs(Store *s, void (*each)(const StoredJob *j, void *userdata), void *userdata) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "SELECT id, kind, subject, argument, state, message, queued, started, finished, exit_status FROM jobs ORDER BY id",
                "");
        if (r < 0)
                return r;

        while ((r = db_next(s, stmt)) > 0) {
                StoredJob j = {
                        .id = (uint32_t) db_number(stmt, 0),
                        .kind = db_text(stmt, 1),
                        .subject = db_text(stmt, 2),
                        .argument = db_text(stmt, 3),
                        .state = db_text(stmt, 4),
                        .message = db_text(stmt, 5),
                        .queued = db_number(stmt, 6),
                        .started = db_number(stmt, 7),
                        .finished = db_number(stmt, 8),
                        .exit_status = (int) sqlite3_column_int64(stmt, 9),
                };

                each(&j, userdata);
        }

        return r;
}

int store_set_setting(Store *s, const char *name, const char *value) {
        return db_run(s, "INSERT OR REPLACE INTO settings VALUES (?, ?)", "ss", name, value);
}

int store_get_setting(Store *s, const char *name, char **ret) {
        g_autofree char *value = NULL;
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt, "SELECT value FROM settings WHERE name = ?", "s", name);
        if (r < 0)
                return r;

        while ((r = db_next(s, stmt)) > 0) {
                g_free(value);
                value = g_strdup(db_text(stmt, 0));
        }
        if (r >= 0)
                *ret = g_steal_pointer(&value);

        return r;
}
