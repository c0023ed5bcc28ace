/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which addresses files of the Workshop may come from. It is the Workshop's answers, and the redirections of whom they name, that say where;
 * the administrator says which hosts (WorkshopHosts=). */

#include <glib.h>
#include <stdbool.h>

typedef struct AddressRules {
        char *api;      /* WorkshopAPI=: http(s)://HOST[:PORT], without a path */
        GStrv hosts;    /* HOST, which stands for its subdomains too, or HOST:PORT */
        bool encrypted; /* the API's address says https: then nothing is fetched without */
} AddressRules;

/* -EINVAL, with an error that says which key is wrong. */
int address_rules_parse(const char *api, const char *hosts, AddressRules *ret, GError **error);
void address_rules_done(AddressRules *rules);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AddressRules, address_rules_done)

/* The address that is to be fetched for what an answer names, NULL for one that is not allowed, with the reason in error. base: what a
 * relative one is relative to, or NULL. http becomes https: old answers still say so. The caller's. */
GUri *address_check(const AddressRules *rules, GUri *base, const char *text, GError **error);
