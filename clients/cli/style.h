/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "terminal.h"

Style style_of_state(const char *active_state);
Style style_of_job(const char *state);
Style style_of_verdict(const char *verdict);
