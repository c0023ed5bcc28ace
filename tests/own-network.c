/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/own-network.h"

#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool own_network(void) {
        struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        bool up;
        int fd;

        if (unshare(CLONE_NEWNET) < 0) {
                (void) prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN);
                return false;
        }

        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
        if (fd >= 0)
                (void) close(fd);

        return up;
}
