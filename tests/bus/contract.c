/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "contract.h"

#include "dbus/names.h"

#define EMITS "org.freedesktop.DBus.Property.EmitsChangedSignal"

const char *const contract_interfaces[] = { LEFT4ME_MANAGER_INTERFACE, LEFT4ME_INSTANCE_INTERFACE,
        LEFT4ME_OVERLAY_INTERFACE, LEFT4ME_JOB_INTERFACE, LEFT4ME_QOS_INTERFACE, LEFT4ME_SHIELD_INTERFACE,
        LEFT4ME_CPUS_INTERFACE, LEFT4ME_SLICE_INTERFACE, NULL };

struct Contract {
        GHashTable *nodes; /* interface name -> GDBusNodeInfo */
};

Contract *contract_new(void) {
        Contract *c = g_new0(Contract, 1);

        c->nodes = g_hash_table_new_full(
                g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_dbus_node_info_unref);
        for (gsize i = 0; contract_interfaces[i]; i++) {
                g_autofree char *file = g_strconcat(contract_interfaces[i], ".xml", NULL);
                g_autofree char *path = g_build_filename(g_getenv("LEFT4ME_CONTRACT"), file, NULL),
                                *text = NULL;
                g_autoptr(GError) error = NULL;
                GDBusNodeInfo *node;

                (void) g_file_get_contents(path, &text, NULL, &error);
                g_assert_no_error(error);
                node = g_dbus_node_info_new_for_xml(text, &error);
                g_assert_no_error(error);
                g_hash_table_insert(c->nodes, (gpointer) (gsize) contract_interfaces[i], node);
        }

        return c;
}

void contract_free(Contract *c) {
        if (!c)
                return;

        g_hash_table_unref(c->nodes);
        g_free(c);
}

GDBusInterfaceInfo *contract_interface(Contract *c, const char *name) {
        GDBusNodeInfo *node = g_hash_table_lookup(c->nodes, name);

        return node ? g_dbus_node_info_lookup_interface(node, name) : NULL;
}

const char *contract_emits(GDBusInterfaceInfo *interface, GDBusPropertyInfo *property) {
        const char *value = g_dbus_annotation_info_lookup(property->annotations, EMITS);

        return value ?: g_dbus_annotation_info_lookup(interface->annotations, EMITS) ?: "true";
}

static char *wrong_property(GDBusInterfaceInfo *info, const char *name, GVariant *value) {
        GDBusPropertyInfo *property = g_dbus_interface_info_lookup_property(info, name);

        if (!property)
                return g_strdup_printf("%s is no property of the contract", name);
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE(property->signature)))
                return g_strdup_printf(
                        "%s is %s, not %s", name, g_variant_get_type_string(value), property->signature);

        return NULL;
}

char *contract_missing(Contract *c, const char *interface, GVariant *properties) {
        GDBusInterfaceInfo *info = contract_interface(c, interface);

        if (!info)
                return g_str_has_prefix(interface, "org.freedesktop.DBus.")
                               ? NULL
                               : g_strdup_printf("%s is no interface of the contract", interface);

        for (gsize i = 0; info->properties && info->properties[i]; i++) {
                const char *name = info->properties[i]->name;
                g_autoptr(GVariant) value = g_variant_lookup_value(properties, name, NULL);
                char *wrong = value ? wrong_property(info, name, value)
                                    : g_strdup_printf("%s is missing", name);

                if (wrong)
                        return wrong;
        }

        return NULL;
}

char *contract_not_changeable(Contract *c, const char *interface, GVariant *properties) {
        GDBusInterfaceInfo *info = contract_interface(c, interface);
        GVariantIter iter;
        const char *name;
        GVariant *value;
        char *wrong = NULL;

        if (!info)
                return g_strdup_printf("%s is no interface of the contract", interface);

        g_variant_iter_init(&iter, properties);
        while (!wrong && g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
                GDBusPropertyInfo *property = g_dbus_interface_info_lookup_property(info, name);

                wrong = wrong_property(info, name, value);
                if (!wrong && !g_str_equal(contract_emits(info, property), "true"))
                        wrong = g_strdup_printf(
                                "%s changed, but is %s", name, contract_emits(info, property));
                g_variant_unref(value);
        }

        return wrong;
}
