/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/nft.h"

/* What nft.c and nft-rule.c share. */

/* Ends the process when there is no memory. */
void *nft_must(void *object);

/* The next message of a batch, in a buffer that is copied when it ends. */
struct nlmsghdr *nft_begin_message(NftBatch *b, uint16_t type, uint8_t family, uint16_t flags);
void nft_end_message(NftBatch *b, const struct nlmsghdr *m);
