/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/layers.h"
#include "service/stack.h"
#include "service/types.h"

/* The layers that a server sees as one tree: those that are mounted or, while nothing is, those of the next start. */

/* The names of the two layers that are no overlays. No overlay's name begins so. */
#define VIEW_GENERATED "@generated"
#define VIEW_UPPER "@upper"

/* The overlays above the game that the next start would mount, those without a version left out. */
Stack *instance_next_overlays(const Instance *i);

/* Opens the layers, topmost first. Errors: MissingLayer, NotReadable, Failed. */
int instance_open_layers(const Instance *i, LayerRoots **ret, sd_bus_error *error);
