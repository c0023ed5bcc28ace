/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "service/shaper-networkd.h"
#include "temporary.h"

static void test_networkd(Temporary *t, gconstpointer data) {
        static const struct {
                const char *network, *dropin, *expected;
        } cases[] = {
                { "[Match]\nName=eth0\n", "", NULL },
                { "[CAKE]\nBandwidth=1M\n", "", "systemd-networkd ([CAKE] in /etc/n.network)" },
                { "[Match]\n", " [ControlledDelay]\n",
                        "systemd-networkd ([ControlledDelay] in /etc/n.network.d/a.conf)" },
                { "[FairQueueing]\nParent = 1:2\n[Network]\n", "", NULL },
                { "[FairQueueing]\nParent=root\n", "",
                        "systemd-networkd ([FairQueueing] in /etc/n.network)" },
                { "[PIE]\nParent=clsact\n[CAKE]\n", "", "systemd-networkd ([CAKE] in /etc/n.network)" },
                { "#[CAKE]\n[]\n[\n", "", NULL },
                { "", "[TokenBucketFilter]\n[Network]\nParent=none\n",
                        "systemd-networkd ([TokenBucketFilter] in /etc/n.network.d/a.conf)" },
        };
        const char *root = t->path;
        g_autofree char *links = g_build_filename(root, "run/systemd/netif/links", NULL),
                        *folder = g_build_filename(root, "etc/n.network.d", NULL),
                        *state = g_build_filename(links, "7", NULL),
                        *network = g_build_filename(root, "etc/n.network", NULL),
                        *dropin = g_build_filename(folder, "a.conf", NULL);

        g_assert_cmpint(g_mkdir_with_parents(links, 0755), ==, 0);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_null(networkd_manages_queue(root, 7));
        g_assert_true(g_file_set_contents(state,
                "OPER_STATE=routable\nNETWORK_FILE=/etc/n.network\n"
                "NETWORK_FILE_DROPINS=\"/etc/n.network.d/gone.conf /etc/n.network.d/a.conf\"\n",
                -1, NULL));

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *found = NULL;

                g_assert_true(g_file_set_contents(network, cases[i].network, -1, NULL));
                g_assert_true(g_file_set_contents(dropin, cases[i].dropin, -1, NULL));
                found = networkd_manages_queue(root, 7);
                g_assert_cmpstr(found, ==, cases[i].expected);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        TEMPORARY_ADD("/shaper-networkd/files", test_networkd);
        return g_test_run();
}
