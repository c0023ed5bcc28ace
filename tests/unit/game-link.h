/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An interface by which packets of our making arrive: whole IP packets are given to the kernel, which takes them before write() returns. In
 * a network namespace of our own only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAME_LINK_HOST4 "198.51.0.1" /* of a network with 16 bits */
#define GAME_LINK_HOST6 "2001:db8::1"

/* The file descriptor of the interface, -1 where that is not allowed. */
int game_link_new(void);

/* A UDP datagram from 198.51.x.y, or from an address in 2001:db8:0:network::/64. */
void game_link_send4(int link, uint16_t source, uint16_t port, const void *payload, size_t size);
void game_link_send6(
        int link, uint16_t network, uint64_t below, uint16_t port, const void *payload, size_t size);

/* The first of two fragments, with nothing but the header of UDP. */
void game_link_fragment4(int link, uint16_t source, uint16_t port);
void game_link_fragment6(int link, uint16_t network, uint16_t port);
