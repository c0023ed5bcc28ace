/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/config.h"
#include "temporary.h"

#define UNTOUCHED ((Config){ .first_port = 1, .last_port = 2, .job_workers = 3 })

static void assert_config(const Temporary *t, unsigned first, unsigned last, unsigned workers) {
        g_autofree char *path = temporary_path(t, "left4me.conf"), *why = NULL;
        g_auto(Config) c = UNTOUCHED;

        if (config_read(path, &c, &why) < 0)
                g_error("refused: %s", why);
        g_assert_null(why);
        g_assert_cmpuint(c.first_port, ==, first);
        g_assert_cmpuint(c.last_port, ==, last);
        g_assert_cmpuint(c.job_workers, ==, workers);
}

/* The message names the file and holds the word. */
static void assert_refused(const Temporary *t, const char *content, const char *file, const char *word) {
        g_autofree char *path = temporary_path(t, "left4me.conf"), *bad = temporary_path(t, file),
                        *why = NULL;
        g_auto(Config) c = UNTOUCHED;
        int r;

        r = config_read(path, &c, &why);
        if (r != -EINVAL)
                g_error("'%s' gives %d, with GamePorts=%u-%u JobWorkers=%u", content, r, c.first_port,
                        c.last_port, c.job_workers);
        if (!g_str_has_prefix(why, bad) || !strstr(why, word))
                g_error("'%s': the message does not tell of %s and %s: %s", content, bad, word, why);
        g_assert_cmpuint(c.first_port, ==, 1);
        g_assert_cmpuint(c.last_port, ==, 2);
        g_assert_cmpuint(c.job_workers, ==, 3);
}

static void test_defaults(Temporary *t, gconstpointer data) {
        assert_config(t, 27015, 27115, 4);

        temporary_put(t, "left4me.conf", "");
        assert_config(t, 27015, 27115, 4);

        temporary_put(t, "left4me.conf", "# nothing\n\n[Manager]\n#JobWorkers=9\n");
        g_assert_no_errno(mkdirat(t->fd, "left4me.conf.d", 0755));
        assert_config(t, 27015, 27115, 4);
}

static void test_good(Temporary *t, gconstpointer data) {
        static const struct {
                const char *content;
                unsigned first, last, workers;
        } cases[] = {
                { "[Manager]\nGamePorts=27000-27999\nJobWorkers=64\n", 27000, 27999, 64 },
                { "[Manager]\nGamePorts=27020-27020\n", 27020, 27020, 4 },
                { "[Manager]\nJobWorkers=1", 27015, 27115, 1 },
                { "[Manager]\n  JobWorkers = 2  \n", 27015, 27115, 2 },
                { "[Manager]\nJobWorkers=2\nJobWorkers=3\n", 27015, 27115, 3 },
                { "[Manager]\nJobWorkers=2\n[Manager]\nGamePorts=27100-27110\n", 27100, 27110, 2 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                temporary_put(t, "left4me.conf", cases[i].content);
                assert_config(t, cases[i].first, cases[i].last, cases[i].workers);
        }
}

static void test_bad(Temporary *t, gconstpointer data) {
        static const struct {
                const char *content, *word;
        } cases[] = {
                { "[Manager]\nGamePorts=\n", "GamePorts" },
                { "[Manager]\nGamePorts=27015\n", "GamePorts" },
                { "[Manager]\nGamePorts=27015-\n", "GamePorts" },
                { "[Manager]\nGamePorts=-27015\n", "GamePorts" },
                { "[Manager]\nGamePorts=27015-27115x\n", "GamePorts" },
                { "[Manager]\nGamePorts=27015-27115-27200\n", "GamePorts" },
                { "[Manager]\nGamePorts=27015-27115,27200\n", "GamePorts" },
                { "[Manager]\nGamePorts=27115-27015\n", "GamePorts" },
                { "[Manager]\nGamePorts=26999-27115\n", "GamePorts" },
                { "[Manager]\nGamePorts=27015-28000\n", "GamePorts" },
                { "[Manager]\nGamePorts=0-65535\n", "27000-27999" },
                { "[Manager]\nGamePorts=all\n", "FIRST-LAST" },
                { "[Manager]\nGamePorts=0x6987-0x69eb\n", "GamePorts" },
                { "[Manager]\nGamePorts=92551-92651\n", "GamePorts" },
                { "[Manager]\nJobWorkers=\n", "JobWorkers" },
                { "[Manager]\nJobWorkers=0\n", "JobWorkers" },
                { "[Manager]\nJobWorkers=65\n", "JobWorkers" },
                { "[Manager]\nJobWorkers=-1\n", "JobWorkers" },
                { "[Manager]\nJobWorkers=four\n", "1 to 64" },
                { "[Manager]\nJobWorkers=4.5\n", "JobWorkers" },
                { "[Manager]\nJobWorker=4\n", "JobWorker=4: unknown key" },
                { "[Manager]\njobworkers=4\n", "unknown key" },
                { "[Manager]\nGamePorts=27015-27115\nX=\n", "X=" },
                { "[manager]\nJobWorkers=4\n", "unknown section" },
                { "[Manager]\nJobWorkers=4\n[Web]\n", "unknown section" },
                { "[Manager]\nSpaceReserve=1P\n", "SpaceReserve=" },
                { "[Manager]\nSpaceReserve=G\n", "SpaceReserve=" },
                { "[Manager]\nSpaceReserve=-1\n", "SpaceReserve=" },
                { "[Manager]\nSpaceReserve=1.5G\n", "SpaceReserve=" },
                { "[Manager]\nSpaceReserve=9000000000T\n", "SpaceReserve=" },
                { "[Manager]\nFilesReserve=1K\n", "FilesReserve=" },
                { "[Manager]\nFilesReserve=many\n", "FilesReserve=" },
                { "[Manager]\nBuildsWithoutFirewall=maybe\n", "yes or no" },
                { "[Manager]\nWorkshopAPI=ftp://a\n", "https://HOST" },
                { "[Manager]\nWorkshopAPI=https://user@a\n", "WorkshopAPI" },
                { "[Manager]\nWorkshopAPI=https://a/b\n", "WorkshopAPI" },
                { "[Manager]\nWorkshopAPI=https://a:0\n", "WorkshopAPI" },
                { "[Manager]\nWorkshopHosts=\n", "WorkshopHosts" },
                { "[Manager]\nWorkshopHosts=a.b c/d\n", "WorkshopHosts" },
                { "[Manager]\nWorkshopHosts=a:99999\n", "WorkshopHosts" },
                { "JobWorkers=4\n", "" },
                { "[Manager]\nJobWorkers\n", "" },
                { "[Manager\nJobWorkers=4\n", "" },
                { "\377\376", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                temporary_put(t, "left4me.conf", cases[i].content);
                assert_refused(t, cases[i].content, "left4me.conf", cases[i].word);
        }
}

static void test_reserves(Temporary *t, gconstpointer data) {
        static const struct {
                const char *content;
                uint64_t space, files;
                bool without;
        } cases[] = {
                { "", RESERVE_DEFAULT, RESERVE_DEFAULT, false },
                { "SpaceReserve=0\nFilesReserve=0\nBuildsWithoutFirewall=yes\n", 0, 0, true },
                { "SpaceReserve=10K\nFilesReserve=123\nBuildsWithoutFirewall=no\n", 10240, 123, false },
                { "SpaceReserve=1M\n", UINT64_C(1) << 20, RESERVE_DEFAULT, false },
                { "SpaceReserve=3G\n", UINT64_C(3) << 30, RESERVE_DEFAULT, false },
                { "SpaceReserve=1048576T\n", UINT64_C(1) << 60, RESERVE_DEFAULT, false },
                { "SpaceReserve=5\nSpaceReserve=\nFilesReserve=\n", RESERVE_DEFAULT, RESERVE_DEFAULT,
                        false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *content = g_strconcat("[Manager]\n", cases[i].content, NULL),
                                *path = temporary_path(t, "left4me.conf"), *why = NULL;
                g_auto(Config) c = UNTOUCHED;

                temporary_put(t, "left4me.conf", content);
                if (config_read(path, &c, &why) < 0)
                        g_error("refused: %s", why);
                g_assert_cmpuint(c.space_reserve, ==, cases[i].space);
                g_assert_cmpuint(c.files_reserve, ==, cases[i].files);
                g_assert_true(c.builds_without_firewall == cases[i].without);
        }
}

/* Numbers that come out right only after they have overflowed, and signs. */
static void test_numbers(Temporary *t, gconstpointer data) {
        static const char *const cases[] = {
                "GamePorts=4294994311-4294994411", /* 2^32 more than 27015-27115 */
                "GamePorts=27015--4294940181",     /* 2^32 less than 27115, with the sign taken away */
                "JobWorkers=4294967300",
                "JobWorkers=-4294967292",
                "JobWorkers=18446744073709551620",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *content = g_strdup_printf("[Manager]\n%s\n", cases[i]);

                temporary_put(t, "left4me.conf", content);
                assert_refused(t, cases[i], "left4me.conf", cases[i]);
        }
}

static void test_drop_ins(Temporary *t, gconstpointer data) {
        temporary_put(t, "left4me.conf.d/20-late.conf", "[Manager]\nJobWorkers=20\n");
        temporary_put(
                t, "left4me.conf.d/10-early.conf", "[Manager]\nJobWorkers=10\nGamePorts=27100-27110\n");
        assert_config(t, 27100, 27110, 20);

        /* Key by key: what a later file does not speak of stays. */
        temporary_put(t, "left4me.conf", "[Manager]\nJobWorkers=1\nGamePorts=27001-27002\n");
        assert_config(t, 27100, 27110, 20);
        temporary_put(t, "left4me.conf.d/9.conf", "[Manager]\nJobWorkers=9\n");
        assert_config(t, 27100, 27110, 9);

        /* No files of ours. */
        temporary_put(t, "left4me.conf.d/99.conf.dpkg-old", "[Broken\n");
        temporary_put(t, "left4me.conf.d/.99.conf", "[Broken\n");
        temporary_put(t, "left4me.conf.d/README", "[Broken\n");
        assert_config(t, 27100, 27110, 9);
}

static void test_drop_ins_refused(Temporary *t, gconstpointer data) {
        temporary_put(t, "left4me.conf", "[Manager]\nJobWorkers=8\n");
        temporary_put(t, "left4me.conf.d/10.conf", "[Manager]\nJobWorkers=100\n");
        temporary_put(t, "left4me.conf.d/20.conf", "[Manager]\nJobWorkers=2\n");
        assert_refused(t, "JobWorkers=100 in a drop-in", "left4me.conf.d/10.conf", "JobWorkers=100");

        g_assert_no_errno(unlinkat(t->fd, "left4me.conf.d/10.conf", 0));
        assert_config(t, 27015, 27115, 2);

        g_assert_no_errno(mkdirat(t->fd, "left4me.conf.d/10.conf", 0755));
        assert_refused(t, "a directory as drop-in", "left4me.conf.d/10.conf", "");
}

static void test_no_directory(Temporary *t, gconstpointer data) {
        temporary_put(t, "left4me.conf.d", "a file");
        assert_refused(t, "a file for the directory", "left4me.conf.d", "directory");

        g_assert_no_errno(unlinkat(t->fd, "left4me.conf.d", 0));
        g_assert_no_errno(mkdirat(t->fd, "left4me.conf", 0755));
        assert_refused(t, "a directory for the file", "left4me.conf", "");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        TEMPORARY_ADD("/config/defaults", test_defaults);
        TEMPORARY_ADD("/config/good", test_good);
        TEMPORARY_ADD("/config/bad", test_bad);
        TEMPORARY_ADD("/config/numbers", test_numbers);
        TEMPORARY_ADD("/config/reserves", test_reserves);
        TEMPORARY_ADD("/config/drop-ins", test_drop_ins);
        TEMPORARY_ADD("/config/drop-ins/refused", test_drop_ins_refused);
        TEMPORARY_ADD("/config/no-directory", test_no_directory);
        return g_test_run();
}
