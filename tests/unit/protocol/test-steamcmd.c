/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/steamcmd.h"

static const struct {
        const char *line;
        SteamcmdEvent event;
        SteamcmdFault fault;
        uint32_t app;
        const char *state;
        double percent;
} lines[] = {
        { " Update state (0x61) downloading, progress: 68.09 (48404306198 / 71089555502)", STEAMCMD_PROGRESS,
                0, 0, "downloading", 68.09 },
        { "Update state (0x3) reconfiguring, progress: 0.00 (0 / 0)", STEAMCMD_PROGRESS, 0, 0,
                "reconfiguring", 0 },
        { " Update state (0x123456) what nobody knows, progress: 1.00 (1 / 100)", STEAMCMD_PROGRESS, 0, 0,
                "what nobody knows", 1 },
        { "[ 12%] Downloading update (1,234 of 45,678 KB)...", STEAMCMD_BOOTSTRAP, 0, 0,
                "Downloading update", 12 },
        { "[----] Installing update...", STEAMCMD_BOOTSTRAP, 0, 0, "Installing update...", -1 },
        { "Success! App '222860' fully installed.", STEAMCMD_SUCCESS, 0, 222860, "", 0 },
        { "Success! App '222860' already up to date.", STEAMCMD_SUCCESS, 0, 222860, "", 0 },
        { "ERROR! Failed to install app '222860' (Invalid platform)", STEAMCMD_FAILED,
                STEAMCMD_INVALID_PLATFORM, 222860, "", 0 },
        { "ERROR! Failed to install app '222860' (Missing configuration)", STEAMCMD_FAILED,
                STEAMCMD_MISSING_CONFIGURATION, 222860, "", 0 },
        { "ERROR! Failed to install app '222860' (Something new)", STEAMCMD_FAILED, STEAMCMD_UNKNOWN, 222860,
                "", 0 },
        { "Error! App '222860' state is 0x202 after update job.", STEAMCMD_FAILED, STEAMCMD_DISK, 222860, "",
                0 },
        { "Error! App '222860' state is 0x6A6 after update job.", STEAMCMD_FAILED, STEAMCMD_DAMAGED, 222860,
                "", 0 },
        { "Error! App '222860' state is 0x206 after update job.", STEAMCMD_FAILED, STEAMCMD_UNKNOWN, 222860,
                "", 0 },
        { "FAILED (Rate Limit Exceeded)", STEAMCMD_FAILED, STEAMCMD_RATE_LIMIT, 0, "", 0 },
        { "Connecting anonymously to Steam Public...FAILED (No Connection)", STEAMCMD_FAILED,
                STEAMCMD_NETWORK, 0, "", 0 },
        { "Fatal Error: Steamcmd needs to be online to update.", STEAMCMD_FAILED, STEAMCMD_OFFLINE, 0, "",
                0 },
        { "ERROR! never seen", STEAMCMD_FAILED, STEAMCMD_UNKNOWN, 0, "", 0 },
        { "Loading Steam API...OK", STEAMCMD_OTHER, 0, 0, "", 0 },
        { "Success! App '222860' was looked at.", STEAMCMD_OTHER, 0, 222860, "", 0 },
        { "Success! App '99999999999999' fully installed.", STEAMCMD_OTHER, 0, 0, "", 0 },
        { " Update state (0x61) downloading, progress: nan (1 / 2)", STEAMCMD_OTHER, 0, 0, "", 0 },
        { " Update state (0x61) downloading, progress: 101.00 (1 / 2)", STEAMCMD_OTHER, 0, 0, "", 0 },
        { "ERROR! Download item 0 failed (Failure).", STEAMCMD_FAILED, STEAMCMD_UNKNOWN, 0, "", 0 },
        { "ERROR! Download item 99999999999999999999 failed (Failure).", STEAMCMD_FAILED, STEAMCMD_UNKNOWN,
                0, "", 0 },
        { "Success. Downloaded item x to \"/d\" (1 bytes)", STEAMCMD_OTHER, 0, 0, "", 0 },
        { "", STEAMCMD_OTHER, 0, 0, "", 0 },
        { "[", STEAMCMD_OTHER, 0, 0, "", 0 },
};

static void test_lines(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                SteamcmdLine l;

                steamcmd_read(lines[i].line, &l);
                g_test_message("%s", lines[i].line);
                g_assert_cmpuint(l.event, ==, lines[i].event);
                g_assert_cmpuint(l.fault, ==, lines[i].fault);
                g_assert_cmpuint(l.app, ==, lines[i].app);
                if (l.event != STEAMCMD_OTHER) {
                        g_assert_cmpstr(l.state, ==, lines[i].state);
                        g_assert_cmpfloat_with_epsilon(l.percent, lines[i].percent, 0.001);
                }
        }
}

static void test_items(void) {
        static const struct {
                const char *line;
                SteamcmdEvent event;
                SteamcmdFault fault;
                uint64_t item;
                const char *state;
        } cases[] = {
                { "Downloading item 2031028789 ...", STEAMCMD_ITEM_BEGUN, 0, 2031028789, "" },
                { "Success. Downloaded item 18446744073709551615 to \"/a b\" (123456 bytes)",
                        STEAMCMD_ITEM_DONE, 0, G_MAXUINT64, "" },
                { "ERROR! Download item 1 failed (Failure).", STEAMCMD_ITEM_FAILED, STEAMCMD_AGAIN, 1,
                        "Failure" },
                { "ERROR! Download item 1 failed (File Not Found).", STEAMCMD_ITEM_FAILED, STEAMCMD_UNKNOWN,
                        1, "File Not Found" },
                { "ERROR! Download item 1 failed (rate limit exceeded).", STEAMCMD_ITEM_FAILED,
                        STEAMCMD_RATE_LIMIT, 1, "rate limit exceeded" },
                { "ERROR! Download item 1 failed (", STEAMCMD_ITEM_FAILED, STEAMCMD_UNKNOWN, 1, "" },
                { "ERROR! Download item 1 failed (Failure).src/tier1/interface.h (264) : m_pModule",
                        STEAMCMD_ITEM_FAILED, STEAMCMD_AGAIN, 1, "Failure" },
                { "ERROR! Timeout downloading item 541888371Unloading Steam API...", STEAMCMD_ITEM_FAILED,
                        STEAMCMD_AGAIN, 541888371, "Timeout" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                SteamcmdLine l;

                steamcmd_read(cases[i].line, &l);
                g_test_message("%s", cases[i].line);
                g_assert_cmpuint(l.event, ==, cases[i].event);
                g_assert_cmpuint(l.fault, ==, cases[i].fault);
                g_assert_cmpuint(l.item, ==, cases[i].item);
                g_assert_cmpstr(l.state, ==, cases[i].state);
        }
}

static void test_next(void) {
        static const char *const messages[] = { "ERROR! Download item 1 failed (Failure).",
                "Downloading item 2 ...", "ERROR! Timeout downloading item 2", "Downloading item 3 ...",
                "Success. Downloaded item 3 to \"/d\" (1 bytes)" };
        g_autofree char *line = g_strconcat(
                messages[0], messages[1], messages[2], messages[3], messages[4], NULL);
        const char *p = line;

        for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
                g_assert_true(g_str_has_prefix(p, messages[i]));
                p = steamcmd_next(p);
                g_assert_cmpint(p != NULL, ==, i + 1 < G_N_ELEMENTS(messages));
        }
        g_assert_null(steamcmd_next(""));
        g_assert_null(steamcmd_next("Downloading item 2 ..."));
}

static void test_clean(void) {
        static const struct {
                const char *line, *want;
        } cases[] = {
                { "\033[0mSuccess!\033[1;32m now\033[0m\r\n", "Success! now" },
                { "[  0%] old\r[  5%] new", "[  5%] new" },
                { "\033]0;title\aOK  ", "OK" },
                { "a\bb\001c\033", "abc" },
                { "\033[", "" },
                { "line\r\r\n", "line" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *line = g_strdup(cases[i].line);

                steamcmd_clean(line);
                g_assert_cmpstr(line, ==, cases[i].want);
        }
}

#define MANIFEST(flags, got) \
        "\"AppState\"\n{\n\t\"appid\"\t\t\"222860\"\n\t\"StateFlags\"\t\t\"" flags \
        "\"\n\t\"buildid\"\t\t\"19000000\"\n" \
        "\t\"BytesToDownload\"\t\t\"202762857\"\n\t\"BytesDownloaded\"\t\t\"" got "\"\n}\n"

static void test_manifest(void) {
        static const struct {
                const char *text;
                int r;
                bool healthy;
        } cases[] = {
                { MANIFEST("4", "202762857"), 0, true },
                { MANIFEST("6", "202762857"), 0, false },
                { MANIFEST("1026", "0"), 0, false },
                { MANIFEST("4", "1"), 0, false },
                { "\"AppState\" { \"appid\" \"222860\" }", -EBADMSG, false },
                { "\"Other\" { }", -EBADMSG, false },
                { "\"AppState", -EBADMSG, false },
                { "", -EBADMSG, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                SteamManifest m = { 0 };

                g_assert_cmpint(
                        steam_manifest_parse(cases[i].text, strlen(cases[i].text), &m), ==, cases[i].r);
                if (cases[i].r == 0) {
                        g_assert_cmpuint(m.app, ==, 222860);
                        g_assert_cmpuint(m.build, ==, 19000000);
                        g_assert_cmpint(steam_manifest_is_healthy(&m), ==, cases[i].healthy);
                }
        }
}

#define INFO \
        "Steam Console Client (c) Valve Corporation\nAppID : 222860, change number : 1/0, last change : Thu Jan  1\n" \
        "\"222860\"\n{\n\"common\" { \"name\" \"L4D2\" }\n\"depots\"\n{\n\"222861\" { \"manifests\" { } }\n\"branches\"\n{\n" \
        "\"public\"\n{\n\"buildid\"\t\t\"19000123\"\n\"timeupdated\" \"1\"\n}\n\"beta\" { \"buildid\" \"19000200\" \"pwdrequired\" \"1\" }\n" \
        "\"broken\" { \"buildid\" \"x\" }\n}\n}\n}\nUnloading Steam API...OK\n"

static void test_branches(void) {
        static const struct {
                const char *output, *branch;
                int r;
                uint64_t build;
        } cases[] = {
                { INFO, "public", 0, 19000123 },
                { INFO, "beta", 0, 19000200 },
                { INFO, "broken", -ENOENT, 0 },
                { INFO, "none", -ENOENT, 0 },
                { "No app info for AppID 222860 found", "public", -ENODATA, 0 },
                { "\"222860\"\n{\n\"common\" { }\n}\n", "public", -ENODATA, 0 },
                { "\"222860\"\n{\n\"depots\"\n{\n", "public", -ENODATA, 0 },
                { "\"222860\"", "public", -ENODATA, 0 },
                { "", "public", -ENODATA, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                uint64_t build = 0;

                g_assert_cmpint(steam_branch_build(cases[i].output, strlen(cases[i].output), 222860,
                                        cases[i].branch, &build),
                        ==, cases[i].r);
                g_assert_cmpuint(build, ==, cases[i].build);
        }
}

static void test_texts(void) {
        for (SteamcmdFault f = 0; f < _STEAMCMD_FAULT_MAX; f++)
                g_assert_cmpuint(strlen(steamcmd_fault_text(f)), >, 10);
        g_assert_true(steamcmd_fault_passes(STEAMCMD_MISSING_CONFIGURATION));
        g_assert_false(steamcmd_fault_passes(STEAMCMD_DISK));
        g_assert_false(steamcmd_fault_passes(STEAMCMD_NO_SUBSCRIPTION));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/steamcmd/lines", test_lines);
        g_test_add_func("/steamcmd/items", test_items);
        g_test_add_func("/steamcmd/next", test_next);
        g_test_add_func("/steamcmd/clean", test_clean);
        g_test_add_func("/steamcmd/manifest", test_manifest);
        g_test_add_func("/steamcmd/branches", test_branches);
        g_test_add_func("/steamcmd/texts", test_texts);
        return g_test_run();
}
