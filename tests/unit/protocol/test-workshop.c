/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/mission.h"
#include "protocol/workshop.h"

static void test_ids(void) {
        static const struct {
                const char *text, *id; /* NULL: none */
        } cases[] = {
                { "1", "1" },
                { " 18446744073709551615\n", "18446744073709551615" },
                { "https://steamcommunity.com/sharedfiles/filedetails/?id=2031028789", "2031028789" },
                { "http://www.steamcommunity.com/workshop/filedetails/?searchtext=x&id=5#comments", "5" },
                { "steamcommunity.com/sharedfiles/filedetails?id=7", "7" },
                { "", NULL },
                { "0", NULL },
                { "01", NULL },
                { "-1", NULL },
                { "+1", NULL },
                { "1 2", NULL },
                { "18446744073709551616", NULL },
                { "https://steamcommunity.com/sharedfiles/filedetails/?id=", NULL },
                { "https://steamcommunity.com/sharedfiles/filedetails/?xid=5", NULL },
                { "https://evil.example/sharedfiles/filedetails/?id=5", NULL },
                { "https://steamcommunity.com.evil.example/sharedfiles/filedetails/?id=5", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *id = NULL;
                int r = workshop_id_from_text(cases[i].text, &id);

                g_assert_cmpint(r, ==, cases[i].id ? 0 : -EINVAL);
                g_assert_cmpstr(id, ==, cases[i].id);
        }
}

static void test_revisions(void) {
        g_assert_true(workshop_revision_valid("1700000000-5"));
        g_assert_true(workshop_revision_valid("0-0"));
        g_assert_cmpuint(workshop_revision_time("1700000000-5"), ==, 1700000000);
        for (const char *const *bad = (const char *const[]){ "", "1", "1-", "-1", "1-2-3", "01-2",
                     "1-2/../3", "1- 2", NULL };
                *bad; bad++)
                g_assert_false(workshop_revision_valid(*bad));
}

static void test_clean(void) {
        static const struct {
                const char *text, *clean;
        } cases[] = {
                { "  a\t\nb  ", "a b" },
                { "\x1b[31mred\x7f", "[31mred" },
                { "\xe2\x80\xae"
                  "evil",
                        "evil" },
                { "\xff", "\xef\xbf\xbd" },
                { "abcdefghijklmnop", "abcdefgh" },
                { "abcdefg hi", "abcdefg" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *clean = workshop_text_clean(cases[i].text, 8);

                g_assert_cmpstr(clean, ==, cases[i].clean);
        }
}

#define HEAD "workshop 1\n"
#define ITEM "item\t1\tcurrent\tcache\t5-6\t7-8\t9\tA title\n"

static void test_list(void) {
        static const char text[] = HEAD ITEM "campaign\tdark\tDark\nmode\tcoop\nmap\tdark01\tOne\n"
                                             "item\t2\tnot-found\t-\t\t\t0\t\n";
        g_autoptr(WorkshopList) list = NULL;
        g_autofree char *rendered = NULL;
        const WorkshopItem *item;

        g_assert_cmpint(workshop_list_parse(text, strlen(text), &list), ==, 0);
        g_assert_cmpuint(list->items->len, ==, 2);
        item = workshop_list_find(list, "1");
        g_assert_cmpstr(item->title, ==, "A title");
        g_assert_cmpuint(item->size, ==, 9);
        g_assert_cmpuint(item->campaigns->len, ==, 1);
        g_assert_cmpint(workshop_list_find(list, "2")->state, ==, WORKSHOP_NOT_FOUND);
        g_assert_null(workshop_list_find(list, "3"));
        rendered = workshop_list_render(list);
        g_assert_cmpstr(rendered, ==, text);
}

static void test_bad_lists(void) {
        static const char *const cases[] = {
                "",
                "workshop 1",
                "workshop 2\n",
                HEAD "x\n",
                HEAD ITEM ITEM,
                HEAD "item\t1\tcurrent\tcache\t5-6\t7-8\t9\n",
                HEAD "item\tx\tcurrent\tcache\t5-6\t7-8\t9\tT\n",
                HEAD "item\t1\tother\tcache\t5-6\t7-8\t9\tT\n",
                HEAD "item\t1\tcurrent\tdisk\t5-6\t7-8\t9\tT\n",
                HEAD "item\t1\tcurrent\t-\t5-6\t7-8\t9\tT\n",
                HEAD "item\t1\tbanned\tcache\t5-6\t7-8\t9\tT\n",
                HEAD "item\t1\tcurrent\tcache\t../x\t7-8\t9\tT\n",
                HEAD "item\t1\tcurrent\tcache\t5-6\t7-8\t-9\tT\n",
                HEAD "item\t1\tcurrent\tcache\t5-6\t7-8\t9\tT\x1b\n",
                HEAD "campaign\ta\tA\n",
                HEAD ITEM "mode\tcoop\n",
                HEAD ITEM "campaign\ta\tA\nmap\tb\tB\n",
                HEAD ITEM "campaign\ta\tA\nmode\tcoop\nmap\t\tB\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(WorkshopList) list = NULL;

                g_assert_cmpint(workshop_list_parse(cases[i], strlen(cases[i]), &list), ==, -EBADMSG);
                g_assert_null(list);
        }
}

static void test_mission(void) {
        static const char text[] =
                "\"mission\" { \"Name\" \"dark\" \"DisplayTitle\" \"#TOKEN\" \"modes\" {"
                " \"coop\" { \"10\" { \"Map\" \"dark10\" } \"2\" { \"Map\" \"DARK02.bsp\" \"DisplayName\" \"Two\" }"
                " \"3\" { \"Map\" \"../x\" } } \"empty\" { } } }";
        g_autoptr(WorkshopCampaign) campaign = NULL;
        g_autoptr(KeyValues) kv = NULL;
        const WorkshopMode *mode;
        const WorkshopMap *map;

        g_assert_cmpint(keyvalues_parse(text, strlen(text), &kv), ==, 0);
        g_assert_cmpint(mission_read(kv, &campaign), ==, 0);
        g_assert_cmpstr(campaign->title, ==, "dark");
        g_assert_cmpuint(campaign->modes->len, ==, 1);
        mode = campaign->modes->pdata[0];
        g_assert_cmpuint(mode->maps->len, ==, 2);
        map = mode->maps->pdata[0];
        g_assert_cmpstr(map->name, ==, "dark02");
        g_assert_cmpstr(map->title, ==, "Two");
        map = mode->maps->pdata[1];
        g_assert_cmpstr(map->title, ==, "dark10");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/workshop/ids", test_ids);
        g_test_add_func("/workshop/revisions", test_revisions);
        g_test_add_func("/workshop/clean", test_clean);
        g_test_add_func("/workshop/list", test_list);
        g_test_add_func("/workshop/list/bad", test_bad_lists);
        g_test_add_func("/workshop/mission", test_mission);
        return g_test_run();
}
