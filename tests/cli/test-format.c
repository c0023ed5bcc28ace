/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <signal.h>

#include "format.h"
#include "quantity.h"
#include "suggest.h"
#include "timespec.h"

/* 2024-11-22 02:53:20 UTC, a Friday */
#define NOW (UINT64_C(1732244000) * USEC_PER_SEC)

static void assert_text(char *text, const char *expected) {
        g_assert_cmpstr(text, ==, expected);
        g_free(text);
}

static void test_bytes(void) {
        assert_text(format_bytes(0), "0B");
        assert_text(format_bytes(1023), "1023B");
        assert_text(format_bytes(1024), "1.0K");
        assert_text(format_bytes(1536), "1.5K");
        assert_text(format_bytes(1024 * 1024 - 1), "1023.9K");
        assert_text(format_bytes(UINT64_C(28) << 30), "28.0G");
        assert_text(format_bytes(UINT64_MAX), "15.9E");
}

static void test_clock(void) {
        assert_text(format_clock(0), "0:00");
        assert_text(format_clock(59 * USEC_PER_SEC + 999999), "0:59");
        assert_text(format_clock(59 * USEC_PER_MINUTE + 5 * USEC_PER_SEC), "59:05");
        assert_text(format_clock(26 * USEC_PER_HOUR + 65 * USEC_PER_SEC), "26:01:05");
}

static void test_duration(void) {
        assert_text(format_duration(0), "0ms");
        assert_text(format_duration(40 * USEC_PER_MSEC), "40ms");
        assert_text(format_duration(USEC_PER_SEC), "1s");
        assert_text(format_duration(59 * USEC_PER_SEC + 999999), "59s");
        assert_text(format_duration(125 * USEC_PER_SEC), "2min 5s");
        assert_text(format_duration(2 * USEC_PER_HOUR), "2h");
        assert_text(format_duration(2 * USEC_PER_HOUR + 59 * USEC_PER_SEC), "2h");
        assert_text(format_duration(3 * USEC_PER_DAY + 4 * USEC_PER_HOUR), "3d 4h");
        assert_text(format_duration(10 * USEC_PER_WEEK), "10w");
        assert_text(format_ago(NOW - 60 * USEC_PER_SEC, NOW), "1min ago");
        assert_text(format_ago(NOW + 1, NOW), "just now");
}

static void test_times(void) {
        assert_text(format_timestamp(NOW), "Fri 2024-11-22 02:53:20 UTC");
        assert_text(format_timestamp(0), "never");
        assert_text(format_timestamp(UINT64_MAX), "?");
        assert_text(format_log_time(NOW), "Nov 22 02:53:20");
        assert_text(format_date(NOW), "2024-11-22 02:53");
}

static void test_exit(void) {
        assert_text(format_exit("", 0), "not yet");
        assert_text(format_exit("success", 0), "without an error");
        assert_text(format_exit("exit-code", 1), "ended with code 1");
        assert_text(format_exit("exit-code", 139), "ended by SIGSEGV (code 139)");
        assert_text(format_exit("exit-code", 255), "ended with code 255");
        assert_text(format_exit("signal", SIGKILL), "ended by SIGKILL");
        assert_text(format_exit("core-dump", SIGSEGV), "crashed by SIGSEGV");
        assert_text(format_exit("signal", 4711), "ended by signal 4711");
        assert_text(format_exit("oom-kill", 9), "killed: out of memory");
        assert_text(format_exit("something-new", 9), "something-new");
}

static void test_snake_case(void) {
        assert_text(format_snake_case("Name"), "name");
        assert_text(format_snake_case("ActiveState"), "active_state");
        assert_text(format_snake_case("MainPID"), "main_pid");
        assert_text(format_snake_case("CPUUsage"), "cpu_usage");
        assert_text(format_snake_case("IPIngressBytes"), "ip_ingress_bytes");
        assert_text(format_snake_case(""), "");
}

static void test_state(void) {
        g_assert_cmpstr(format_state("active", "running"), ==, "running");
        g_assert_cmpstr(format_state("inactive", "dead"), ==, "stopped");
        g_assert_cmpstr(format_state("activating", "start"), ==, "starting");
        g_assert_cmpstr(format_state("activating", "auto-restart"), ==, "restarting");
        g_assert_cmpstr(format_state("deactivating", "stop-sigterm"), ==, "stopping");
        g_assert_cmpstr(format_state("failed", "failed"), ==, "failed");
}

static void assert_time(const char *text, uint64_t seconds) {
        uint64_t usec = 0;

        if (!timespec_parse(text, NOW, &usec))
                g_error("'%s' is refused", text);
        g_assert_cmpuint(usec / USEC_PER_SEC, ==, seconds);
}

static void test_timespec(void) {
        assert_time("now", 1732244000);
        assert_time("@1732244001", 1732244001);
        assert_time("10 min ago", 1732244000 - 600);
        assert_time("10min ago", 1732244000 - 600);
        assert_time("1 hour 30 minutes ago", 1732244000 - 5400);
        assert_time("-2h", 1732244000 - 7200);
        assert_time("-1d", 1732244000 - 86400);
        assert_time("today", 1732233600);
        assert_time("yesterday", 1732233600 - 86400);
        assert_time("2024-11-22", 1732233600);
        assert_time("2024-11-22 01:02", 1732233600 + 3720);
        assert_time("2024-11-22 01:02:03", 1732233600 + 3723);
        assert_time("2024-11-22T01:02:03Z", 1732233600 + 3723);
        assert_time("2024-11-22T01:02:03+01:00", 1732233600 + 123);
        assert_time("01:02", 1732233600 + 3720);
        assert_time("01:02:03", 1732233600 + 3723);
        assert_time("9999 weeks ago", 0);
}

static void test_timespec_refused(void) {
        static const char *const nonsense[] = { "", "-", "@", "@-1", "ago", "10", "10 parsecs ago",
                "min ago", "tomorrow", "2024", "2024-13-01", "2024-11-22 25:00", "25:00", "1969-01-01",
                "-10", "1:2", "@99999999999999999999", "99999999999999999999999 weeks ago", "10 min ago ",
                "2024-11-22 ", "a:b" };
        uint64_t usec = 0;
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(nonsense); i++)
                if (timespec_parse(nonsense[i], NOW, &usec))
                        g_error("'%s' is taken as %" G_GUINT64_FORMAT, nonsense[i], usec);
}

static void test_distance(void) {
        g_autofree char *endless = g_strnfill(100000, 'x');

        g_assert_cmpuint(suggest_distance("", ""), ==, 0);
        g_assert_cmpuint(suggest_distance("start", "start"), ==, 0);
        g_assert_cmpuint(suggest_distance("", "abc"), ==, 3);
        g_assert_cmpuint(suggest_distance("strat", "start"), ==, 1);
        g_assert_cmpuint(suggest_distance("kitten", "sitting"), ==, 3);
        g_assert_cmpuint(suggest_distance("versu-1", "versus-1"), ==, 1);
        g_assert_cmpuint(suggest_distance(endless, "x"), ==, G_MAXUINT);
}

static void test_suggest(void) {
        static const char *const names[] = { "start", "stop", "status", "restart", "versus-1", "coop-1",
                NULL };
        static const char *const none[] = { NULL };

        g_assert_cmpstr(suggest("strt", names), ==, "start");
        g_assert_cmpstr(suggest("versu-1", names), ==, "versus-1");
        g_assert_cmpstr(suggest("ver", names), ==, "versus-1");
        g_assert_null(suggest("st", names)); /* three begin so */
        g_assert_null(suggest("delete", names));
        g_assert_null(suggest("", names));
        g_assert_null(suggest("start", none));
}

/* -- rates and round trip times --------------------------------------------------------------------------------- */

static void test_rates(void) {
        static const struct {
                const char *text;
                uint64_t bits;
                const char *formatted;
        } rates[] = {
                { "450M", 450000000, "450 Mbit/s" },
                { "450mbit", 450000000, "450 Mbit/s" },
                { "450Mbit/s", 450000000, "450 Mbit/s" },
                { "1.5G", 1500000000, "1.5 Gbit/s" },
                { "0.1G", 100000000, "100 Mbit/s" },
                { "64k", 64000, "64 kbit/s" },
                { "12.25M", 12250000, "12.25 Mbit/s" },
                { "800", 800, "800 bit/s" },
                { "100bit", 100, "100 bit/s" },
                { "unlimited", 0, "unlimited" },
                { "2000g", 2000000000000, "2000 Gbit/s" },
        };
        static const char *const bad[] = { "", "M", "-1M", "+1M", " 1M", "1 M", "1MB", "1Mi", "1..5M",
                "0x10", "1e6", "many", "99999999999999999999", "18446744073709551615k" };

        for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
                uint64_t bits = 1;

                g_assert_true(quantity_parse_rate(rates[i].text, &bits));
                g_assert_cmpuint(bits, ==, rates[i].bits);
                assert_text(quantity_format_rate(bits), rates[i].formatted);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                uint64_t bits = 17;

                g_assert_false(quantity_parse_rate(bad[i], &bits));
                g_assert_cmpuint(bits, ==, 17);
        }
}

static void test_round_trips(void) {
        static const struct {
                const char *text;
                uint64_t usec;
                const char *formatted;
        } times[] = {
                { "100ms", 100000, "100ms" },
                { "100", 100000, "100ms" },
                { "internet", 100000, "100ms" },
                { "500us", 500, "500us" },
                { "1.5ms", 1500, "1.5ms" },
                { "1s", 1000000, "1s" },
                { "satellite", 1000000, "1s" },
                { "1.25s", 1250000, "1.2s" },
                { "lan", 1000, "1ms" },
        };
        static const char *const bad[] = { "", "ms", "-1ms", "1min", "moon", "1,5ms" };
        uint64_t usec;

        for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
                g_assert_true(quantity_parse_rtt(times[i].text, &usec));
                g_assert_cmpuint(usec, ==, times[i].usec);
                assert_text(quantity_format_usec(usec), times[i].formatted);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(quantity_parse_rtt(bad[i], &usec));
}

int main(int argc, char *argv[]) {
        g_setenv("TZ", "UTC", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/format/bytes", test_bytes);
        g_test_add_func("/format/clock", test_clock);
        g_test_add_func("/format/duration", test_duration);
        g_test_add_func("/format/times", test_times);
        g_test_add_func("/format/exit", test_exit);
        g_test_add_func("/format/snake-case", test_snake_case);
        g_test_add_func("/format/state", test_state);
        g_test_add_func("/quantity/rates", test_rates);
        g_test_add_func("/quantity/round-trips", test_round_trips);
        g_test_add_func("/timespec/parse", test_timespec);
        g_test_add_func("/timespec/refused", test_timespec_refused);
        g_test_add_func("/suggest/distance", test_distance);
        g_test_add_func("/suggest/suggest", test_suggest);
        return g_test_run();
}
