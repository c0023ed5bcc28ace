/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "notes.h"
#include "progress.h"
#include "protocol/steamcmd.h"
#include "remove.h"
#include "steam.h"

/* The same command at most so many times: the recipes that others publish do three to five. */
#define TRIES_MAX 5U

/* While it verifies 10 GB on a slow disk it still prints a line a second. */
#define SILENCE_SECONDS 900U

#define MANIFEST_SIZE_MAX (1U << 20)
#define ANSWER_SIZE_MAX (1U << 20)

typedef struct Session {
        const SteamOrder *order;
        const char *tree;
        SteamRun run;
        Progress progress;
        const char *platform; /* of the pass under way */
        SteamcmdFault fault;  /* the first of this run: what follows it comes of it */
        bool success;         /* the last word about the app */
        GString *answer;      /* what app_info_print says, else NULL */
} Session;

static void on_line(const char *line, void *userdata) {
        Session *s = userdata;
        g_autofree char *text = NULL;
        SteamcmdLine l;

        steamcmd_read(line, &l);
        switch (l.event) {
        case STEAMCMD_PROGRESS:
                text = g_strdup_printf("%s for %s", l.state, s->platform);
                progress_report(&s->progress, (uint64_t) (l.percent * 100), 10000, text);
                return;

        case STEAMCMD_BOOTSTRAP:
                text = g_strdup_printf("steamcmd renews itself: %s", l.state);
                progress_report(&s->progress, l.percent > 0 ? (uint64_t) l.percent : 0,
                        l.percent > 0 ? 100 : 0, text);
                return;

        case STEAMCMD_SUCCESS:
                s->success = l.app == s->order->app;
                break;

        case STEAMCMD_FAILED:
                s->success = false;
                if (s->fault == STEAMCMD_FAULT_NONE)
                        s->fault = l.fault;
                break;

        case STEAMCMD_OTHER:
        case STEAMCMD_ITEM_BEGUN:
        case STEAMCMD_ITEM_DONE:
        case STEAMCMD_ITEM_FAILED:
                break;
        }

        if (s->answer && s->answer->len + strlen(line) < ANSWER_SIZE_MAX)
                g_string_append_printf(s->answer, "%s\n", line);
        else
                say(6, "%s", line);
}

static int run_steamcmd(Session *s, const char *const *words, GError **error) {
        int status, r;

        s->fault = STEAMCMD_FAULT_NONE;
        s->success = false;
        r = steam_run(&s->run, words, &status, error);
        if (r < 0)
                return r;

        if (status == 127)
                return fail(error, ENOENT, "steamcmd cannot be run here: see left4mectl check");
        if (status != 0 && s->fault == STEAMCMD_FAULT_NONE) {
                say(4, "steamcmd ended with status %d", status);
                s->fault = STEAMCMD_UNKNOWN;
        }
        return 0;
}

/* -- what is installed ------------------------------------------------------------------------------------ */

/* 1: there is a manifest; 0: there is none that can be read. */
static int read_manifest(const Session *s, SteamManifest *ret) {
        g_autofree char *path = g_strdup_printf("%s/steamapps/appmanifest_%u.acf", s->tree, s->order->app);
        g_autofree char *text = NULL;
        _cleanup_fd_ int fd = -1;
        struct stat st;
        gsize size;

        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t) MANIFEST_SIZE_MAX)
                return 0;
        if (!g_file_get_contents(path, &text, &size, NULL))
                return 0;

        return steam_manifest_parse(text, size, ret) >= 0 && ret->app == s->order->app;
}

/* One run for one platform. 1: it is installed; 0: it is not, and s->fault says why. */
static int install_once(Session *s, bool validate, GError **error) {
        g_autofree char *app = g_strdup_printf("%u", s->order->app);
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        const char *head[] = { "+@ShutdownOnFailedCommand", "1", "+@NoPromptForPassword", "1",
                "+@sSteamCmdForcePlatformType", s->platform, "+force_install_dir", s->tree, "+login",
                "anonymous", "+app_update", app };
        SteamManifest manifest;
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
                g_ptr_array_add(words, (gpointer) (gsize) head[i]);
        if (!g_str_equal(s->order->branch, "public")) {
                g_ptr_array_add(words, (gpointer) (gsize) "-beta");
                g_ptr_array_add(words, s->order->branch);
        }
        if (validate)
                g_ptr_array_add(words, (gpointer) (gsize) "validate");
        g_ptr_array_add(words, (gpointer) (gsize) "+quit");
        g_ptr_array_add(words, NULL);

        r = run_steamcmd(s, (const char *const *) words->pdata, error);
        if (r < 0)
                return r;
        if (s->fault != STEAMCMD_FAULT_NONE)
                return 0;

        /* Full progress bars and a good exit status prove nothing: its word and its files do. */
        if (s->success && read_manifest(s, &manifest) && steam_manifest_is_healthy(&manifest))
                return 1;
        s->fault = STEAMCMD_DAMAGED;
        return 0;
}

static void G_GNUC_PRINTF(2, 3) tell(Session *s, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        progress_report_now(&s->progress, 0, 0, text);
}

/* Once more where that helps. 1: installed; 0: not, with the fault of the last run. */
static int install(Session *s, const char *platform, bool validate, GError **error) {
        int r;

        s->platform = platform;
        for (unsigned n = 1;; n++) {
                say(6, "steamcmd for %s%s%s", platform, validate ? ", every file" : "",
                        n > 1 ? ", once more" : "");
                tell(s, "steamcmd for %s", platform);
                r = install_once(s, validate, error);
                if (r != 0 || n == TRIES_MAX || !steamcmd_fault_passes(s->fault))
                        return r;

                validate = validate || s->fault == STEAMCMD_DAMAGED;
                say(5, "%s; waiting for %u seconds", steamcmd_fault_text(s->fault), s->order->pause);
                tell(s, "waits for Steam (try %u of %u failed)", n, TRIES_MAX);
                g_usleep(s->order->pause * G_USEC_PER_SEC);
        }
}

static bool wants_windows_first(SteamcmdFault fault) {
        return fault == STEAMCMD_INVALID_PLATFORM || fault == STEAMCMD_MISSING_CONFIGURATION;
}

static int install_app(Session *s, GError **error) {
        bool validate = s->order->validate;
        SteamManifest manifest;
        int r;

        /* An update is one for Linux alone; a first installation would only be refused. */
        r = read_manifest(s, &manifest) ? install(s, "linux", validate, error) : 0;
        if (r == 0 && (s->fault == STEAMCMD_FAULT_NONE || wants_windows_first(s->fault))) {
                r = install(s, "windows", validate, error);
                if (r > 0)
                        r = install(s, "linux", true, error);
        }
        if (r < 0)
                return r;
        if (r == 0)
                return fail(error, EREMOTEIO, "%s", steamcmd_fault_text(s->fault));

        (void) read_manifest(s, &manifest);
        say(6, "build %" G_GUINT64_FORMAT " is installed", manifest.build);
        return 0;
}

/* -- what is left for others ---------------------------------------------------------------------------- */

/* Of no use in a version, and the time in it would make a new one of each build. */
static int tidy(Session *s, int tree, GError **error) {
        static const char *const superfluous[] = { "downloading", "temp", "workshop", "shadercache" };
        _cleanup_fd_ int apps = beneath_open(tree, "steamapps", O_RDONLY | O_DIRECTORY);
        int r = apps;

        for (size_t i = 0; i < G_N_ELEMENTS(superfluous) && r >= 0; i++)
                r = remove_tree(apps, superfluous[i]);
        return r < 0 ? fail_errno(error, -r, "cannot tidy up behind steamcmd") : 0;
}

/* How a build is called: the label of its version. */
static int write_note(const Session *s, int tree, const char *name, uint64_t build, GError **error) {
        bool beta = !g_str_equal(s->order->branch, "public");
        g_autofree char *label = g_strdup_printf(
                "build %" G_GUINT64_FORMAT "%s%s\n", build, beta ? " " : "", beta ? s->order->branch : "");
        int r;

        r = beneath_write(tree, name, label, strlen(label), 0644);
        return r < 0 ? fail_errno(error, -r, "cannot write %s", name) : 0;
}

/* The engine looks for ~/.steam/sdk32/steamclient.so; the one that came with steamcmd fits. */
static int offer_client(const char *cache, GError **error) {
        g_autofree char *path = g_build_filename(cache, "steamcmd/linux32/steamclient.so", NULL),
                        *content = NULL;
        _cleanup_fd_ int root = -1, sdk = -1;
        gsize size;
        int r;

        if (!g_file_get_contents(path, &content, &size, NULL)) {
                say(4, "steamcmd brought no steamclient.so: servers will do without the one of Steam");
                return 0;
        }

        root = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        sdk = root < 0 ? -errno : beneath_make(root, "sdk32", 0755);
        /* By rename: running servers keep the one that they have. */
        r = sdk < 0 ? sdk : beneath_write(sdk, "steamclient.so", content, size, 0644);
        return r < 0 ? fail_errno(error, -r, "cannot give steamclient.so to the servers") : 0;
}

static int finish(Session *s, const char *cache, GError **error) {
        _cleanup_fd_ int tree = open(s->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SteamManifest manifest;
        int r;

        if (tree < 0)
                return fail_errno(error, errno, "cannot open the tree");

        r = tidy(s, tree, error);
        if (r >= 0)
                r = read_manifest(s, &manifest) ? write_note(s, tree, NOTE_LABEL, manifest.build, error)
                                                : fail(error, EBADMSG, "the manifest is gone");
        return r < 0 ? r : offer_client(cache, error);
}

/* -- what is new ----------------------------------------------------------------------------------------- */

/* What Steam knows of an app comes only with the second question, when the first one finds the cache cold. */
static int check(Session *s, GError **error) {
        g_autofree char *app = g_strdup_printf("%u", s->order->app);
        const char *words[] = { "+@ShutdownOnFailedCommand", "1", "+@NoPromptForPassword", "1", "+login",
                "anonymous", "+app_info_update", "1", "+app_info_print", app, "+quit", NULL };
        g_autoptr(GString) answer = g_string_new(NULL);
        _cleanup_fd_ int tree = -1;
        uint64_t build;
        int r;

        s->answer = answer;
        s->platform = "";
        for (unsigned n = 1;; n++) {
                g_string_truncate(answer, 0);
                r = run_steamcmd(s, words, error);
                if (r < 0)
                        return r;
                r = s->fault != STEAMCMD_FAULT_NONE ? -EREMOTEIO
                                                    : steam_branch_build(answer->str, answer->len,
                                                              s->order->app, s->order->branch, &build);
                if (r != -ENODATA && (r != -EREMOTEIO || !steamcmd_fault_passes(s->fault)))
                        break;
                if (n == TRIES_MAX)
                        break;
                g_usleep(s->order->pause * G_USEC_PER_SEC);
        }

        if (r == -EREMOTEIO)
                return fail(error, EREMOTEIO, "%s", steamcmd_fault_text(s->fault));
        if (r == -ENOENT)
                return fail(error, ENOENT, "the app %s has no branch '%s'", app, s->order->branch);
        if (r < 0)
                return fail(error, EREMOTEIO, "Steam tells nothing of the app %s: try again later", app);

        tree = open(s->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (tree < 0)
                return fail_errno(error, errno, "cannot open the tree");
        return write_note(s, tree, NOTE_NEWEST, build, error);
}

/* -- all of it ------------------------------------------------------------------------------------------- */

/* steamcmd bears no second one beside it. Held until this process ends. */
static int take_turn(const char *cache, FILE *out, GError **error) {
        g_autofree char *path = g_build_filename(cache, "lock", NULL);
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

        if (fd < 0)
                return fail_errno(error, errno, "cannot open the lock of Steam's cache");
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                (void) fprintf(out, "@progress -1 waits for another build with steamcmd\n");
                (void) fflush(out);
                while (flock(fd, LOCK_EX) < 0)
                        if (errno != EINTR) {
                                (void) fail_errno(
                                        error, errno, "cannot wait for another build with steamcmd");
                                (void) close(fd);
                                return -EIO;
                        }
        }
        return fd;
}

int steam_build(const SteamOrder *order, const char *cache, const char *tree, FILE *out, GError **error) {
        g_autofree char *directory = g_build_filename(cache, "steamcmd", NULL),
                        *home = g_build_filename(cache, "home", NULL),
                        *program = g_build_filename(directory, "linux32/steamcmd", NULL);
        Session s = { .order = order, .tree = tree, .progress.out = out };
        _cleanup_fd_ int turn = take_turn(cache, out, error);
        int r;

        if (turn < 0)
                return turn;

        s.run = (SteamRun){ directory, home, SILENCE_SECONDS, &s.progress, on_line, &s };
        if (mkdir(home, 0755) < 0 && errno != EEXIST)
                return fail_errno(error, errno, "cannot make a directory in Steam's cache");

        r = steam_fetch_installer(order, cache, out, error);
        if (r >= 0)
                r = steam_check_libraries(program, error);
        if (r < 0)
                return r;
        if (order->items)
                return steam_fetch_items(order, &s.run, tree, out, error);
        if (order->check_only)
                return check(&s, error);

        r = install_app(&s, error);
        return r < 0 ? r : finish(&s, cache, error);
}
