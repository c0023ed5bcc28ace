/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

#define HOST_CHAINS_MAX 4U
#define HOST_CHAIN_NAME_MAX 128U /* with its NUL */
#define RESERVE_DEFAULT UINT64_MAX

/* A chain of the host's own firewall, in nft's words. */
typedef struct HostChain {
        uint8_t family; /* NFPROTO_* */
        char table[HOST_CHAIN_NAME_MAX], chain[HOST_CHAIN_NAME_MAX];
} HostChain;

/* What the administrator sets in left4me.conf and left4me.conf.d/ (*.conf, sorted by name, later ones win key by key). */
struct Config {
        uint16_t first_port; /* GamePorts */
        uint16_t last_port;
        unsigned job_workers;                   /* JobWorkers */
        HostChain host_chains[HOST_CHAINS_MAX]; /* HostChain */
        unsigned n_host_chains;
        char *workshop_api;           /* WorkshopAPI */
        char *workshop_hosts;         /* WorkshopHosts: with blanks between them */
        char *steamcmd_installer;     /* SteamcmdInstaller: http or https */
        unsigned steam_retry_seconds; /* SteamRetrySeconds */
        uint64_t space_reserve;       /* SpaceReserve: bytes, or RESERVE_DEFAULT */
        uint64_t files_reserve;       /* FilesReserve: files, or RESERVE_DEFAULT */
        bool builds_without_firewall; /* BuildsWithoutFirewall */
};

void config_done(Config *c);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Config, config_done)

/* Reads the file and the directory of the same name with ".d" after it; what is missing has its default. A bad file, an unknown key
 * or a bad value: -EINVAL, with *ret_why naming file, key and rule, and *ret untouched; else what it held is freed. */
int config_read(const char *path, Config *ret, char **ret_why);

/* "inet", "ip", "ip6" */
const char *host_family_to_string(uint8_t family);
