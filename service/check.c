/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "service/build-needs.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/check.h"
#include "service/manager.h"
#include "service/qos.h"
#include "service/shield.h"

#define CHECKS_MAX 4U

#define GAME_UID 980U
#define REINSTALL "reinstall the package: apt install --reinstall left4me"

void finding_free(gpointer data) {
        Finding *f = data;

        g_free(f->check);
        g_free(f->explanation);
        g_free(f->remedy);
        g_free(f);
}

void findings_add(
        GPtrArray *findings, const char *check, const char *verdict, char *explanation, char *remedy) {
        Finding *f = g_new(Finding, 1);

        *f = (Finding){
                .check = g_strdup(check), .verdict = verdict, .explanation = explanation, .remedy = remedy
        };
        g_ptr_array_add(findings, f);
}

static void check_users(GPtrArray *findings) {
        const struct passwd *game = getpwnam("left4me");
        bool right = game && game->pw_uid == GAME_UID && game->pw_gid == GAME_UID;
        const struct group *admins;

        if (right && getpwnam("left4me-manager"))
                findings_add(findings, "users", "ok",
                        g_strdup("left4me has uid 980, left4me-manager exists"), g_strdup(""));
        else
                findings_add(findings, "users", "failed",
                        g_strdup("left4me must have uid and gid 980, and left4me-manager must exist"),
                        g_strdup("systemd-sysusers left4me.conf; who has uid 980: getent passwd 980"));

        admins = getgrnam("left4me-admin");
        if (!admins)
                findings_add(findings, "admins", "failed",
                        g_strdup("the group left4me-admin does not exist"),
                        g_strdup("systemd-sysusers left4me.conf"));
        else if (!*admins->gr_mem)
                findings_add(findings, "admins", "warning",
                        g_strdup("nobody is in the group left4me-admin, so only root may change anything"),
                        g_strdup("adduser USER left4me-admin"));
        else
                findings_add(findings, "admins", "ok", g_strdup("left4me-admin has members"), g_strdup(""));
}

static bool is_member(const char *user, gid_t group) {
        gid_t groups[64];
        int n = G_N_ELEMENTS(groups);

        if (getgrouplist(user, group, groups, &n) < 0)
                return false;

        n = getgroups(G_N_ELEMENTS(groups), groups);
        for (int i = 0; i < n; i++)
                if (groups[i] == group)
                        return true;

        return getegid() == group;
}

static void check_memberships(GPtrArray *findings) {
        static const char *const names[] = { "left4me", "systemd-journal" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                const struct group *g = getgrnam(names[i]);

                if (g && is_member("left4me-manager", g->gr_gid))
                        findings_add(findings, "groups", "ok",
                                g_strdup_printf("left4med is in the group %s", names[i]), g_strdup(""));
                else
                        findings_add(findings, "groups", "failed",
                                g_strdup_printf("left4med is not in the group %s", names[i]),
                                g_strdup("systemctl restart left4med; if that does not help, " REINSTALL));
        }
}

static const struct {
        const char *path;
        const char *owner, *group;
        mode_t mode;
} directories[] = {
        { "/var/lib/left4me", "root", "root", 0755 },
        { "/var/lib/left4me/manager", "left4me-manager", "left4me-manager", 0700 },
        { "/var/lib/left4me/instances", "left4me-manager", "left4me", 02750 },
        { "/var/lib/left4me/overlays", "left4me", "left4me", 0750 },
        { "/var/lib/left4me/uppers", "left4me", "left4me", 0750 },
        { "/var/lib/left4me/builds", "left4me", "left4me", 0750 },
        { "/var/lib/left4me/runtime", "left4me", "left4me", 0700 },
        { "/run/left4me/jobs", "left4me-manager", "left4me", 02750 },
        { "/run/left4me-cpus", "root", "root", 0700 },
        { "/etc/systemd/system.control/init.scope.d", "root", "root", 0755 },
};

static void check_directories(Manager *m, GPtrArray *findings) {
        unsigned bad = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                g_autofree char *path = g_strconcat(m->root, directories[i].path, NULL);
                const struct passwd *owner = getpwnam(directories[i].owner);
                const struct group *group = getgrnam(directories[i].group);
                struct stat st;

                if (lstat(path, &st) >= 0 && owner && group && S_ISDIR(st.st_mode) &&
                        st.st_uid == owner->pw_uid && st.st_gid == group->gr_gid &&
                        (st.st_mode & 07777) == directories[i].mode)
                        continue;

                bad++;
                findings_add(findings, "directories", "failed",
                        g_strdup_printf("%s must be a directory of %s:%s with mode %04o", path,
                                directories[i].owner, directories[i].group, (unsigned) directories[i].mode),
                        g_strdup("systemd-tmpfiles --create left4me.conf"));
        }

        if (bad == 0)
                findings_add(
                        findings, "directories", "ok", g_strdup("owners and modes are right"), g_strdup(""));
}

static void check_polkit(GPtrArray *findings) {
        static const char *const files[] = {
                "/usr/share/polkit-1/actions/org.left4me.Manager1.policy",
                "/usr/share/polkit-1/rules.d/49-left4me-manager.rules",
                "/usr/share/polkit-1/rules.d/50-left4me.rules",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
                if (access(files[i], R_OK) < 0) {
                        findings_add(findings, "polkit", "failed",
                                g_strdup_printf("%s: %s", files[i], g_strerror(errno)), g_strdup(REINSTALL));
                        return;
                }

        findings_add(findings, "polkit", "ok", g_strdup("actions and rules are installed"), g_strdup(""));
}

static void check_kernel(GPtrArray *findings) {
        g_autofree char *filesystems = NULL;
        unsigned major = 0, minor = 0;
        struct utsname name;

        if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
                findings_add(
                        findings, "kernel", "unknown", g_strdup("its version is not known"), g_strdup(""));
        else if (major < 6 || (major == 6 && minor < 8))
                findings_add(findings, "kernel", "failed",
                        g_strdup_printf("%s is too old to mount long stacks", name.release),
                        g_strdup("install Debian 13's kernel (6.12), at least 6.8"));
        else
                findings_add(findings, "kernel", "ok", g_strdup(name.release), g_strdup(""));

        if (g_file_get_contents("/proc/filesystems", &filesystems, NULL, NULL) &&
                strstr(filesystems, "\toverlay\n"))
                findings_add(findings, "overlayfs", "ok", g_strdup("the kernel has it"), g_strdup(""));
        else
                findings_add(findings, "overlayfs", "warning",
                        g_strdup("the kernel has not loaded it (a server's first start does)"),
                        g_strdup("modprobe overlay"));
}

static void check_space(Manager *m, GPtrArray *findings) {
        g_autofree char *path = g_strconcat(m->root, "/var/lib/left4me", NULL);
        g_autofree char *why = NULL;
        struct statvfs st;
        double left;

        if (statvfs(path, &st) < 0 || st.f_blocks == 0) {
                findings_add(findings, "disk", "unknown", g_strdup_printf("%s: %s", path, g_strerror(errno)),
                        g_strdup(""));
                return;
        }

        if (build_needs_space(m, &why) < 0) {
                findings_add(findings, "disk", "warning", g_strdup_printf("no build begins: %s", why),
                        g_strdup("left4mectl overlay list; left4mectl overlay delete NAME"));
                return;
        }

        left = 100.0 * (double) st.f_bavail / (double) st.f_blocks;
        findings_add(findings, "disk", left < 5.0 ? "warning" : "ok",
                g_strdup_printf("%.0f %% of the disk with %s are free", left, path),
                g_strdup(
                        left < 5.0
                                ? "free some space, or delete overlays that nobody uses (left4mectl overlay list)"
                                : ""));
}

void check_host(Manager *m, GPtrArray *findings) {
        check_users(findings);
        check_memberships(findings);
        check_directories(m, findings);
        check_polkit(findings);
        check_kernel(findings);
        check_sysctl(m, findings);
        check_space(m, findings);
}

/* -- the edge -------------------------------------------------------------------------------------------------- */

typedef struct Check {
        Manager *manager;
        sd_bus_message *call;
        GPtrArray *findings;
        unsigned awaited;
} Check;

static int reply_findings(const Check *c) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(c->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        for (unsigned k = 0; k < c->findings->len && r >= 0; k++) {
                const Finding *f = c->findings->pdata[k];

                r = sd_bus_message_append(reply, "(ssss)", f->check, f->verdict, f->explanation, f->remedy);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static void on_checked(void *userdata) {
        Check *c = userdata;
        int r;

        if (--c->awaited > 0)
                return;

        r = reply_findings(c);
        if (r < 0)
                (void) sd_bus_reply_method_errnof(c->call, r, "Cannot answer the findings");

        c->manager->n_checks--;
        sd_bus_message_unref(c->call);
        g_ptr_array_unref(c->findings);
        g_free(c);
}

int bus_check(Manager *m, sd_bus_message *call, sd_bus_error *error) {
        Check *c;

        if (m->n_checks >= CHECKS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u checks are under way already. Try again later.", m->n_checks);

        m->n_checks++;
        c = g_new(Check, 1);
        *c = (Check){ .manager = m,
                .call = sd_bus_message_ref(call),
                .findings = g_ptr_array_new_with_free_func(finding_free),
                .awaited = 4 };

        check_host(m, c->findings);
        shield_check(m->shield, c->findings);
        check_cpus(m, c->findings, on_checked, c);
        if (shapers_check(m->qos->shapers, c->findings, on_checked, c) < 0)
                on_checked(c);
        check_firewall(m, c->findings, on_checked, c);
        if (check_units(m, c->findings, on_checked, c) < 0)
                on_checked(c);

        return 1;
}
