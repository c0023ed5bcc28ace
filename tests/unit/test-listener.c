/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/listener.h"

#define HEAD \
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define LINE(port, state, uid) \
        "   0: 0100007F:" port " 00000000:0000 " state " 00000000:00000000 00:00000000 00000000 " uid \
        "        0 18350 1 0000000000000000 100 0 0 10 0                     \n"

static void test_table(void) {
        static const struct {
                const char *table;
                int want;
        } cases[] = {
                { "", 0 },
                { HEAD, 0 },
                { HEAD LINE("6987", "0A", "  980"), 1 },
                { HEAD LINE("6988", "0A", "  980"), 0 },
                { HEAD LINE("6987", "0A", " 1000"), -EPERM },
                { HEAD LINE("6987", "0A", "    0"), -EPERM },
                { HEAD LINE("6987", "0A", "  980") LINE("6987", "0A", " 1000"), -EPERM },
                { HEAD LINE("0016", "0A", "    0") LINE("6987", "0A", "  980"), 1 },
                { HEAD LINE("6987", "0A", "  980") LINE("6987", "01", " 1000"), 1 },
                { HEAD LINE("6987", "01", " 1000"), 0 },
                { HEAD "nonsense\n", -EBADMSG },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpint(listener_find(cases[i].table, 0x6987, 980), ==, cases[i].want);
}

static void test_real(void) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint16_t port;

        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, size));
        g_assert_no_errno(getsockname(fd, (struct sockaddr *) &address, &size));
        port = ntohs(address.sin_port);
        g_assert_cmpint(listener_check(port, geteuid()), ==, 0);
        g_assert_no_errno(listen(fd, 1));
        g_assert_cmpint(listener_check(port, geteuid()), ==, 1);
        g_assert_cmpint(listener_check(port, geteuid() + 1), ==, -EPERM);
        g_assert_no_errno(close(fd));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/listener/table", test_table);
        g_test_add_func("/listener/real", test_real);
        return g_test_run();
}
