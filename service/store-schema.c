/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "service/store-schema.h"

const char *const store_migrations[] = {
        "CREATE TABLE overlays ("
        "  id INTEGER PRIMARY KEY,"
        "  name TEXT NOT NULL UNIQUE,"
        "  kind TEXT NOT NULL,"
        "  current INTEGER NOT NULL DEFAULT 0,"
        "  last_number INTEGER NOT NULL DEFAULT 0"
        ") STRICT;"
        "CREATE TABLE versions ("
        "  overlay INTEGER NOT NULL REFERENCES overlays ON DELETE CASCADE,"
        "  number INTEGER NOT NULL,"
        "  created INTEGER NOT NULL,"
        "  size INTEGER NOT NULL,"
        "  files INTEGER NOT NULL,"
        "  label TEXT NOT NULL,"
        "  PRIMARY KEY (overlay, number)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE instances ("
        "  id INTEGER PRIMARY KEY,"
        "  name TEXT NOT NULL UNIQUE,"
        "  port INTEGER NOT NULL UNIQUE,"
        "  game INTEGER NOT NULL REFERENCES overlays ON DELETE RESTRICT,"
        "  arguments TEXT NOT NULL," /* lists: one item a line */
        "  lines TEXT NOT NULL,"
        "  autostart INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TABLE layers ("
        "  instance INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,"
        "  position INTEGER NOT NULL,"
        "  overlay INTEGER NOT NULL REFERENCES overlays ON DELETE RESTRICT,"
        "  PRIMARY KEY (instance, position)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE cvars ("
        "  instance INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,"
        "  name TEXT NOT NULL,"
        "  value TEXT NOT NULL,"
        "  PRIMARY KEY (instance, name)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE jobs ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
        "  kind TEXT NOT NULL,"
        "  subject TEXT NOT NULL,"
        "  argument TEXT NOT NULL,"
        "  state TEXT NOT NULL,"
        "  message TEXT NOT NULL,"
        "  queued INTEGER NOT NULL,"
        "  started INTEGER NOT NULL,"
        "  finished INTEGER NOT NULL,"
        "  exit_status INTEGER NOT NULL"
        ") STRICT;",

        /* How each server last ended. */
        "ALTER TABLE instances ADD COLUMN exit_result TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE instances ADD COLUMN exit_status INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE instances ADD COLUMN exit_time INTEGER NOT NULL DEFAULT 0;",

        /* Since when each server has its name; 0 for one that is older than this. */
        "ALTER TABLE instances ADD COLUMN named INTEGER NOT NULL DEFAULT 0;",

        /* How many versions of each overlay are kept. */
        "ALTER TABLE overlays ADD COLUMN keep INTEGER NOT NULL DEFAULT 3;",

        /* What is asked of the host as a whole, each by its owner's name and in its owner's words. */
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",

        /* What an overlay is built from, a digest of that, and that of what its last good build was made from. */
        "ALTER TABLE overlays ADD COLUMN source TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE overlays ADD COLUMN wanted TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE overlays ADD COLUMN built TEXT NOT NULL DEFAULT '';",

        /* What is to happen to running servers when nobody plays on them, see IntentPlan. */
        "ALTER TABLE instances ADD COLUMN update_when_empty INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE intents ("
        "  instance INTEGER PRIMARY KEY REFERENCES instances ON DELETE CASCADE,"
        "  restart INTEGER NOT NULL,"
        "  deadline INTEGER NOT NULL,"
        "  announcements TEXT NOT NULL," /* seconds, one a line */
        "  asked INTEGER NOT NULL,"
        "  acting TEXT NOT NULL"
        ") STRICT;",

        /* Whether the RCON of each server may be reached from other machines. */
        "ALTER TABLE instances ADD COLUMN open_rcon INTEGER NOT NULL DEFAULT 0;",

        /* What is known of a version beside its files, and what there was to be had when the overlay was last built. */
        "ALTER TABLE versions ADD COLUMN details TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE overlays ADD COLUMN seen TEXT NOT NULL DEFAULT '';",

        /* Versions of its layers that a server stays at. */
        "CREATE TABLE held ("
        "  instance INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,"
        "  overlay INTEGER NOT NULL REFERENCES overlays ON DELETE CASCADE,"
        "  version INTEGER NOT NULL,"
        "  PRIMARY KEY (instance, overlay)"
        ") STRICT, WITHOUT ROWID;",
        NULL,
};
