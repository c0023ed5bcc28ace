/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>

#include "fail.h"
#include "jobfile.h"
#include "names.h"

#define GROUP "Job"

static const char *const operation_names[_OPERATION_MAX] = {
        [OPERATION_IMPORT] = "import",
        [OPERATION_PUT_FILE] = "put-file",
        [OPERATION_REMOVE_FILE] = "remove-file",
        [OPERATION_SCRIPT] = "script",
        [OPERATION_FREEZE] = "freeze",
        [OPERATION_COMMIT] = "commit",
        [OPERATION_REMOVE_VERSIONS] = "remove-versions",
        [OPERATION_REMOVE_OVERLAY] = "remove-overlay",
        [OPERATION_RENAME_OVERLAY] = "rename-overlay",
        [OPERATION_RESET] = "reset",
        [OPERATION_REMOVE_INSTANCE] = "remove-instance",
        [OPERATION_RENAME_INSTANCE] = "rename-instance",
        [OPERATION_DISCARD] = "discard",
        [OPERATION_EMPTY_TRASH] = "empty-trash",
        [OPERATION_PRUNE_CACHE] = "prune-cache",
};

const char *operation_to_string(Operation operation) {
        return operation >= 0 && operation < _OPERATION_MAX ? operation_names[operation] : NULL;
}

Operation operation_from_string(const char *text) {
        for (int i = 0; i < _OPERATION_MAX; i++)
                if (strcmp(operation_names[i], text) == 0)
                        return (Operation) i;
        return _OPERATION_INVALID;
}

JobFile *jobfile_free(JobFile *job) {
        if (!job)
                return NULL;

        g_free(job->overlay);
        g_free(job->instance);
        g_free(job->to);
        g_free(job->directory);
        g_free(job->path);
        g_strfreev(job->paths);
        g_clear_pointer(&job->numbers, g_array_unref);
        g_free(job);
        return NULL;
}

static int fail_key(GError **error, const char *key) {
        return fail(error, EINVAL, "%s= in the job file is missing or not valid", key);
}

static int read_name(GKeyFile *file, const char *key, char **ret, GError **error) {
        g_autofree char *name = g_key_file_get_value(file, GROUP, key, NULL);

        if (!name || !name_valid(name))
                return fail_key(error, key);
        *ret = g_steal_pointer(&name);
        return 0;
}

static int read_number(GKeyFile *file, const char *key, bool required, uint32_t *ret, GError **error) {
        g_autofree char *text = g_key_file_get_value(file, GROUP, key, NULL);

        if (!text && !required)
                return 0;
        if (!text || number_parse(text, ret) < 0)
                return fail_key(error, key);
        return 0;
}

static int read_numbers(GKeyFile *file, const char *key, GArray **ret, GError **error) {
        g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        g_autofree char *text = g_key_file_get_value(file, GROUP, key, NULL);
        g_auto(GStrv) words = NULL;

        if (!text)
                return fail_key(error, key);

        words = g_strsplit(text, ";", JOB_NUMBERS_MAX + 2);
        for (char **word = words; *word; word++) {
                uint32_t number;

                if (**word == '\0' && !word[1])
                        break;
                if (numbers->len == JOB_NUMBERS_MAX || number_parse(*word, &number) < 0)
                        return fail_key(error, key);
                g_array_append_val(numbers, number);
        }
        if (numbers->len == 0)
                return fail_key(error, key);

        *ret = g_steal_pointer(&numbers);
        return 0;
}

static int read_size(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *size = g_key_file_get_value(file, GROUP, "Size", NULL);

        if (size && !g_ascii_string_to_unsigned(size, 10, 0, G_MAXINT64, &job->size, NULL))
                return fail_key(error, "Size");
        return 0;
}

static int read_import(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *directory = g_key_file_get_string(file, GROUP, "Directory", NULL);

        if (path_normalise(directory ?: "", &job->directory) < 0)
                return fail_key(error, "Directory");
        return read_size(file, job, error);
}

static int read_path(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *path = g_key_file_get_string(file, GROUP, "Path", NULL);

        if (!path || path_normalise(path, &job->path) < 0 || job->path[0] == '\0')
                return fail_key(error, "Path");
        return 0;
}

static int read_paths(GKeyFile *file, JobFile *job, GError **error) {
        g_auto(GStrv) paths = g_key_file_get_string_list(file, GROUP, "Paths", NULL, NULL);
        g_autoptr(GPtrArray) normal = g_ptr_array_new_with_free_func(g_free);

        for (char **path = paths; path && *path; path++) {
                char *to;

                if (path_normalise(*path, &to) < 0)
                        return fail_key(error, "Paths");

                g_ptr_array_add(normal, to);
                if (*to == '\0')
                        return fail_key(error, "Paths");
        }
        if (normal->len == 0)
                return fail_key(error, "Paths");

        g_ptr_array_add(normal, NULL);
        job->paths = (char **) g_ptr_array_free(g_steal_pointer(&normal), FALSE);
        return 0;
}

static int read_put(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *executable = g_key_file_get_value(file, GROUP, "Executable", NULL);
        int r;

        if (executable && strcmp(executable, "true") != 0 && strcmp(executable, "false") != 0)
                return fail_key(error, "Executable");
        job->executable = executable ? strcmp(executable, "true") == 0 : -1;
        r = read_path(file, job, error);
        return r < 0 ? r : read_size(file, job, error);
}

static int read_age(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *age = g_key_file_get_value(file, GROUP, "Age", NULL);

        if (!age || !g_ascii_string_to_unsigned(age, 10, 0, G_MAXINT32, &job->age, NULL))
                return fail_key(error, "Age");
        return 0;
}

static int read_manifest(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *manifest = g_key_file_get_value(file, GROUP, "Manifest", NULL);

        if (manifest && strcmp(manifest, "true") != 0)
                return fail_key(error, "Manifest");
        job->manifest = manifest != NULL;
        return 0;
}

static int read_commit(GKeyFile *file, JobFile *job, GError **error) {
        int r;

        r = read_name(file, "Overlay", &job->overlay, error);
        if (r >= 0)
                r = read_number(file, "Build", true, &job->build, error);
        if (r >= 0)
                r = read_number(file, "Version", true, &job->version, error);
        if (r >= 0)
                r = read_number(file, "Base", false, &job->base, error);
        if (r >= 0)
                r = read_manifest(file, job, error);
        if (r >= 0 && job->base == job->version)
                r = fail(error, EINVAL, "Base= and Version= in the job file are the same");
        return r;
}

static int read_freeze(GKeyFile *file, JobFile *job, GError **error) {
        g_autofree char *everything = g_key_file_get_value(file, GROUP, "Everything", NULL);
        int r;

        if (everything && strcmp(everything, "true") != 0 && strcmp(everything, "false") != 0)
                return fail_key(error, "Everything");
        job->everything = everything && strcmp(everything, "true") == 0;
        r = read_name(file, "Instance", &job->instance, error);
        return r < 0 ? r : read_number(file, "Build", true, &job->build, error);
}

static int read_operation(GKeyFile *file, JobFile *job, GError **error) {
        int r;

        switch (job->operation) {
        case OPERATION_IMPORT:
                return read_import(file, job, error);
        case OPERATION_PUT_FILE:
                return read_put(file, job, error);
        case OPERATION_REMOVE_FILE:
                return read_paths(file, job, error);
        case OPERATION_SCRIPT:
                return read_name(file, "Overlay", &job->overlay, error);
        case OPERATION_FREEZE:
                return read_freeze(file, job, error);
        case OPERATION_COMMIT:
                return read_commit(file, job, error);
        case OPERATION_REMOVE_VERSIONS:
                r = read_name(file, "Overlay", &job->overlay, error);
                return r < 0 ? r : read_numbers(file, "Versions", &job->numbers, error);
        case OPERATION_REMOVE_OVERLAY:
                return read_name(file, "Overlay", &job->overlay, error);
        case OPERATION_RENAME_OVERLAY:
                r = read_name(file, "Overlay", &job->overlay, error);
                return r < 0 ? r : read_name(file, "To", &job->to, error);
        case OPERATION_RESET:
        case OPERATION_REMOVE_INSTANCE:
                return read_name(file, "Instance", &job->instance, error);
        case OPERATION_RENAME_INSTANCE:
                r = read_name(file, "Instance", &job->instance, error);
                return r < 0 ? r : read_name(file, "To", &job->to, error);
        case OPERATION_DISCARD:
                return read_numbers(file, "Builds", &job->numbers, error);
        case OPERATION_EMPTY_TRASH:
                return 0;
        case OPERATION_PRUNE_CACHE:
                return read_age(file, job, error);
        case _OPERATION_MAX:
        case _OPERATION_INVALID:
                break;
        }
        return fail_key(error, "Operation");
}

int jobfile_parse(const char *text, size_t size, JobFile **ret, GError **error) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(JobFile) job = g_new0(JobFile, 1);
        g_autofree char *operation = NULL;
        int r;

        if (memchr(text, '\0', size) || !g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, NULL))
                return fail(error, EINVAL, "the job file is not a key file");

        operation = g_key_file_get_value(file, GROUP, "Operation", NULL);
        job->operation = operation ? operation_from_string(operation) : _OPERATION_INVALID;
        r = read_operation(file, job, error);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&job);
        return 0;
}
