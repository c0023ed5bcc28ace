/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only a stand-in can do: misbehave on request. The words are listed in README.md. */
#pragma once

#include "types.h"

void crash_prepare(
        void); /* handlers that leave a minidump as the real server does; SIGUSR1 crashes at once */
