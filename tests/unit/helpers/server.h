/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server `one` whose stack is `maps/3` over `game/1`, ready to be mounted. */

#include "fixture.h"

#define GAME "x srcds_run #!\nf left4dead2/cfg/server.cfg of the game\nf left4dead2/maps/c1.bsp one\n"
#define MERGED "runtime/server-one/merged/"
#define ARGV "./srcds_run\0-game\0left4dead2"

/* Makes all that the manager and the builds have made before a start. */
void server_make(const Fixture *f);

/* Another version of another overlay; what the server wrote in an earlier life. */
void make_layer(const Fixture *f, const char *layer, unsigned version, const char *tree);
void make_upper(const Fixture *f, const char *tree);

/* Asserts that a file below the state directory holds that; NULL: that it is not there. */
void assert_content(const Fixture *f, const char *path, const char *wanted);

bool merged_is_mounted(const Fixture *f, const char *id);
