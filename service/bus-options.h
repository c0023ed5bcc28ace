/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * The one reader of a{sv}. A key that is not known, a value of another type than the key's, and a key that comes twice are refused
 * with InvalidArgument, by name. What an option's value may be is the caller's to check.
 */

/* A value out of an a{sv}; text is borrowed from the message, list, table and numbers live as long as the call of the taker. */
typedef struct BusValue {
        const char *key;
        uint64_t number;     /* b, q, i, u, t */
        const char *text;    /* s */
        GStrv list;          /* as */
        GHashTable *table;   /* a{ss} */
        GHashTable *numbers; /* a{su}; GUINT_TO_POINTER */
} BusValue;

typedef struct BusReader {
        const char *what; /* "option" or "setting": for the messages */

        /* The type of a key: one of "b", "q", "i", "u", "t", "s", "as", "a{ss}", "a{su}"; NULL for a key that is not known. */
        const char *(*type_of)(const char *key, void *userdata);
        int (*take)(const BusValue *value, void *userdata, sd_bus_error *error);
        void *userdata;
} BusReader;

int bus_read_dictionary(sd_bus_message *call, const BusReader *reader, sd_bus_error *error);

/* The common case: each key is a member of a struct, of the C type in brackets: "b" (bool), "i" (int32_t), "u" (uint32_t), "t" (uint64_t) or
 * "s" (const char *, borrowed from the message). A key that is absent leaves its member alone. */
typedef struct BusOption {
        const char *key;
        const char *type;
        size_t offset;
        size_t given; /* of a bool that becomes true when the key is there; 0 for none, so it cannot come first */
} BusOption;

int bus_read_options(
        sd_bus_message *call, const BusOption *options, size_t n, void *target, sd_bus_error *error);
