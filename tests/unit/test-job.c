/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/job.h"

/* These stand in databases and on the bus: they never change. */
static void test_kinds(void) {
        static const struct {
                JobKind kind;
                const char *text;
        } cases[] = {
                { JOB_IMPORT, "import" },
                { JOB_PUT_FILE, "put-file" },
                { JOB_REMOVE_FILE, "remove-file" },
                { JOB_BUILD, "build" },
                { JOB_VALIDATE, "validate" },
                { JOB_REFRESH, "refresh" },
                { JOB_FREEZE, "freeze" },
                { JOB_FREEZE_EVERYTHING, "freeze-everything" },
                { JOB_RESET, "reset" },
                { JOB_DELETE_INSTANCE, "delete-instance" },
                { JOB_RENAME_INSTANCE, "rename-instance" },
                { JOB_DELETE_OVERLAY, "delete-overlay" },
                { JOB_RENAME_OVERLAY, "rename-overlay" },
                { JOB_CLEAN, "clean" },
        };

        G_STATIC_ASSERT(G_N_ELEMENTS(cases) == _JOB_KIND_MAX);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpstr(job_kind_to_string(cases[i].kind), ==, cases[i].text);
                g_assert_cmpint(job_kind_from_string(cases[i].text), ==, cases[i].kind);
        }
        g_assert_cmpint(job_kind_from_string(""), ==, _JOB_KIND_INVALID);
        g_assert_cmpint(job_kind_from_string("Import"), ==, _JOB_KIND_INVALID);
        g_assert_null(job_kind_to_string(_JOB_KIND_MAX));
        g_assert_null(job_kind_to_string(_JOB_KIND_INVALID));
}

static void test_states(void) {
        static const struct {
                JobState state;
                const char *text;
        } cases[] = {
                { JOB_QUEUED, "queued" },
                { JOB_RUNNING, "running" },
                { JOB_SUCCEEDED, "succeeded" },
                { JOB_FAILED, "failed" },
                { JOB_CANCELLED, "cancelled" },
        };

        G_STATIC_ASSERT(G_N_ELEMENTS(cases) == _JOB_STATE_MAX);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpstr(job_state_to_string(cases[i].state), ==, cases[i].text);
                g_assert_cmpint(job_state_from_string(cases[i].text), ==, cases[i].state);
        }
        g_assert_cmpint(job_state_from_string(""), ==, _JOB_STATE_INVALID);
        g_assert_cmpint(job_state_from_string("canceled"), ==, _JOB_STATE_INVALID);
        g_assert_null(job_state_to_string(_JOB_STATE_MAX));
        g_assert_null(job_state_to_string(_JOB_STATE_INVALID));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/job/kinds", test_kinds);
        g_test_add_func("/job/states", test_states);
        return g_test_run();
}
