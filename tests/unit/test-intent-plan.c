/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/intent.h"

#define NOW (1000 * G_TIME_SPAN_DAY)

static void test_check(void) {
        static const struct {
                IntentPlan plan;
                const char *why; /* NULL: it is well */
        } cases[] = {
                { { .restart = true }, NULL },
                { { .deadline = NOW + 1 }, NULL },
                { { .deadline = NOW }, "past" },
                { { .deadline = 1 }, "past" },
                { { .deadline = NOW + 31 * G_TIME_SPAN_DAY }, "30 days" },
                { { .deadline = UINT64_MAX }, "30 days" },
                { { .announcements = { 60 }, .n_announcements = 1 }, "there is none" },
                { { .deadline = NOW + G_TIME_SPAN_DAY,
                          .announcements = { 60, 1800, 300 },
                          .n_announcements = 3 },
                        NULL },
                { { .deadline = NOW + G_TIME_SPAN_DAY, .announcements = { 0 }, .n_announcements = 1 },
                        "1 second" },
                { { .deadline = NOW + G_TIME_SPAN_DAY,
                          .announcements = { UINT64_MAX },
                          .n_announcements = 1 },
                        "1 second" },
                { { .deadline = NOW + G_TIME_SPAN_DAY,
                          .announcements = { 60, 5, 60 },
                          .n_announcements = 3 },
                        "60 stands there twice" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                IntentPlan plan = cases[i].plan;
                g_autofree char *why = NULL;
                int r = intent_plan_check(&plan, NOW, &why);

                g_assert_cmpint(r, ==, cases[i].why ? -EINVAL : 0);
                if (cases[i].why)
                        g_assert_nonnull(strstr(why, cases[i].why));
                for (unsigned k = 1; r >= 0 && k < plan.n_announcements; k++)
                        g_assert_cmpuint(plan.announcements[k - 1], >, plan.announcements[k]);
        }
}

static void test_words(void) {
        static const struct {
                bool restart;
                uint64_t left;
                const char *want;
        } cases[] = {
                { true, 1800, "say This server restarts in 30 minutes." },
                { false, 60, "say This server stops in 1 minute." },
                { true, 90, "say This server restarts in 90 seconds." },
                { true, 7200, "say This server restarts in 2 hours." },
                { false, 1, "say This server stops in 1 second." },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = intent_announcement(cases[i].restart, cases[i].left);

                g_assert_cmpstr(text, ==, cases[i].want);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/intent-plan/check", test_check);
        g_test_add_func("/intent-plan/words", test_words);
        return g_test_run();
}
