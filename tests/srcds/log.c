/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "logaddress.h"
#include "util.h"

#define LINE_LEN 2048
#define FILES_PER_MINUTE 1000

/* While a command of the remote console runs, what it says goes to whoever asked, not to the console. The
 * process has one console, so this is no part of the Server. */
static struct {
        FILE *stream; /* NULL: nobody asked */
        char *text;
        size_t size;
} redirect;

void console_redirect(void) {
        redirect.stream = open_memstream(&redirect.text, &redirect.size);
}

char *console_redirected(size_t *ret_size) {
        char *text;

        if (!redirect.stream)
                return NULL;
        (void) fclose(redirect.stream);
        text = redirect.text;
        *ret_size = redirect.size;
        redirect.stream = NULL;
        return text;
}

__attribute__((format(printf, 2, 0))) static void print_to(FILE *f, const char *format, va_list ap) {
        if (!f)
                return;
        (void) vfprintf(f, format, ap);
        (void) putc('\n', f);
        (void) fflush(f);
}

void console_print(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        print_to(redirect.stream ? redirect.stream : stdout, format, ap);
        va_end(ap);
}

void console_print_text(const char *text) {
        FILE *f = redirect.stream ? redirect.stream : stdout;

        (void) fputs(text, f);
        (void) fflush(f);
}

/* To the console and to whoever asked: what tests wait for, and the echo of the log. */
__attribute__((format(printf, 1, 2))) static void print_to_both(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        print_to(stdout, format, ap);
        va_end(ap);
        va_start(ap, format);
        print_to(redirect.stream, format, ap);
        va_end(ap);
}

void standin_note(const char *format, ...) {
        char line[LINE_LEN];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        print_to_both("standin: %s", line);
}

static void emit(Log *l, CvarTable *cvars, const char *text) {
        char stamp[32], line[LINE_LEN + 32];
        time_t t = time(NULL);
        struct tm tm;

        (void) strftime(stamp, sizeof(stamp), "%m/%d/%Y - %H:%M:%S", localtime_r(&t, &tm));
        (void) snprintf(line, sizeof(line), "L %s: %s", stamp, text);
        if (cvar_number(cvars, "sv_logecho") > 0)
                print_to_both("%s", line);
        if (l->file) {
                (void) fprintf(l->file, "%s\n", line);
                (void) fflush(l->file);
        }
        logaddress_send(l, cvars, line);
}

void log_line(Log *l, CvarTable *cvars, const char *format, ...) {
        char line[LINE_LEN];
        va_list ap;

        if (!l->on)
                return;
        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        emit(l, cvars, line);
}

void log_stop(Log *l, CvarTable *cvars) {
        if (!l->on)
                return;
        emit(l, cvars, "Log file closed");
        if (l->file)
                (void) fclose(l->file);
        l->file = NULL;
        l->on = false;
}

/* logs/L127_000_000_001_27015_201112260214_000.log: address, port, minute, and a counter for the rest. */
static FILE *open_file(Log *l, const char *game, const char *dir, const char *ip, unsigned port) {
        unsigned a = 0, b = 0, c = 0, d = 0;
        time_t t = time(NULL);
        char stamp[16];
        struct tm tm;

        (void) sscanf(ip, "%u.%u.%u.%u", &a, &b, &c, &d);
        (void) strftime(stamp, sizeof(stamp), "%Y%m%d%H%M", localtime_r(&t, &tm));
        for (unsigned i = 0; i < FILES_PER_MINUTE; i++) {
                char path[PATH_LEN];
                FILE *f;

                (void) snprintf(l->name, sizeof(l->name), "%.20s/L%03u_%03u_%03u_%03u_%u_%s_%03u.log", dir,
                        a & 255, b & 255, c & 255, d & 255, port, stamp, i);
                (void) snprintf(path, sizeof(path), "%s/%s", game, l->name);
                f = fopen(path, "wxe");
                if (f || errno != EEXIST)
                        return f;
        }
        errno = EEXIST;
        return NULL;
}

void log_start(Log *l, CvarTable *cvars, const char *game, const char *ip, unsigned port) {
        const char *dir = cvar_string(cvars, "sv_logsdir");
        char line[PATH_LEN * 2 + 128], cwd[PATH_LEN];

        log_stop(l, cvars);
        l->on = true;
        if (cvar_number(cvars, "sv_logfile") > 0) {
                char path[PATH_LEN];

                (void) snprintf(path, sizeof(path), "%s/%.20s", game, dir);
                (void) mkdir(path, 0755);
                l->file = open_file(l, game, dir, ip, port);
                if (!l->file)
                        console_print("Unable to open logfile %s: %s", l->name, strerror(errno));
        }
        console_print("Server logging enabled.");
        if (!l->file)
                return;

        if (!getcwd(cwd, sizeof(cwd)))
                cwd[0] = '\0';
        console_print("Server logging data to file %s", l->name);
        (void) snprintf(line, sizeof(line),
                "Log file started (file \"%s\") (game \"%s/%s\") (version \"4777\")", l->name, cwd, game);
        emit(l, cvars, line);
}
