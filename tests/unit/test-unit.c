/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/unit.h"

/* systemd's own words for how a job ended, and ours for one that it did not take. */
static void test_results(void) {
        static const struct {
                UnitResult result;
                const char *text;
        } cases[] = {
                { UNIT_DONE, "done" },
                { UNIT_CANCELED, "canceled" },
                { UNIT_TIMEOUT, "timeout" },
                { UNIT_FAILED, "failed" },
                { UNIT_DEPENDENCY, "dependency" },
                { UNIT_SKIPPED, "skipped" },
                { UNIT_REFUSED, "refused" },
        };

        G_STATIC_ASSERT(G_N_ELEMENTS(cases) == _UNIT_RESULT_MAX);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpstr(unit_result_to_string(cases[i].result), ==, cases[i].text);
                g_assert_cmpint(unit_result_from_string(cases[i].text), ==, cases[i].result);
        }
}

static void test_unknown(void) {
        static const char *const unknown[] = { "", "Done", "done ", "assert", "unsupported", "collected" };

        for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++)
                g_assert_cmpint(unit_result_from_string(unknown[i]), ==, _UNIT_RESULT_INVALID);
        g_assert_null(unit_result_to_string(_UNIT_RESULT_MAX));
        g_assert_null(unit_result_to_string(_UNIT_RESULT_INVALID));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/unit/results", test_results);
        g_test_add_func("/unit/results/unknown", test_unknown);
        return g_test_run();
}
