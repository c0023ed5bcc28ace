/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inventory.h"

void status_card(Cli *cli, const Object *instance, const Inventory *inventory, GVariant *figures,
        GVariant *conflicts);
