/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "protocol/workshop.h"
#include "service/config.h"
#include "service/steam.h"
#include "service/util.h"

/* The sandbox of the servers lets them bind these only (SocketBindAllow= of left4me-server@.service). */
#define PORT_MIN 27000U
#define PORT_MAX 27999U

static int refuse(char **ret_why, const char *path, const char *why) {
        *ret_why = g_strdup_printf("%s: %s", path, why);
        return -EINVAL;
}

/* Digits only: no sign, no blank, no overflow. */
static bool parse_number(const char *text, unsigned min, unsigned max, unsigned *ret) {
        guint64 n;

        if (!g_ascii_string_to_unsigned(text, 10, min, max, &n, NULL))
                return false;

        *ret = (unsigned) n;
        return true;
}

static const struct {
        const char *name;
        uint8_t family;
} families[] = {
        { "inet", NFPROTO_INET },
        { "ip", NFPROTO_IPV4 },
        { "ip6", NFPROTO_IPV6 },
};

const char *host_family_to_string(uint8_t family) {
        for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
                if (families[i].family == family)
                        return families[i].name;

        return "unknown";
}

static bool parse_host_chain(const char *text, HostChain *ret) {
        char family[8], rest[2];
        HostChain c = { 0 };

        G_STATIC_ASSERT(HOST_CHAIN_NAME_MAX == 128);
        if (sscanf(text, "%7s %127s %127s %1s", family, c.table, c.chain, rest) != 3)
                return false;

        for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
                if (g_str_equal(families[i].name, family)) {
                        c.family = families[i].family;
                        *ret = c;
                        return true;
                }

        return false;
}

static bool parse_host_chains(Config *c, const char *value) {
        g_auto(GStrv) parts = g_strsplit(value, ",", -1);
        HostChain chains[HOST_CHAINS_MAX];
        unsigned n = 0;

        for (char **part = parts; *part; part++)
                if (n >= HOST_CHAINS_MAX || !parse_host_chain(*part, &chains[n++]))
                        return false;

        memcpy(c->host_chains, chains, n * sizeof(*chains));
        c->n_host_chains = n;
        return true;
}

static int set_text(char **target, const char *value, bool valid, const char *rule, const char **ret_why) {
        if (!valid) {
                *ret_why = rule;
                return -EINVAL;
        }

        g_free(*target);
        *target = g_strdup(value);
        return 0;
}

static int set_steam_key(Config *c, const char *key, const char *value, const char **ret_why) {
        bool address = g_str_has_prefix(value, "https://") || g_str_has_prefix(value, "http://");

        if (g_str_equal(key, "SteamcmdInstaller"))
                return set_text(&c->steamcmd_installer, value,
                        address && g_uri_is_valid(value, G_URI_FLAGS_NONE, NULL),
                        "SteamcmdInstaller= is the address of an archive, http or https", ret_why);

        if (parse_number(value, 0, 3600, &c->steam_retry_seconds))
                return 0;

        *ret_why = "SteamRetrySeconds= is a number from 0 to 3600";
        return -EINVAL;
}

/* Bytes, with K, M, G or T behind it for powers of 1024; "" for the default. */
static bool parse_reserve(const char *value, bool bytes, uint64_t *ret) {
        static const char suffixes[] = "KMGT";
        size_t size = strlen(value);
        const char *suffix = bytes && size > 0 ? strchr(suffixes, value[size - 1]) : NULL;
        unsigned shift = suffix ? 10U * (unsigned) (suffix - suffixes + 1) : 0;
        g_autofree char *digits = g_strndup(value, size - (suffix != NULL));
        guint64 n;

        if (size == 0) {
                *ret = RESERVE_DEFAULT;
                return true;
        }
        if (!g_ascii_string_to_unsigned(digits, 10, 0, (UINT64_C(1) << 60) >> shift, &n, NULL))
                return false;

        *ret = n << shift;
        return true;
}

static int set_build_key(Config *c, const char *key, const char *value, const char **ret_why) {
        if (g_str_equal(key, "SpaceReserve")) {
                if (parse_reserve(value, true, &c->space_reserve))
                        return 0;
                *ret_why = "SpaceReserve= is a number of bytes, K, M, G or T may stand behind it, or empty";
        } else if (g_str_equal(key, "FilesReserve")) {
                if (parse_reserve(value, false, &c->files_reserve))
                        return 0;
                *ret_why = "FilesReserve= is a number of files, or empty";
        } else {
                c->builds_without_firewall = g_str_equal(value, "yes");
                if (c->builds_without_firewall || g_str_equal(value, "no"))
                        return 0;
                *ret_why = "BuildsWithoutFirewall= is yes or no";
        }

        return -EINVAL;
}

static int set_key(Config *c, const char *key, const char *value, const char **ret_why) {
        static const char *const steam_keys[] = { "SteamcmdInstaller", "SteamRetrySeconds", NULL };
        static const char *const build_keys[] = { "SpaceReserve", "FilesReserve", "BuildsWithoutFirewall",
                NULL };
        unsigned first, last, workers;

        if (g_str_equal(key, "GamePorts")) {
                g_auto(GStrv) ends = g_strsplit(value, "-", 2);

                if (g_strv_length(ends) != 2 || !parse_number(ends[0], PORT_MIN, PORT_MAX, &first) ||
                        !parse_number(ends[1], first, PORT_MAX, &last)) {
                        *ret_why = "GamePorts= is FIRST-LAST within 27000-27999";
                        return -EINVAL;
                }
                c->first_port = (uint16_t) first;
                c->last_port = (uint16_t) last;
                return 0;
        }

        if (g_str_equal(key, "JobWorkers")) {
                if (!parse_number(value, 1, 64, &workers)) {
                        *ret_why = "JobWorkers= is a number from 1 to 64";
                        return -EINVAL;
                }
                c->job_workers = workers;
                return 0;
        }

        if (g_str_equal(key, "HostChain")) {
                if (!parse_host_chains(c, value)) {
                        *ret_why =
                                "HostChain= is FAMILY TABLE CHAIN (inet filter input), up to four with commas between, or empty";
                        return -EINVAL;
                }
                return 0;
        }

        if (g_str_equal(key, "WorkshopAPI"))
                return set_text(&c->workshop_api, value, workshop_api_valid(value),
                        "WorkshopAPI= is https://HOST or https://HOST:PORT", ret_why);
        if (g_str_equal(key, "WorkshopHosts"))
                return set_text(&c->workshop_hosts, value, workshop_hosts_valid(value),
                        "WorkshopHosts= are up to 64 names of hosts (HOST, with its subdomains, or HOST:PORT) with blanks between them",
                        ret_why);

        if (g_strv_contains(steam_keys, key))
                return set_steam_key(c, key, value, ret_why);
        if (g_strv_contains(build_keys, key))
                return set_build_key(c, key, value, ret_why);

        *ret_why =
                "unknown key; the keys are GamePorts=, JobWorkers=, HostChain=, SpaceReserve=, FilesReserve=, BuildsWithoutFirewall=, WorkshopAPI=, WorkshopHosts=, SteamcmdInstaller= and SteamRetrySeconds=";
        return -EINVAL;
}

static int read_one(const char *path, Config *c, char **ret_why) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) groups = NULL, keys = NULL;
        const char *why;

        if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error)) {
                if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                        return 0;
                return refuse(ret_why, path, error->message);
        }

        groups = g_key_file_get_groups(file, NULL);
        for (char **g = groups; *g; g++)
                if (!g_str_equal(*g, "Manager"))
                        return refuse(ret_why, path, "unknown section; the only one is [Manager]");

        keys = g_key_file_get_keys(file, "Manager", NULL, NULL);
        for (char **k = keys; k && *k; k++) {
                g_autofree char *value = g_strchomp(g_key_file_get_value(file, "Manager", *k, NULL));

                if (set_key(c, *k, value, &why) < 0) {
                        *ret_why = g_strdup_printf("%s: %s=%s: %s", path, *k, value, why);
                        return -EINVAL;
                }
        }

        return 0;
}

void config_done(Config *c) {
        g_clear_pointer(&c->workshop_api, g_free);
        g_clear_pointer(&c->workshop_hosts, g_free);
        g_clear_pointer(&c->steamcmd_installer, g_free);
}

int config_read(const char *path, Config *ret, char **ret_why) {
        g_auto(Config) c = { .first_port = 27015,
                .last_port = 27115,
                .job_workers = 4,
                .workshop_api = g_strdup(WORKSHOP_API),
                .workshop_hosts = g_strdup(WORKSHOP_HOSTS),
                .steamcmd_installer = g_strdup(STEAM_INSTALLER),
                .steam_retry_seconds = STEAM_RETRY_SECONDS,
                .space_reserve = RESERVE_DEFAULT,
                .files_reserve = RESERVE_DEFAULT };
        g_autofree char *directory = g_strconcat(path, ".d", NULL);
        g_auto(GStrv) names = NULL;
        int r;

        r = read_one(path, &c, ret_why);
        if (r < 0)
                return r;

        r = directory_list(-1, directory, 1000, &names);
        if (r < 0 && r != -ENOENT)
                return refuse(ret_why, directory, strerror(-r));

        for (char **n = names; n && *n; n++) {
                g_autofree char *drop_in = g_build_filename(directory, *n, NULL);

                if (!g_str_has_suffix(*n, ".conf"))
                        continue;

                r = read_one(drop_in, &c, ret_why);
                if (r < 0)
                        return r;
        }

        config_done(ret);
        *ret = c;
        c.workshop_api = c.workshop_hosts = c.steamcmd_installer = NULL;
        return 0;
}
