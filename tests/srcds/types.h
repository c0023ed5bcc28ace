/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forward types that every part needs; server.h has the whole. */
#pragma once

typedef struct Peer Peer;
typedef struct Server Server;
