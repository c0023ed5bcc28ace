/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the test has said about units: how their steps end, which are held, which jobs are refused, who does the work. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "systemd-internal.h"

void rule_free(Rule *rule) {
        g_pattern_spec_free(rule->pattern);
        g_free(rule->result);
        g_free(rule->error_name);
        g_free(rule);
}

static Rule *rule_add(Systemd *s, const char *pattern) {
        Rule *rule = g_new0(Rule, 1);

        rule->pattern = g_pattern_spec_new(pattern);
        g_ptr_array_add(s->rules, rule);
        return rule;
}

void systemd_hold(Systemd *s, const char *pattern, SystemdStep step) {
        Rule *rule = rule_add(s, pattern);

        rule->step = step;
        rule->hold = true;
}

void systemd_fail(Systemd *s, const char *pattern, SystemdStep step, SystemdOutcome outcome) {
        Rule *rule = rule_add(s, pattern);

        rule->step = step;
        rule->outcome = outcome;
        rule->result = g_strdup(outcome.result);
        rule->outcome.result = rule->result;
}

void systemd_refuse(Systemd *s, const char *pattern, const char *error_name) {
        Rule *rule = rule_add(s, pattern);

        rule->step = (SystemdStep) -1;
        rule->error_name = g_strdup(error_name ?: "");
}

void systemd_forget_rules(Systemd *s) {
        g_ptr_array_set_size(s->rules, 0);
}

static const Rule *find(Systemd *s, const char *name, SystemdStep step) {
        for (guint i = s->rules->len; i > 0; i--) {
                const Rule *rule = g_ptr_array_index(s->rules, i - 1);

                if (rule->step == step && g_pattern_spec_match_string(rule->pattern, name))
                        return rule;
        }

        return NULL;
}

const Rule *rule_find(Systemd *s, const char *name, SystemdStep step) {
        return find(s, name, step);
}

const char *rule_refusal(Systemd *s, const char *name) {
        const Rule *rule = find(s, name, (SystemdStep) -1);

        return rule && *rule->error_name ? rule->error_name : NULL;
}

void systemd_set_performer(Systemd *s, const char *template, SystemdPerformer perform, void *data) {
        Performer *performer = g_new0(Performer, 1);

        performer->perform = perform;
        performer->data = data;
        g_hash_table_insert(s->performers, g_strdup(template), performer);
}

Performer *performer_find(Systemd *s, const char *name) {
        const char *at = strchr(name, '@');
        g_autofree char *template = at ? g_strndup(name, (gsize) (at - name) + 1) : NULL;

        return template ? g_hash_table_lookup(s->performers, template) : NULL;
}

static void on_child_end(GPid pid, int status, gpointer data) {
        SystemdOutcome outcome = { NULL, 0, 0, false };
        SystemdUnit *u = data;

        /* What it has left behind goes with the unit. */
        (void) kill(-pid, SIGKILL);
        u->child = 0;
        u->child_watch = 0;
        if (WIFSIGNALED(status))
                outcome = (SystemdOutcome){ "signal", CLD_KILLED, WTERMSIG(status), false };
        else if (WEXITSTATUS(status) != 0)
                outcome = (SystemdOutcome){ "exit-code", CLD_EXITED, WEXITSTATUS(status), false };
        systemd_finish(u, outcome);
}

void systemd_watch_child(SystemdUnit *u, GPid pid) {
        u->child = pid;
        u->child_watch = g_child_watch_add(pid, on_child_end, u);
}
