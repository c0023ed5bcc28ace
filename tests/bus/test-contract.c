/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the running daemon says of itself (Introspect) is what dbus/ says: members, argument names, types, directions, access and
 * annotations, in both directions. */

#include <string.h>

#include "contract.h"
#include "fixture.h"
#include "world.h"

static int compare_lines(gconstpointer a, gconstpointer b) {
        return g_strcmp0(*(const char *const *) a, *(const char *const *) b);
}

/* Annotations are sorted into one line; that of signals of change is written out where the specification has a default. */
static void add_annotations(GString *to, GDBusAnnotationInfo **annotations) {
        for (gsize i = 0; annotations && annotations[i]; i++)
                if (!g_str_has_suffix(annotations[i]->key, ".EmitsChangedSignal"))
                        g_string_append_printf(to, " @%s=%s", annotations[i]->key, annotations[i]->value);
}

static void add_arguments(GString *to, const char *direction, GDBusArgInfo **arguments) {
        for (gsize i = 0; arguments && arguments[i]; i++) {
                g_string_append_printf(
                        to, " %s:%s:%s", direction, arguments[i]->name, arguments[i]->signature);
                add_annotations(to, arguments[i]->annotations);
        }
}

/* One line for each member, sorted. */
static char *describe(GDBusInterfaceInfo *info) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        for (gsize i = 0; info->methods && info->methods[i]; i++) {
                GString *line = g_string_new("method ");

                g_string_append(line, info->methods[i]->name);
                add_arguments(line, "in", info->methods[i]->in_args);
                add_arguments(line, "out", info->methods[i]->out_args);
                add_annotations(line, info->methods[i]->annotations);
                g_ptr_array_add(lines, g_string_free(line, FALSE));
        }
        for (gsize i = 0; info->signals && info->signals[i]; i++) {
                GString *line = g_string_new("signal ");

                g_string_append(line, info->signals[i]->name);
                add_arguments(line, "out", info->signals[i]->args);
                add_annotations(line, info->signals[i]->annotations);
                g_ptr_array_add(lines, g_string_free(line, FALSE));
        }
        for (gsize i = 0; info->properties && info->properties[i]; i++) {
                GDBusPropertyInfo *property = info->properties[i];
                GString *line = g_string_new("property ");

                g_string_append_printf(line, "%s %s flags=%u emits=%s", property->name, property->signature,
                        (guint) property->flags, contract_emits(info, property));
                add_annotations(line, property->annotations);
                g_ptr_array_add(lines, g_string_free(line, FALSE));
        }
        g_ptr_array_sort(lines, compare_lines);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **) lines->pdata);
}

static GDBusNodeInfo *introspect(Fixture *f, const char *path) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GDBusNodeInfo *node;
        const char *xml;

        reply = call(f, path, "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
        g_variant_get(reply, "(&s)", &xml);
        /* A member without SD_BUS_VTABLE_UNPRIVILEGED works for root, and shows only here. */
        g_assert_null(strstr(xml, "Privileged"));
        node = g_dbus_node_info_new_for_xml(xml, &error);
        g_assert_no_error(error);
        return node;
}

static void check_object(Fixture *f, const char *path, const char *interface) {
        g_autoptr(GDBusNodeInfo) node = introspect(f, path);
        g_autoptr(Contract) contract = contract_new();
        g_autofree char *is = NULL, *should = NULL;
        GDBusInterfaceInfo *info = g_dbus_node_info_lookup_interface(node, interface);

        if (!info)
                g_error("%s does not have %s", path, interface);
        is = describe(info);
        should = describe(contract_interface(contract, interface));
        g_assert_cmpstr(is, ==, should);

        /* And nothing that the contract knows nothing of. */
        for (gsize i = 0; node->interfaces[i]; i++)
                g_assert_true(g_str_equal(node->interfaces[i]->name, interface) ||
                              g_str_has_prefix(node->interfaces[i]->name, "org.freedesktop.DBus."));
}

static void test_manager(Fixture *f) {
        g_autoptr(GDBusNodeInfo) node = introspect(f, LEFT4ME_ROOT_PATH);

        check_object(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE);
        g_assert_nonnull(g_dbus_node_info_lookup_interface(node, "org.freedesktop.DBus.ObjectManager"));
}

static void test_overlay(Fixture *f) {
        g_autofree char *path = world_empty_overlay(f, "maps");

        check_object(f, path, LEFT4ME_OVERLAY_INTERFACE);
}

static void test_instance(Fixture *f) {
        g_autofree char *path = world_server(f, "versus-1");

        check_object(f, path, LEFT4ME_INSTANCE_INTERFACE);
}

static void test_job(Fixture *f) {
        g_autofree char *overlay = world_empty_overlay(f, "maps"), *job = NULL;

        world_perform(f);
        job = world_take_path(call(f, overlay, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        check_object(f, job, LEFT4ME_JOB_INTERFACE);
}

static void test_qos(Fixture *f) {
        check_object(f, LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE);
}

static void test_shield(Fixture *f) {
        check_object(f, LEFT4ME_SHIELD_PATH, LEFT4ME_SHIELD_INTERFACE);
}

static void test_host(Fixture *f) {
        check_object(f, LEFT4ME_CPUS_PATH, LEFT4ME_CPUS_INTERFACE);
        check_object(f, LEFT4ME_SLICE_PREFIX "/game", LEFT4ME_SLICE_INTERFACE);
}

/* The properties of the root, and where the others are found. */
static void test_tree(Fixture *f) {
        g_autofree char *overlay = world_empty_overlay(f, "maps"),
                        *instance = world_instance(f, "versus-1", "maps");
        g_autoptr(GVariant)
                version = client_get(f->client, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Version");
        g_autoptr(GVariant)
                ports = client_get(f->client, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "GamePorts");
        g_autoptr(GVariant)
                workers = client_get(f->client, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "JobWorkers");
        g_autoptr(GVariant) expected_ports = g_variant_ref_sink(g_variant_new("(qq)", 27015, 27115));
        g_autofree char *encoded = g_strconcat(LEFT4ME_INSTANCE_PREFIX, "/versus_2d1", NULL);

        g_assert_true(g_regex_match_simple(
                "^[0-9]+\\.[0-9]+\\.[0-9]+$", g_variant_get_string(version, NULL), 0, 0));
        g_assert_true(g_variant_equal(ports, expected_ports));
        g_assert_cmpuint(g_variant_get_uint32(workers), ==, 4);
        g_assert_cmpstr(instance, ==, encoded);
        g_assert_cmpstr(overlay, ==, LEFT4ME_OVERLAY_PREFIX "/maps");
        call_refused(f, LEFT4ME_INSTANCE_PREFIX "/nobody", LEFT4ME_INSTANCE_INTERFACE, "Start", NULL,
                LEFT4ME_ERROR_NO_SUCH_INSTANCE);
        call_refused(f, LEFT4ME_OVERLAY_PREFIX "/nothing", LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL,
                LEFT4ME_ERROR_NO_SUCH_OVERLAY);
        call_refused(f, LEFT4ME_JOB_PREFIX "/12345", LEFT4ME_JOB_INTERFACE, "Cancel", NULL,
                LEFT4ME_ERROR_NO_SUCH_JOB);
}

static void add_tests(void) {
        fixture_add("/contract/manager", test_manager);
        fixture_add("/contract/overlay", test_overlay);
        fixture_add("/contract/instance", test_instance);
        fixture_add("/contract/job", test_job);
        fixture_add("/contract/qos", test_qos);
        fixture_add("/contract/shield", test_shield);
        fixture_add("/contract/host", test_host);
        fixture_add("/contract/tree", test_tree);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
