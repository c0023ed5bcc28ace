/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/* The doctor's findings, as Check() answers them. */
typedef struct Finding {
        char *check;
        const char *verdict; /* "ok", "warning", "failed" or "unknown" */
        char *explanation;
        char *remedy; /* "" where there is nothing to do */
} Finding;

void finding_free(gpointer finding);

/* Adds a finding; explanation and remedy are taken. */
void findings_add(
        GPtrArray *findings, const char *check, const char *verdict, char *explanation, char *remedy);

/* What can be seen at once: users, directories, polkit's files, the kernel, the disk. */
void check_host(Manager *m, GPtrArray *findings);

/* The table, and the host's own chains; done() when nftables has answered. */
void check_firewall(Manager *m, GPtrArray *findings, void (*done)(void *userdata), void *userdata);

/* Compares the kernel's settings with those of our file in sysctl.d. */
void check_sysctl(Manager *m, GPtrArray *findings);

/* Compares our units, as systemd has them, with what they must be; done() when all have answered. */
int check_units(Manager *m, GPtrArray *findings, void (*done)(void *userdata), void *userdata);

/* Whether CPUs are divided as systemd is told, and whether weights act; done() when systemd has answered. */
void check_cpus(Manager *m, GPtrArray *findings, void (*done)(void *userdata), void *userdata);
