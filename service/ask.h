/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/* Commands of left4med's own to a game server, on its remote console: one connection a command, so that nothing is held open. */

#define ASK_ANSWER_MAX (64U * 1024)

typedef struct Ask Ask;

/* r: 0 with the answer, text of size bytes that the server wrote, hostile; < 0 without: -ETIMEDOUT, -ECONNREFUSED (nobody listens),
 * -ECONNRESET, -EACCES (the password is wrong, or was once: not tried again in this run), -EPROTO. The ask is freed when this is called. */
typedef void (*AskDone)(int r, const char *answer, size_t size, void *userdata);

/* Asks a server that runs. done is called from the loop, at most 15 s later. */
int ask_new(Instance *i, const char *command, AskDone done, void *userdata, Ask **ret);

/* Gives it up: done is not called. The instance must not be freed before. */
Ask *ask_free(Ask *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ask, ask_free)
