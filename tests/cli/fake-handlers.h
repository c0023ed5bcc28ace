/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake.h"

void fake_handle_manager(Fake *f, L4Manager1 *manager);
void fake_handle_instance(Fake *f, L4Manager1Instance *instance);
void fake_handle_overlay(Fake *f, L4Manager1Overlay *overlay);
void fake_handle_job(Fake *f, L4Manager1Job *job);
