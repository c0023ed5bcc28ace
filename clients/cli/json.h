/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "cli.h"

/*
 * What the bus says as JSON: keys in snake_case, structures as objects, times and sizes as the numbers
 * that they are.
 */

JsonObject *json_from_dictionary(GVariant *properties);
JsonNode *json_node_object(JsonObject *object);
JsonNode *json_node_array(JsonArray *array);
void json_print(Cli *cli, JsonNode *node);
void json_print_line(Cli *cli, JsonNode *node);
