/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "terminal.h"

typedef enum {
        TABLE_LEFT = 0,
        TABLE_RIGHT = 1 << 0,
        TABLE_SHRINK = 1 << 1, /* cut first when the terminal is too narrow */
        TABLE_WRAP = 1 << 2,   /* last column only: broken into lines instead */
} TableFlags;

typedef struct {
        const char *title;
        TableFlags flags;
} TableColumn;

typedef struct Table Table;

Table *table_new(const TableColumn *columns, unsigned n_columns);
Table *table_free(Table *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

void table_add(Table *t, ...) G_GNUC_NULL_TERMINATED;
unsigned table_rows(const Table *t);
void table_style(Table *t, unsigned column, Style style);
void table_print(Table *t, const Terminal *out, gboolean header);
