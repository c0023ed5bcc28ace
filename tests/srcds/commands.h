/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "console.h"

extern const CommandTable engine_commands;  /* what the real server answers to */
extern const CommandTable standin_commands; /* standin_*: misbehaviour and evidence, for tests */
