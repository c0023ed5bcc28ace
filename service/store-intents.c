/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/store-db.h"
#include "service/store.h"

int store_set_intent(Store *s, const char *instance, const IntentPlan *plan) {
        g_autoptr(GString) announcements = g_string_new(NULL);

        if (!plan)
                return db_run(s,
                        "DELETE FROM intents WHERE instance = (SELECT id FROM instances WHERE name = ?)",
                        "s", instance);

        for (unsigned k = 0; k < plan->n_announcements; k++)
                g_string_append_printf(announcements, "%" G_GUINT64_FORMAT "\n", plan->announcements[k]);

        return db_run(s,
                "INSERT OR REPLACE INTO intents (instance, restart, deadline, announcements, asked, acting)"
                " VALUES ((SELECT id FROM instances WHERE name = ?), ?, ?, ?, ?, ?)",
                "snnsns", instance, (uint64_t) plan->restart, plan->deadline, announcements->str,
                plan->asked, plan->acting);
}

static void read_announcements(const char *text, IntentPlan *plan) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **l = lines; *l && plan->n_announcements < INTENT_ANNOUNCEMENTS_MAX; l++)
                if (**l != '\0')
                        plan->announcements[plan->n_announcements++] = g_ascii_strtoull(*l, NULL, 10);
}

int store_load_intents(Store *s, void (*each)(const char *instance, const IntentPlan *plan, void *userdata),
        void *userdata) {
        sqlite3_stmt *stmt;
        int r;

        r = db_query(s, &stmt,
                "SELECT name, restart, deadline, announcements, asked, acting FROM intents JOIN instances ON instance = instances.id",
                "");
        if (r < 0)
                return r;

        while ((r = db_next(s, stmt)) > 0) {
                IntentPlan plan = {
                        .restart = db_number(stmt, 1) != 0,
                        .deadline = db_number(stmt, 2),
                        .asked = db_number(stmt, 4),
                };

                read_announcements(db_text(stmt, 3), &plan);
                (void) g_strlcpy(plan.acting, db_text(stmt, 5), sizeof(plan.acting));
                each(db_text(stmt, 0), &plan, userdata);
        }

        return r;
}
