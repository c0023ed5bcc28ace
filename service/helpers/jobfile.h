/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The job file: what the manager wants done, as a key file with one group. Every value is checked here,
 * none is used as it came. */

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define JOB_NUMBERS_MAX 10000U

typedef enum Operation {
        OPERATION_IMPORT,
        OPERATION_PUT_FILE,
        OPERATION_REMOVE_FILE,
        OPERATION_SCRIPT,
        OPERATION_FREEZE,
        OPERATION_COMMIT,
        OPERATION_REMOVE_VERSIONS,
        OPERATION_REMOVE_OVERLAY,
        OPERATION_RENAME_OVERLAY,
        OPERATION_RESET,
        OPERATION_REMOVE_INSTANCE,
        OPERATION_RENAME_INSTANCE,
        OPERATION_DISCARD,
        OPERATION_EMPTY_TRASH,
        OPERATION_PRUNE_CACHE,
        _OPERATION_MAX,
        _OPERATION_INVALID = -EINVAL,
} Operation;

/* Only what the operation has is set; what it must have is there. */
typedef struct JobFile {
        Operation operation;
        char *overlay, *instance, *to;
        char *directory; /* normalised, "" for the root */
        char *path;      /* normalised, never "" */
        char **paths;    /* the same, at least one */
        int executable;  /* -1: not said */
        bool everything;
        uint64_t size;           /* 0: not known */
        uint32_t build, version; /* never 0 where the operation has them */
        uint32_t base;           /* 0: none */
        bool manifest;           /* the version is made by the manifest that the build left */
        uint64_t age;            /* seconds */
        GArray *numbers;         /* uint32_t: Versions= or Builds= */
} JobFile;

const char *operation_to_string(Operation operation);
Operation operation_from_string(const char *text);

int jobfile_parse(const char *text, size_t size, JobFile **ret, GError **error);
JobFile *jobfile_free(JobFile *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JobFile, jobfile_free)
