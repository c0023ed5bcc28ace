/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sqlite3.h>

#include "service/store.h"

/* The mechanics below store.c, and for it alone: opening, migrating, statements, transactions. */

struct Store {
        sqlite3 *db;
};

/* Runs one statement. types: one letter an argument, 's' for a string, 'n' for a uint64_t. */
int db_run(Store *s, const char *sql, const char *types, ...);

/* Prepares a statement whose rows db_next() then steps through. */
int db_query(Store *s, sqlite3_stmt **ret, const char *sql, const char *types, ...);

/* 1: there is a row; 0: no more, and the statement is gone; < 0: failed, and it is gone. */
int db_next(Store *s, sqlite3_stmt *stmt);

const char *db_text(sqlite3_stmt *stmt, int column);
uint64_t db_number(sqlite3_stmt *stmt, int column);

/* Writes the row of a job, within whatever transaction there is. */
int store_put_job(Store *s, const StoredJob *j);

int db_begin(Store *s);

/* Ends a transaction: keeps what was done if r says that all went well, else undoes it. */
int db_end(Store *s, int r);
