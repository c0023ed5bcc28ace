/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "protocol/workshop.h"
#include "workshop-address.h"

int address_rules_parse(const char *api, const char *hosts, AddressRules *ret, GError **error) {
        g_auto(GStrv) words = g_strsplit(hosts, " ", -1);
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        if (!workshop_api_valid(api))
                return fail(error, EINVAL,
                        "the address of the Workshop's API (WorkshopAPI=) must be https://HOST or https://HOST:PORT");
        if (!workshop_hosts_valid(hosts))
                return fail(error, EINVAL,
                        "WorkshopHosts= must be names of hosts with blanks between them, such as steamusercontent.com");

        for (char **word = words; *word; word++)
                if (**word != '\0')
                        g_strv_builder_add(builder, *word);

        ret->encrypted = g_str_has_prefix(api, "https:");
        ret->hosts = g_strv_builder_end(builder);
        ret->api = g_strdup(api);
        if (g_str_has_suffix(ret->api, "/"))
                ret->api[strlen(ret->api) - 1] = '\0';
        return 0;
}

void address_rules_done(AddressRules *rules) {
        g_clear_pointer(&rules->api, g_free);
        g_clear_pointer(&rules->hosts, g_strfreev);
}

/* rule: HOST or HOST:PORT. */
static bool host_matches(const char *rule, const char *host, int port, int default_port) {
        const char *colon = strchr(rule, ':');
        size_t length = colon ? (size_t) (colon - rule) : strlen(rule), size = strlen(host);
        int wanted = colon ? (int) g_ascii_strtoull(colon + 1, NULL, 10) : default_port;

        if ((port < 0 ? default_port : port) != wanted || size < length ||
                g_ascii_strncasecmp(host + size - length, rule, length) != 0)
                return false;

        return size == length || host[size - length - 1] == '.';
}

GUri *address_check(const AddressRules *rules, GUri *base, const char *text, GError **error) {
        g_autoptr(GUri) uri = g_uri_parse_relative(base, text, G_URI_FLAGS_ENCODED, NULL);
        const char *scheme = rules->encrypted ? "https" : "http", *host;
        int port;

        if (!uri || !g_uri_get_host(uri) || g_uri_get_userinfo(uri) ||
                (!g_str_equal(g_uri_get_scheme(uri), "http") &&
                        !g_str_equal(g_uri_get_scheme(uri), "https"))) {
                (void) fail(error, EINVAL, "its address is none that can be fetched");
                return NULL;
        }

        host = g_uri_get_host(uri);
        port = g_uri_get_port(uri);
        /* The usual port of the one is not the other's. */
        if (!g_str_equal(g_uri_get_scheme(uri), scheme) && (port == 80 || port == 443))
                port = -1;
        for (char **rule = rules->hosts; *rule; rule++)
                if (host_matches(*rule, host, port, rules->encrypted ? 443 : 80))
                        return g_uri_build(G_URI_FLAGS_ENCODED, scheme, NULL, host, port,
                                g_uri_get_path(uri), g_uri_get_query(uri), NULL);

        (void) fail(error, EPERM, "its address is on %.100s, which WorkshopHosts= does not allow", host);
        return NULL;
}
