/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* srcds_probe: reports in JSON lines what a process in a game server's place can see and do, then stays
 * like a server until a signal ends it. It harms nothing where it is run without a sandbox: whatever an
 * attempt changed is put back, and as root it attempts nothing at all. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "probe.h"
#include "util.h"

#define DETAIL_LEN 16384

static void print_json(const char *s) {
        (void) putchar('"');
        for (; *s; s++) {
                unsigned char c = (unsigned char) *s;

                if (c == '"' || c == '\\')
                        (void) printf("\\%c", c);
                else if (c < 0x20 || c >= 0x7f)
                        (void) printf("\\u%04x", c);
                else
                        (void) putchar(c);
        }
        (void) putchar('"');
}

void report(Probe *p, const char *name, const char *result, const char *expect, const char *format, ...) {
        static char detail[DETAIL_LEN];
        bool ok = !expect || strcmp(result, expect) == 0;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(detail, sizeof(detail), format, ap);
        va_end(ap);

        p->checks++;
        p->surprises += !ok;
        (void) fputs("{\"probe\":", stdout);
        print_json(name);
        (void) printf(",\"result\":\"%s\",\"expect\":\"%s\",\"ok\":%s,\"detail\":", result,
                expect ? expect : "any", ok ? "true" : "false");
        print_json(detail);
        (void) puts("}");
        (void) fflush(stdout);
}

void report_attempt(Probe *p, const char *name, const char *expect, int error) {
        if (error == 0)
                report(p, name, "allowed", expect, "%s", "");
        else
                report(p, name, "denied", expect, "%s",
                        strerrorname_np(error) ? strerrorname_np(error) : "unknown");
}

/* +probe_cat PATH shows the beginning of a file, +probe_write PATH tries to create or empty one. */
static void requested(Probe *p) {
        for (char **a = p->argv + 1; *a && a[1]; a++) {
                char name[PATH_LEN];

                if (strcmp(*a, "+probe_cat") == 0) {
                        _cleanup_free_ char *text = read_file(a[1], 1 << 20, NULL);

                        (void) snprintf(name, sizeof(name), "cat:%s", a[1]);
                        if (text)
                                report(p, name, "allowed", NULL, "%.400s", text);
                        else
                                report_attempt(p, name, NULL, errno);
                } else if (strcmp(*a, "+probe_write") == 0) {
                        _cleanup_fclose_ FILE *f = fopen(a[1], "we");

                        (void) snprintf(name, sizeof(name), "write:%s", a[1]);
                        report_attempt(p, name, NULL, f ? 0 : errno);
                }
        }
}

static void read_arguments(Probe *p) {
        unsigned long port = 27015;

        p->game = "left4dead2";
        p->walk = "/";
        for (char **a = p->argv + 1; *a && a[1]; a++)
                if (strcasecmp(*a, "-game") == 0)
                        p->game = a[1];
                else if (strcmp(*a, "+probe_walk") == 0)
                        p->walk = a[1];
                else if (strcasecmp(*a, "-port") == 0 || strcasecmp(*a, "+hostport") == 0)
                        (void) parse_uint(a[1], 65535, &port);
        p->port = (unsigned) port;
        if (!getcwd(p->tree, sizeof(p->tree)))
                p->tree[0] = '\0';
}

static void report_words(Probe *p) {
        char words[4096] = "";
        size_t n = 0;

        for (char **a = p->argv; *a && n < sizeof(words); a++)
                n += (size_t) snprintf(words + n, sizeof(words) - n, "%s%s", n ? " " : "", *a);
        report(p, "argv", "value", NULL, "%s", words);
        report(p, "tree", "value", NULL, "%s", p->tree);
}

/* Until a signal, then away by that signal, as the server goes. */
static int stay(Probe *p) {
        sigset_t set;
        int sig = 0;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        report(p, "done", p->surprises ? "surprises" : "ok", "ok", "%u checks, %u not as expected",
                p->checks, p->surprises);
        while (sigwait(&set, &sig) != 0)
                ;
        probe_ipc_done(p);
        (void) raise(sig);
        (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
        return EXIT_FAILURE;
}

int main(int argc, char **argv) {
        Probe p = { .argv = argv, .shm_id = -1 };

        (void) argc;
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        (void) signal(SIGHUP, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        read_arguments(&p);

        report_words(&p);
        if (geteuid() == 0) {
                report(&p, "root", "allowed", "denied", "the probe attempts nothing as root");
                return EXIT_FAILURE;
        }
        probe_status(&p);
        probe_visibility(&p);
        probe_configuration(&p);
        probe_processes(&p);
        probe_ipc(&p);
        probe_network(&p);
        probe_memory(&p);
        probe_kernel(&p);
        requested(&p);
        probe_directories(&p);
        return stay(&p);
}
