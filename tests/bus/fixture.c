/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include "tests/unit/cpu-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/own-network.h"

/* As on a real host, where it counts: 512 matches a connection; the other limits are dbus-daemon's own. */
static const char bus_configuration[] =
        "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'"
        " 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n"
        "<busconfig><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>\n"
        "<policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*' eavesdrop='true'/>"
        "<allow eavesdrop='true'/></policy>\n"
        "<limit name='max_match_rules_per_connection'>512</limit></busconfig>\n";

static const char *const directories[] = { "etc/left4me", "var/lib/left4me/manager",
        "var/lib/left4me/instances", "var/lib/left4me/overlays", "var/lib/left4me/uppers",
        "var/lib/left4me/runtime", "var/lib/left4me/builds", "var/lib/left4me/steam", "run/left4me/jobs",
        "proc/self", "etc/systemd", "run/systemd", "sys/fs/cgroup/l4d2.slice/l4d2-build.slice" };

/* Of the test that runs, for on_abort(). */
static bool private_mounts;
static bool private_network;
static const char *current_log, *current_directory;

char *fixture_path(Fixture *f, const char *path) {
        return g_build_filename(f->root, path, NULL);
}

bool fixture_exists(Fixture *f, const char *path) {
        g_autofree char *full = fixture_path(f, path);
        struct stat st;

        return lstat(full, &st) == 0;
}

char *fixture_read(Fixture *f, const char *path) {
        g_autofree char *full = fixture_path(f, path);
        char *text = NULL;

        if (!g_file_get_contents(full, &text, NULL, NULL))
                return g_strdup("");

        return text;
}

void fixture_write(Fixture *f, const char *path, const char *content) {
        g_autofree char *full = fixture_path(f, path), *directory = g_path_get_dirname(full);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
        (void) g_file_set_contents(full, content, -1, &error);
        g_assert_no_error(error);
}

void fixture_make_directories(Fixture *f) {
        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                g_autofree char *path = fixture_path(f, directories[i]);

                g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
        }
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk) {
        return remove(path);
}

void fixture_empty_run(Fixture *f) {
        g_autofree char *path = fixture_path(f, "run/left4me/jobs");

        (void) nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
}

void fixture_configure(Fixture *f, const char *keys) {
        g_autofree char *text = g_strconcat("[Manager]\n", keys, "\n", NULL);

        fixture_write(f, "etc/left4me/left4me.conf", text);
}

char *fixture_read_log(Fixture *f) {
        char *text = NULL;

        if (!g_file_get_contents(f->log, &text, NULL, NULL))
                return g_strdup("");

        return text;
}

bool fixture_may_mount(void) {
        if (private_mounts)
                return true;

        g_test_skip("needs the right to mount");
        return false;
}

bool fixture_may_network(void) {
        if (private_network)
                return true;

        g_test_skip("needs the right to make a network namespace");
        return false;
}

/* So that the daemon, which ends with the same parent, writes nothing more where rm works. */
static void wait_for_parents_end(void) {
        sigset_t set;
        int got;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGUSR1);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        (void) prctl(PR_SET_PDEATHSIG, SIGUSR1);
        if (getppid() != 1)
                (void) sigwait(&set, &got);
}

/* A failed assertion ends the process: show what the daemon said, and leave nothing behind. (fork() and what follows are
 * allowed in a signal handler; the children die with this process.) */
static void on_abort(int signal) {
        static const char head[] = "--- left4med's standard error:\n", tail[] = "---\n";
        char buffer[4096];
        ssize_t size;
        int fd = current_log ? open(current_log, O_RDONLY | O_CLOEXEC) : -1;

        (void) !write(STDERR_FILENO, head, sizeof head - 1);
        while (fd >= 0 && (size = read(fd, buffer, sizeof buffer)) > 0)
                (void) !write(STDERR_FILENO, buffer, (size_t) size);
        (void) !write(STDERR_FILENO, tail, sizeof tail - 1);

        if (current_directory && !getenv("LEFT4ME_TEST_KEEP") && fork() == 0) {
                wait_for_parents_end();
                execlp("rm", "rm", "-rf", current_directory, NULL);
                _exit(1);
        }
        struct sigaction action = { .sa_handler = SIG_DFL };
        (void) sigaction(signal, &action, NULL);
        (void) raise(signal);
}

static void child_setup(gpointer data) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GSubprocessLauncher *launcher_new(GSubprocessFlags flags) {
        GSubprocessLauncher *l = g_subprocess_launcher_new(flags);

        g_subprocess_launcher_set_child_setup(l, child_setup, NULL, NULL);
        return l;
}

static void start_bus(Fixture *f) {
        g_autoptr(GSubprocessLauncher) launcher = launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
        g_autofree char *configuration = g_strdup_printf(bus_configuration, f->directory), *file = NULL,
                        *argument = NULL, *log = NULL;
        g_autoptr(GDataInputStream) output = NULL;
        g_autoptr(GError) error = NULL;

        file = g_build_filename(f->directory, "bus.conf", NULL);
        (void) g_file_set_contents(file, configuration, -1, &error);
        g_assert_no_error(error);
        argument = g_strconcat("--config-file=", file, NULL);
        log = g_build_filename(f->directory, "bus.log", NULL);
        g_subprocess_launcher_set_stderr_file_path(launcher, log);
        f->bus = g_subprocess_launcher_spawn(launcher, &error, "dbus-daemon", argument, "--print-address=1",
                "--nofork", "--nopidfile", NULL);
        g_assert_no_error(error);

        /* The address comes when the bus listens. */
        output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(f->bus));
        f->address = g_data_input_stream_read_line(output, NULL, NULL, &error);
        g_assert_no_error(error);
        g_assert_nonnull(f->address);
}

static GPtrArray *daemon_command(Fixture *f) {
        GPtrArray *command = g_ptr_array_new_with_free_func(g_free);
        const char *wrapper = g_getenv("LEFT4ME_TEST_WRAPPER"); /* say, valgrind */
        g_autofree char *config = fixture_path(f, "etc/left4me/left4me.conf");
        g_auto(GStrv) words = wrapper ? g_strsplit(wrapper, " ", -1) : NULL;

        for (char **word = words; word && *word; word++)
                g_ptr_array_add(command, g_strdup(*word));
        g_ptr_array_add(command, g_strdup(g_getenv("LEFT4MED")));
        g_ptr_array_add(command, g_strdup("--root"));
        g_ptr_array_add(command, g_strdup(f->root));
        g_ptr_array_add(command, g_strdup("--config"));
        g_ptr_array_add(command, g_steal_pointer(&config));
        g_ptr_array_add(command, NULL);
        return command;
}

/* Nobody needs the answer, but the main loop must turn when the daemon ends. */
static void on_daemon_end(GObject *source, GAsyncResult *result, gpointer data) {
        (void) g_subprocess_wait_finish(G_SUBPROCESS(source), result, NULL);
}

static void spawn_daemon(Fixture *f) {
        g_autoptr(GSubprocessLauncher) launcher = launcher_new(G_SUBPROCESS_FLAGS_NONE);
        g_autoptr(GPtrArray) command = daemon_command(f);
        g_autoptr(GError) error = NULL;
        int log;

        g_assert_null(f->daemon);
        log = open(f->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        g_assert_cmpint(log, >=, 0);
        g_subprocess_launcher_take_stdout_fd(launcher, dup(log));
        g_subprocess_launcher_take_stderr_fd(launcher, log);
        g_subprocess_launcher_setenv(launcher, "DBUS_SYSTEM_BUS_ADDRESS", f->address, TRUE);
        g_subprocess_launcher_setenv(launcher, "G_DEBUG", "fatal-criticals", TRUE);
        g_subprocess_launcher_setenv(launcher, "SYSTEMD_LOG_LEVEL", "debug", TRUE);
        g_subprocess_launcher_unsetenv(launcher, "NOTIFY_SOCKET");
        g_subprocess_launcher_unsetenv(launcher, "WATCHDOG_USEC");
        f->daemon = g_subprocess_launcher_spawnv(launcher, (const char *const *) command->pdata, &error);
        g_assert_no_error(error);
        g_subprocess_wait_async(f->daemon, NULL, on_daemon_end, NULL);
}

bool fixture_is_running(Fixture *f) {
        return f->daemon && g_subprocess_get_identifier(f->daemon);
}

static bool is_up_or_dead(void *data) {
        Fixture *f = data;

        return mirror_is_ready(f->mirror) || !fixture_is_running(f);
}

void fixture_begin_start(Fixture *f) {
        spawn_daemon(f);
}

void fixture_wait_started(Fixture *f) {
        loop_until(is_up_or_dead, f, "left4med to take its name and to tell its objects");
        if (!fixture_is_running(f))
                g_error("left4med ended instead of taking its name");
}

void fixture_start(Fixture *f) {
        fixture_begin_start(f);
        fixture_wait_started(f);
}

static bool is_gone(void *data) {
        Fixture *f = data;

        return !fixture_is_running(f) && !mirror_owner(f->mirror);
}

void fixture_kill(Fixture *f) {
        g_subprocess_force_exit(f->daemon);
        loop_until(is_gone, f, "left4med to be killed");
        g_clear_object(&f->daemon);
}

/* Exit status, or 128 + signal. */
static int wait_for_exit(Fixture *f) {
        int status;

        loop_until(is_gone, f, "left4med to exit");
        status = g_subprocess_get_if_exited(f->daemon) ? g_subprocess_get_exit_status(f->daemon)
                                                       : 128 + g_subprocess_get_term_sig(f->daemon);
        g_clear_object(&f->daemon);
        return status;
}

void fixture_stop(Fixture *f) {
        int status;

        g_subprocess_send_signal(f->daemon, SIGTERM);
        status = wait_for_exit(f);
        if (status != 0)
                g_error("left4med should exit with 0 after SIGTERM, not %i", status);
}

int fixture_start_refused(Fixture *f) {
        spawn_daemon(f);
        return wait_for_exit(f);
}

GVariant *call(
        Fixture *f, const char *path, const char *interface, const char *method, GVariant *arguments) {
        return call_end(call_begin(f->client, path, interface, method, arguments));
}

void call_refused(Fixture *f, const char *path, const char *interface, const char *method,
        GVariant *arguments, const char *error_name) {
        call_end_refused(call_begin(f->client, path, interface, method, arguments), error_name);
}

void fixture_ping(Fixture *f) {
        /* Once behind what the stand-ins have sent, and once behind what the daemon asks of them because of it. */
        for (guint i = 0; i < 3; i++) {
                systemd_ping(f->systemd, LEFT4ME_BUS_NAME);
                g_variant_unref(call(f, LEFT4ME_ROOT_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL));
        }
}

static void set_up(Fixture *f) {
        g_autoptr(GError) error = NULL;

        f->directory = g_dir_make_tmp("left4me-bus-XXXXXX", &error);
        g_assert_no_error(error);
        f->root = g_build_filename(f->directory, "root", NULL);
        f->log = g_build_filename(f->directory, "left4med.log", NULL);
        current_log = f->log;
        current_directory = f->directory;
        g_assert_cmpint(chmod(f->directory, 0755), ==, 0); /* other users come to the bus as well */
        fixture_make_directories(f);
        fixture_configure(f, "GamePorts=27015-27115\nJobWorkers=4");
        /* Builds run wherever the tests do: without nf_tables, and on a disk that is nearly full. */
        fixture_write(f, "etc/left4me/left4me.conf.d/00-fixture.conf",
                "[Manager]\nBuildsWithoutFirewall=yes\nSpaceReserve=0\nFilesReserve=0\n");
        cpu_tree_write_plain(f->root, 4);
        fixture_write(f, "proc/stat", "cpu0 100 10 20 1000 50 1 2 3 0 0\n");

        start_bus(f);
        f->systemd = systemd_new(f->address);
        systemd_show_mounts(f->systemd, f->root);
        f->polkit = polkit_new(f->address);
        f->client = g_dbus_connection_new_for_address_sync(f->address,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                NULL, NULL, &error);
        g_assert_no_error(error);
        f->mirror = mirror_new(f->client);
}

static void set_up_running(Fixture *f, gconstpointer data) {
        set_up(f);
        fixture_start(f);
}

static void set_up_stopped(Fixture *f, gconstpointer data) {
        set_up(f);
}

/* What is mounted below the directory goes, the last first. */
static void unmount_below(const char *directory) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
                return;

        lines = g_strsplit(text, "\n", -1);
        for (guint i = g_strv_length(lines); i > 0; i--) {
                g_auto(GStrv) words = g_strsplit(lines[i - 1], " ", 6);

                if (g_strv_length(words) == 6 && g_str_has_prefix(words[4], directory))
                        (void) umount2(words[4], MNT_DETACH | UMOUNT_NOFOLLOW);
        }
}

static void tear_down(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        if (fixture_is_running(f)) {
                mirror_check(f->mirror);
                fixture_stop(f);
        }
        g_assert_cmpuint(systemd_count_calls(f->systemd, "RestartUnit *"), ==, 0);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartTransientUnit *"), ==, 0);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "SetUnitProperties *"), ==, 0);

        g_clear_pointer(&f->mirror, mirror_free);
        (void) g_dbus_connection_close_sync(f->client, NULL, &error);
        g_clear_object(&f->client);
        g_clear_pointer(&f->systemd, systemd_free);
        g_clear_pointer(&f->polkit, polkit_free);
        g_subprocess_send_signal(f->bus, SIGTERM);
        (void) g_subprocess_wait(f->bus, NULL, NULL);
        g_clear_object(&f->bus);
        loop_settle();

        current_log = current_directory = NULL;
        unmount_below(f->directory);
        if (!g_getenv("LEFT4ME_TEST_KEEP"))
                (void) nftw(f->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        g_free(f->directory);
        g_free(f->root);
        g_free(f->log);
        g_free(f->address);
}

typedef struct Test {
        void (*run)(Fixture *f);
} Test;

static void run_test(Fixture *f, gconstpointer data) {
        ((const Test *) data)->run(f);
}

static void add(const char *path, void (*run)(Fixture *f), void (*prepare)(Fixture *f, gconstpointer data)) {
        static Test tests[100];
        static size_t n_tests;

        g_assert_cmpuint(n_tests, <, G_N_ELEMENTS(tests));
        tests[n_tests].run = run;
        g_test_add(path, Fixture, &tests[n_tests], prepare, run_test, tear_down);
        n_tests++;
}

void fixture_add(const char *path, void (*test)(Fixture *f)) {
        add(path, test, set_up_running);
}

void fixture_add_stopped(const char *path, void (*test)(Fixture *f)) {
        add(path, test, set_up_stopped);
}

int fixture_main(int argc, char *argv[], void (*add_tests)(void)) {
        struct sigaction action = { .sa_handler = on_abort };

        g_test_init(&argc, &argv, NULL);
        private_network = own_network();
        /* What a test mounts, nobody else sees, and it goes with the last process of the test. */
        private_mounts = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
        (void) sigaction(SIGABRT, &action, NULL);
        (void) sigaction(SIGTRAP, &action, NULL);
        add_tests();
        return g_test_run();
}
