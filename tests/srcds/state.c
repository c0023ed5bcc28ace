/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"
#include "state.h"
#include "util.h"

static void write_process(FILE *f, Server *s) {
        const char *const env[] = { "HOME", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "STEAM_RUNTIME" };
        char cwd[PATH_LEN];

        (void) fprintf(f, "pid=%d\nppid=%d\nuid=%u\ngid=%u\n", (int) getpid(), (int) getppid(),
                (unsigned) getuid(), (unsigned) getgid());
        (void) fprintf(f, "cwd=%s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
        for (char **a = s->argv; *a; a++)
                (void) fprintf(f, "argv=%s\n", *a);
        for (size_t i = 0; i < ELEMENTSOF(env); i++)
                if (getenv(env[i]))
                        (void) fprintf(f, "env.%s=%s\n", env[i], getenv(env[i]));
}

/* The mount that the tree stands on, in the kernel's own words. */
static void write_mount(FILE *f) {
        _cleanup_fclose_ FILE *mi = fopen("/proc/self/mountinfo", "re");
        char *line = NULL;
        size_t size = 0;
        struct stat st;
        char dev[32];

        if (!mi || stat(".", &st) < 0)
                return;
        (void) snprintf(dev, sizeof(dev), " %u:%u ", (unsigned) (st.st_dev >> 8 & 0xfff),
                (unsigned) (st.st_dev & 0xff) | (unsigned) (st.st_dev >> 12 & 0xfff00));
        while (getline(&line, &size, mi) > 0)
                if (strstr(line, dev))
                        (void) fprintf(f, "mount=%s", line);
        free(line);
}

/* Every archive of the test content brings left4dead2/layers/NAME and left4dead2/layer.txt: the first
 * shows which layers there are, the second which one is on top. */
static void write_layers(FILE *f, Server *s) {
        _cleanup_free_ char *top = NULL;
        char path[PATH_LEN];
        char **names;
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/layer.txt", s->game);
        top = read_file(path, 4096, NULL);
        (void) fprintf(f, "layer_top=%.*s\n", top ? (int) strcspn(top, "\r\n") : 0, top ? top : "");
        (void) snprintf(path, sizeof(path), "%s/layers", s->game);
        names = list_directory(path, &n);
        for (size_t i = 0; i < n; i++)
                (void) fprintf(f, "layer=%s\n", names[i]);
        free_strings(names, n);
        for (size_t i = 0; i < s->content.n_addons; i++) {
                const Addon *a = &s->content.addons[i];

                (void) fprintf(f, "addon=%s %s maps=%u missions=%u\n", a->file,
                        a->broken    ? "broken"
                        : a->enabled ? "mounted"
                                     : "disabled",
                        a->maps, a->missions);
        }
}

static void write_game(FILE *f, Server *s) {
        const char *password = cvar_string(&s->cvars, "rcon_password");

        (void) fprintf(
                f, "ip=%s\nport=%u\nrcon=%s\n", s->net.ip, s->net.port, s->net.listening ? "yes" : "no");
        (void) fprintf(f, "version=%s\nmaps=%zu\n", s->content.version, s->content.n_maps);
        (void) fprintf(f, "map=%s\nmap_starts=%u\ntickrate=%u\nhibernating=%s\n", s->map, s->map_starts,
                s->tickrate, s->hibernating ? "yes" : "no");
        (void) fprintf(f, "players=%u\nbots=%u\n", players_count(s, false), players_count(s, true));
        (void) fprintf(f, "log=%s\n", s->log.file ? s->log.name : s->log.on ? "console" : "");
        (void) fprintf(f, "rcon_password_length=%zu\nrcon_password_hash=%016llx\n", strlen(password),
                (unsigned long long) fnv1a(password, strlen(password)));
        for (size_t i = 0; i < s->n_execs; i++)
                (void) fprintf(f, "exec=%s size=%zu hash=%016llx count=%u\n", s->execs[i].file,
                        s->execs[i].size, (unsigned long long) s->execs[i].hash, s->execs[i].count);
        for (size_t i = 0; i < s->cvars.n; i++)
                if (s->cvars.cvars[i].writes > 0)
                        (void) fprintf(
                                f, "cvar.%s=%s\n", s->cvars.cvars[i].name, cvar_shown(&s->cvars.cvars[i]));
        for (size_t i = 0; i < s->n_marks; i++)
                (void) fprintf(f, "mark=%s\n", s->marks[i]);
}

void state_write(Server *s) {
        char path[PATH_LEN], temporary[PATH_LEN];
        bool ok;
        FILE *f;

        s->state_dirty = false;
        (void) snprintf(path, sizeof(path), "%s/logs", s->game);
        (void) mkdir(path, 0755);
        (void) snprintf(path, sizeof(path), "%s/logs/state.txt", s->game);
        (void) snprintf(temporary, sizeof(temporary), "%s/logs/.state.%d", s->game, (int) getpid());

        f = fopen(temporary, "we");
        if (!f) {
                standin_note("state %s failed: %s", path, strerror(errno));
                return;
        }
        write_process(f, s);
        write_mount(f);
        write_layers(f, s);
        write_game(f, s);
        ok = !ferror(f);
        ok = fclose(f) == 0 && ok;
        if (!ok || rename(temporary, path) < 0)
                standin_note("state %s failed: %s", path, strerror(errno));
}
