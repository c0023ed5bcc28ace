/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Migrations, NULL-terminated: only ever append. The number that a database has seen stands in its user_version. */
extern const char *const store_migrations[];
