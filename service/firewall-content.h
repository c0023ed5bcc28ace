/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/firewall.h"

/* What the elements of the table's sets are made of. */
typedef struct Content {
        GTree *ports;           /* name -> OpenPort, sorted; NULL: empty, and nothing to free */
        uint64_t games, builds; /* cgroups of the slices, 0 for none */
} Content;

void content_done(Content *c);

/* What should be in force now. */
void content_read(Manager *m, Content *ret);

/* Whether a server's ports are to be open: from before it starts, so that they are before the game can answer, until nothing of it runs. */
bool content_wants(const Instance *i);
uint64_t content_games(Manager *m);
uint64_t content_builds(Manager *m);

bool content_same_ports(const Content *a, const Content *b);

/* A batch that makes the table anew with this content; one that leads from one content to the next, perhaps empty. */
NftBatch *content_make(Manager *m, const Content *c);
NftBatch *content_change(Manager *m, const Content *from, const Content *to);
