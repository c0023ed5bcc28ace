/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"
#include "script.h"

#define SHELL "/bin/bash"

/* The environment is the same each time: nothing in it comes from the host. */
static GStrv make_environment(const JobFile *job) {
        GStrv environment = NULL;

        environment = g_environ_setenv(environment, "OVERLAY", getenv("OVERLAY"), TRUE);
        environment = g_environ_setenv(environment, "OVERLAY_NAME", job->overlay, TRUE);
        environment = g_environ_setenv(environment, "HOME", "/tmp", TRUE);
        environment = g_environ_setenv(environment, "TMPDIR", "/tmp", TRUE);
        environment = g_environ_setenv(environment, "PATH", "/usr/bin:/bin", TRUE);
        environment = g_environ_setenv(environment, "LANG", "C.UTF-8", TRUE);
        return g_environ_setenv(environment, "USER", "left4me", TRUE);
}

static void G_GNUC_NORETURN exec_script(const JobFile *job, const char *script, int overlay) {
        const char *arguments[] = { "bash", script, NULL };
        g_auto(GStrv) environment = make_environment(job);
        int input;

        (void) signal(SIGXFSZ, SIG_DFL);
        input = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (input < 0 || dup2(input, STDIN_FILENO) < 0 || fchdir(overlay) < 0)
                say(3, "cannot prepare to run the script: %s", g_strerror(errno));
        else {
                (void) execve(SHELL, (char **) (gsize) arguments, environment);
                say(3, "cannot run " SHELL ": %s", g_strerror(errno));
        }

        _exit(127);
}

/* As the first process of its namespace this one also has the orphans of the script to bury. Those that still live when the script
 * has ended die with it. */
static int wait_for(pid_t script, int *ret_status) {
        for (;;) {
                pid_t pid = waitpid(-1, ret_status, 0);

                if (pid == script)
                        return 0;
                if (pid < 0 && errno != EINTR)
                        return -errno;
        }
}

int script_run(const JobFile *job, const char *path, int overlay, int *ret_status, GError **error) {
        g_autofree char *script = g_build_filename(path, "script", NULL);
        int status, r;
        pid_t pid;

        /* The script runs as the same user; it has no business in here. */
        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail_errno(error, errno, "cannot protect the build");

        pid = fork();
        if (pid < 0)
                return fail_errno(error, errno, "cannot run the script");
        if (pid == 0)
                exec_script(job, script, overlay);

        r = wait_for(pid, &status);
        if (r < 0)
                return fail_errno(error, -r, "cannot wait for the script");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;

        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (WIFEXITED(status))
                return fail(error, ECHILD, "the script ended with exit status %d", *ret_status);
        return fail(error, ECHILD, "the script was ended by signal %d (%s)", WTERMSIG(status),
                g_strsignal(WTERMSIG(status)));
}
