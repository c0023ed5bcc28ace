/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "service/intent.h"

static int compare_largest_first(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? 1 : x > y ? -1 : 0;
}

int intent_plan_check(IntentPlan *plan, uint64_t now, char **ret_why) {
        if (plan->deadline != 0 && plan->deadline <= now) {
                *ret_why = g_strdup("deadline: it is past. Give a time to come, or 0 for none");
                return -EINVAL;
        }

        if (plan->deadline > now + INTENT_DEADLINE_MAX) {
                *ret_why = g_strdup("deadline: at most 30 days from now");
                return -EINVAL;
        }

        if (plan->deadline == 0 && plan->n_announcements > 0) {
                *ret_why = g_strdup("announcements: they count back from a deadline, and there is none");
                return -EINVAL;
        }

        qsort(plan->announcements, plan->n_announcements, sizeof(uint64_t), compare_largest_first);
        for (unsigned k = 0; k < plan->n_announcements; k++) {
                uint64_t seconds = plan->announcements[k];

                if (seconds < 1 || seconds > INTENT_DEADLINE_MAX / G_TIME_SPAN_SECOND) {
                        *ret_why = g_strdup("announcements: 1 second to 30 days before the deadline");
                        return -EINVAL;
                }

                if (k > 0 && seconds == plan->announcements[k - 1]) {
                        *ret_why = g_strdup_printf(
                                "announcements: %" G_GUINT64_FORMAT " stands there twice", seconds);
                        return -EINVAL;
                }
        }

        return 0;
}

char *intent_announcement(bool restart, uint64_t left) {
        const char *unit = left % 3600 == 0 ? "hour" : left % 60 == 0 ? "minute" : "second";
        uint64_t n = left % 3600 == 0 ? left / 3600 : left % 60 == 0 ? left / 60 : left;

        return g_strdup_printf("say This server %s in %" G_GUINT64_FORMAT " %s%s.",
                restart ? "restarts" : "stops", n, unit, n == 1 ? "" : "s");
}
