/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* At most four lines a second, and the newest one in the end. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

typedef struct Told {
        Progress progress;
        char *text;
        size_t size;
        int pipe[2]; /* nothing comes by it unless a test writes */
} Told;

static void set_up(Told *t, gconstpointer data) {
        *t = (Told){ .progress.out = open_memstream(&t->text, &t->size) };
        g_assert_cmpint(pipe2(t->pipe, O_CLOEXEC), ==, 0);
}

static void tear_down(Told *t, gconstpointer data) {
        (void) fclose(t->progress.out);
        free(t->text);
        (void) close(t->pipe[0]);
        (void) close(t->pipe[1]);
}

/* As if the last line had been written just now, however slow this machine is. */
static void just_now(Told *t) {
        t->progress.next = g_get_monotonic_time() + INT64_C(3600) * G_USEC_PER_SEC;
}

static void at_its_time(Told *t) {
        t->progress.next = g_get_monotonic_time() + G_USEC_PER_SEC / 50;
}

static void expect(const Told *t, const char *text) {
        g_assert_cmpstr(t->text, ==, text);
}

static void test_lines(Told *t, gconstpointer data) {
        int64_t before = g_get_monotonic_time();

        progress_report(&t->progress, 1, 4, "a\nb");
        expect(t, "@progress 25 a?b\n");
        g_assert_cmpint(t->progress.next, >=, before + G_USEC_PER_SEC / 4);
        t->progress.next = 0;
        progress_report(&t->progress, 9, 4, "c");
        t->progress.next = 0;
        progress_report(&t->progress, 9, 0, "\xff");
        expect(t, "@progress 25 a?b\n@progress 100 c\n@progress -1 \xef\xbf\xbd\n");
}

/* What comes too early is told when its time has come, the newest of it. */
static void test_newest(Told *t, gconstpointer data) {
        progress_report(&t->progress, 0, 0, "one");
        just_now(t);
        progress_report(&t->progress, 0, 0, "two");
        progress_report(&t->progress, 0, 0, "three");
        expect(t, "@progress -1 one\n");
        at_its_time(t);
        g_assert_cmpint(progress_poll(&t->progress, t->pipe[0], 0), ==, 0);
        expect(t, "@progress -1 one\n@progress -1 three\n");
        g_assert_cmpint(progress_poll(&t->progress, t->pipe[0], 0), ==, 0);
        expect(t, "@progress -1 one\n@progress -1 three\n");
}

/* Whoever has something to read does not wait; a later line takes the place of what was kept. */
static void test_not_waited_for(Told *t, gconstpointer data) {
        progress_report(&t->progress, 0, 0, "one");
        just_now(t);
        progress_report(&t->progress, 0, 0, "two");
        g_assert_cmpint(write(t->pipe[1], "x", 1), ==, 1);
        g_assert_cmpint(progress_poll(&t->progress, t->pipe[0], -1), ==, 1);
        expect(t, "@progress -1 one\n");
        progress_report_now(&t->progress, 0, 0, "three");
        g_assert_cmpint(progress_poll(&t->progress, t->pipe[0], -1), ==, 1);
        expect(t, "@progress -1 one\n@progress -1 three\n");

        /* Also while more and more comes. */
        just_now(t);
        progress_report(&t->progress, 0, 0, "four");
        t->progress.next = 0;
        g_assert_cmpint(progress_poll(&t->progress, t->pipe[0], -1), ==, 1);
        expect(t, "@progress -1 one\n@progress -1 three\n@progress -1 four\n");
}

static void test_long(Told *t, gconstpointer data) {
        g_autofree char *text = g_strnfill(241, 'x'), *longer = g_strconcat(text, "\xc3\xa4", NULL),
                        *wanted = g_strdup_printf("@progress -1 %s\n", text);

        just_now(t);
        progress_report(&t->progress, 0, 0, longer);
        at_its_time(t);
        g_assert_cmpint(progress_poll(&t->progress, t->pipe[0], 0), ==, 0);
        /* Its last character has no room for its second byte. */
        g_assert_cmpuint(strlen(wanted), ==, 255);
        expect(t, wanted);
}

static void test_nobody(Told *t, gconstpointer data) {
        Progress nobody = { .out = NULL };

        progress_report(&nobody, 0, 0, "one");
        progress_report_now(&nobody, 0, 0, "two");
        g_assert_cmpint(progress_poll(&nobody, t->pipe[0], 0), ==, 0);
        g_assert_cmpint(progress_poll(NULL, t->pipe[0], 0), ==, 0);
}

#define ADD(path, func) g_test_add(path, Told, NULL, set_up, func, tear_down)

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        ADD("/progress/lines", test_lines);
        ADD("/progress/newest", test_newest);
        ADD("/progress/not-waited-for", test_not_waited_for);
        ADD("/progress/long", test_long);
        ADD("/progress/nobody", test_nobody);
        return g_test_run();
}
