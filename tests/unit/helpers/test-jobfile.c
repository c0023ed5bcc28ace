/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "fixture.h"
#include "jobfile.h"

static JobFile *parse(const char *body) {
        g_autofree char *text = g_strdup_printf("[Job]\n%s", body);
        g_autoptr(GError) error = NULL;
        JobFile *job = NULL;

        assert_ok(jobfile_parse(text, strlen(text), &job, &error), error);
        return job;
}

static void test_operations(void) {
        for (int i = 0; i < _OPERATION_MAX; i++)
                g_assert_cmpint(operation_from_string(operation_to_string((Operation) i)), ==, i);
        g_assert_cmpint(operation_from_string("format-disk"), ==, _OPERATION_INVALID);
        g_assert_null(operation_to_string(_OPERATION_INVALID));
}

static void test_good(void) {
        g_autoptr(JobFile)
                import = parse("Operation=import\nDirectory=left4dead2//addons/\nSize=12345678901\n");
        g_autoptr(JobFile) bare = parse("Operation=import\n");
        g_autoptr(JobFile) commit = parse("Operation=commit\nOverlay=maps\nBuild=7\nBase=2\nVersion=3\n");
        g_autoptr(JobFile) first = parse("Operation=commit\nOverlay=maps\nBuild=7\nVersion=1\n");
        g_autoptr(JobFile) removal = parse("Operation=remove-versions\nOverlay=maps\nVersions=1;22;\n");
        g_autoptr(JobFile) files = parse("Operation=remove-file\nPaths=a//b/;semi\\;colon;c\n");
        g_autoptr(JobFile) discard = parse("Operation=discard\nBuilds=5\n");
        g_autoptr(JobFile) rename = parse("Operation=rename-instance\nInstance=a\nTo=b\n");

        g_assert_cmpstr(import->directory, ==, "left4dead2/addons");
        g_assert_cmpuint(import->size, ==, 12345678901);
        g_assert_cmpstr(bare->directory, ==, "");
        g_assert_cmpuint(bare->size, ==, 0);
        g_assert_cmpint(commit->operation, ==, OPERATION_COMMIT);
        g_assert_cmpstr(commit->overlay, ==, "maps");
        g_assert_cmpuint(commit->build, ==, 7);
        g_assert_cmpuint(commit->base, ==, 2);
        g_assert_cmpuint(commit->version, ==, 3);
        g_assert_cmpuint(first->base, ==, 0);
        g_assert_cmpuint(removal->numbers->len, ==, 2);
        g_assert_cmpuint(g_array_index(removal->numbers, uint32_t, 1), ==, 22);
        g_assert_cmpuint(g_strv_length(files->paths), ==, 3);
        g_assert_cmpstr(files->paths[0], ==, "a/b");
        g_assert_cmpstr(files->paths[1], ==, "semi;colon");
        g_assert_cmpuint(g_array_index(discard->numbers, uint32_t, 0), ==, 5);
        g_assert_cmpstr(rename->instance, ==, "a");
        g_assert_cmpstr(rename->to, ==, "b");
}

static void test_bad(void) {
        static const struct {
                const char *body, *key;
        } cases[] = {
                { "", "Operation" },
                { "Operation=\n", "Operation" },
                { "Operation=format-disk\n", "Operation" },
                { "Operation=import\nDirectory=../x\n", "Directory" },
                { "Operation=put-file\n", "Path" },
                { "Operation=put-file\nPath=\n", "Path" },
                { "Operation=put-file\nPath=a/../b\n", "Path" },
                { "Operation=put-file\nPath=/a\n", "Path" },
                { "Operation=put-file\nPath=a\nSize=-1\n", "Size" },
                { "Operation=put-file\nPath=a\nExecutable=yes\n", "Executable" },
                { "Operation=remove-file\n", "Paths" },
                { "Operation=remove-file\nPaths=\n", "Paths" },
                { "Operation=remove-file\nPaths=a;.;\n", "Paths" },
                { "Operation=remove-file\nPaths=..;a;\n", "Paths" },
                { "Operation=import\nDirectory=/etc\n", "Directory" },
                { "Operation=import\nSize=-1\n", "Size" },
                { "Operation=import\nSize=99999999999999999999\n", "Size" },
                { "Operation=commit\nBuild=7\nVersion=1\n", "Overlay" },
                { "Operation=commit\nOverlay=../x\nBuild=7\nVersion=1\n", "Overlay" },
                { "Operation=commit\nOverlay=a\nVersion=1\n", "Build" },
                { "Operation=commit\nOverlay=a\nBuild=0\nVersion=1\n", "Build" },
                { "Operation=commit\nOverlay=a\nBuild=7\n", "Version" },
                { "Operation=commit\nOverlay=a\nBuild=7\nVersion=1\nBase=\n", "Base" },
                { "Operation=commit\nOverlay=a\nBuild=7\nVersion=1\nBase=1\n", "same" },
                { "Operation=remove-versions\nOverlay=a\n", "Versions" },
                { "Operation=remove-versions\nOverlay=a\nVersions=\n", "Versions" },
                { "Operation=remove-versions\nOverlay=a\nVersions=1;;2\n", "Versions" },
                { "Operation=remove-versions\nOverlay=a\nVersions=1;..\n", "Versions" },
                { "Operation=remove-overlay\n", "Overlay" },
                { "Operation=rename-overlay\nOverlay=a\nTo=A\n", "To" },
                { "Operation=reset\nInstance=.\n", "Instance" },
                { "Operation=discard\nBuilds=x\n", "Builds" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup_printf("[Job]\n%s", cases[i].body);
                g_autoptr(GError) error = NULL;
                g_autoptr(JobFile) job = NULL;

                assert_failed(jobfile_parse(text, strlen(text), &job, &error), EINVAL, &error, cases[i].key);
        }
}

static void test_random(void) {
        static const char good[] = "[Job]\nOperation=commit\nOverlay=maps\nBuild=7\nBase=2\nVersion=3\n";
        int64_t end = g_get_monotonic_time() + G_USEC_PER_SEC / 2;

        while (g_get_monotonic_time() < end) {
                g_autoptr(GError) error = NULL;
                g_autoptr(JobFile) job = NULL;
                char text[sizeof good];

                memcpy(text, good, sizeof good);
                for (int i = g_test_rand_int_range(1, 5); i > 0; i--)
                        text[g_test_rand_int_range(0, sizeof good - 1)] = (char) g_test_rand_int_range(
                                0, 256);
                g_assert_true((jobfile_parse(text, sizeof good - 1, &job, &error) >= 0) == (error == NULL));
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/jobfile/operations", test_operations);
        g_test_add_func("/jobfile/good", test_good);
        g_test_add_func("/jobfile/bad", test_bad);
        g_test_add_func("/jobfile/random", test_random);
        return g_test_run();
}
