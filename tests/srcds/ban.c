/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ban.h"
#include "console.h"
#include "server.h"
#include "util.h"

#define BANS_MAX 32768 /* the engine's MAX_IPFILTERS and MAX_USERFILTERS */
#define ADDRESSES_MAX 1024

void bans_done(Bans *b) {
        free(b->addresses);
        free(b->ids);
        free(b->failures);
        *b = (Bans){ 0 };
}

static bool is_over(uint64_t until_ms) {
        return until_ms != 0 && until_ms <= now_ms();
}

static void expire(Bans *b) {
        size_t n = 0;

        for (size_t i = 0; i < b->n_addresses; i++)
                if (!is_over(b->addresses[i].until_ms))
                        b->addresses[n++] = b->addresses[i];
        b->n_addresses = n;
        n = 0;
        for (size_t i = 0; i < b->n_ids; i++)
                if (!is_over(b->ids[i].until_ms))
                        b->ids[n++] = b->ids[i];
        b->n_ids = n;
}

bool ban_has_address(Server *s, struct in_addr address) {
        uint32_t a = ntohl(address.s_addr);

        expire(&s->bans);
        for (size_t i = 0; i < s->bans.n_addresses; i++)
                if ((a & s->bans.addresses[i].mask) == s->bans.addresses[i].address)
                        return true;
        return false;
}

bool ban_has_account(Server *s, uint32_t account) {
        expire(&s->bans);
        for (size_t i = 0; i < s->bans.n_ids; i++)
                if (s->bans.ids[i].account == account)
                        return true;
        return false;
}

/* Minutes as the console takes them: a number, 0 for good; anything else is 0 as well. */
static uint64_t until(const char *minutes) {
        double m = strtod(minutes, NULL);

        return m > 0 && m < 1e9 ? now_ms() + (uint64_t) (m * 60000) : 0;
}

static void add_address(Server *s, uint32_t address, const char *minutes) {
        Bans *b = &s->bans;
        AddressBan ban = { .address = address, .until_ms = until(minutes) };
        size_t i = 0;

        for (unsigned shift = 0; shift < 32; shift += 8)
                if (address >> shift & 0xff)
                        ban.mask |= UINT32_C(0xff) << shift;
        expire(b);
        while (i < b->n_addresses && b->addresses[i].address != address)
                i++;
        if (i >= BANS_MAX) {
                console_print("addip:  IP filter list is full");
                return;
        }
        if (i == b->n_addresses)
                b->addresses = xrealloc(b->addresses, ++b->n_addresses * sizeof(*b->addresses));
        b->addresses[i] = ban;
}

void ban_address(Server *s, struct in_addr address) {
        char ip[INET_ADDRSTRLEN];

        (void) inet_ntop(AF_INET, &address, ip, sizeof(ip));
        console_print("Banning %s for rcon hacking attempts", ip);
        add_address(s, ntohl(address.s_addr), cvar_string(&s->cvars, "sv_rcon_banpenalty"));
}

static Failures *failures_of(Bans *b, uint32_t address) {
        size_t i = 0;

        while (i < b->n_failures && b->failures[i].address != address)
                i++;
        if (i < b->n_failures)
                return &b->failures[i];
        /* The oldest one is forgotten; somebody with that many addresses has more anyway. */
        if (b->n_failures == ADDRESSES_MAX)
                memmove(b->failures, b->failures + 1, --b->n_failures * sizeof(*b->failures));
        b->failures = xrealloc(b->failures, (b->n_failures + 1) * sizeof(*b->failures));
        b->failures[b->n_failures] = (Failures){ .address = address };
        return &b->failures[b->n_failures++];
}

bool ban_count_failure(Server *s, struct in_addr address) {
        Failures *f = failures_of(&s->bans, ntohl(address.s_addr));
        double time_ms = cvar_number(&s->cvars, "sv_rcon_minfailuretime") * 1000;
        uint64_t now = now_ms();
        unsigned recent = 0;

        if (f->n == FAILURES_KEPT)
                memmove(f->at_ms, f->at_ms + 1, --f->n * sizeof(f->at_ms[0]));
        f->at_ms[f->n++] = now;
        f->total++;
        for (unsigned i = 0; i < f->n; i++)
                if ((double) (now - f->at_ms[i]) <= time_ms)
                        recent++;
        if (f->total < cvar_number(&s->cvars, "sv_rcon_maxfailures") &&
                recent < cvar_number(&s->cvars, "sv_rcon_minfailures"))
                return false;
        f->n = f->total = 0;
        ban_address(s, address);
        return true;
}

static void run_addip(Server *s, const Command *c) {
        struct in_addr address;

        if (inet_pton(AF_INET, c->argv[2], &address) != 1)
                console_print("Bad filter address: %s", c->argv[2]);
        else
                add_address(s, ntohl(address.s_addr), c->argv[1]);
}

static void run_removeip(Server *s, const Command *c) {
        Bans *b = &s->bans;
        struct in_addr address;

        if (inet_pton(AF_INET, c->argv[1], &address) != 1) {
                console_print("Bad filter address: %s", c->argv[1]);
                return;
        }
        for (size_t i = 0; i < b->n_addresses; i++) {
                if (b->addresses[i].address != ntohl(address.s_addr))
                        continue;
                b->n_addresses--;
                memmove(b->addresses + i, b->addresses + i + 1,
                        (b->n_addresses - i) * sizeof(*b->addresses));
                console_print("removeip:  filter removed for %s", c->argv[1]);
                return;
        }
        console_print("removeip:  couldn't find %s", c->argv[1]);
}

static void print_list_head(const char *what, size_t n) {
        if (n == 0)
                console_print("%s filter list: empty", what);
        else
                console_print("%s filter list: %zu %s", what, n, n == 1 ? "entry" : "entries");
}

static void print_entry(size_t i, const char *who, uint64_t until_ms) {
        if (until_ms == 0)
                console_print("%zu %s : permanent", i + 1, who);
        else
                console_print("%zu %s : %.3f min", i + 1, who, (double) (until_ms - now_ms()) / 60000);
}

static const char *dotted(uint32_t address, char buf[static INET_ADDRSTRLEN]) {
        struct in_addr a = { .s_addr = htonl(address) };

        return inet_ntop(AF_INET, &a, buf, INET_ADDRSTRLEN);
}

static void run_listip(Server *s, const Command *c) {
        char ip[INET_ADDRSTRLEN];

        (void) c;
        expire(&s->bans);
        print_list_head("IP", s->bans.n_addresses);
        for (size_t i = 0; i < s->bans.n_addresses; i++)
                print_entry(i, dotted(s->bans.addresses[i].address, ip), s->bans.addresses[i].until_ms);
}

static void run_listid(Server *s, const Command *c) {
        char id[STEAMID_LEN];

        (void) c;
        expire(&s->bans);
        print_list_head("ID", s->bans.n_ids);
        for (size_t i = 0; i < s->bans.n_ids; i++)
                print_entry(i, format_steamid(s->bans.ids[i].account, id), s->bans.ids[i].until_ms);
}

static FILE *open_cfg(Server *s, const char *name) {
        char path[PATH_LEN];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/cfg/%s", s->game, name);
        f = fopen(path, "we");
        if (!f)
                console_print("Couldn't open %s", path);
        return f;
}

/* Only what holds for good is written, as the engine does. */
static void run_writeip(Server *s, const Command *c) {
        _cleanup_fclose_ FILE *f = open_cfg(s, "banned_ip.cfg");
        char ip[INET_ADDRSTRLEN];

        (void) c;
        for (size_t i = 0; f && i < s->bans.n_addresses; i++)
                if (s->bans.addresses[i].until_ms == 0)
                        (void) fprintf(f, "addip 0 %s\n", dotted(s->bans.addresses[i].address, ip));
}

static void run_writeid(Server *s, const Command *c) {
        _cleanup_fclose_ FILE *f = open_cfg(s, "banned_user.cfg");
        char id[STEAMID_LEN];

        (void) c;
        for (size_t i = 0; f && i < s->bans.n_ids; i++)
                if (s->bans.ids[i].until_ms == 0)
                        (void) fprintf(f, "banid 0 %s\n", format_steamid(s->bans.ids[i].account, id));
}

/* Who is meant: the userid of somebody who plays, or a Steam id. */
static bool find_account(Server *s, const char *word, uint32_t *ret) {
        unsigned long userid;
        const Player *p = parse_uint(word, UINT16_MAX, &userid) ? player_by_userid(s, (unsigned) userid)
                                                                : NULL;

        if (!p)
                return parse_steamid(word, ret);
        *ret = p->account;
        return !p->bot;
}

static void run_banid(Server *s, const Command *c) {
        Bans *b = &s->bans;
        uint32_t account;
        size_t i = 0;
        Player *p;

        if (!find_account(s, c->argv[2], &account)) {
                console_print("banid:  couldn't find %s", c->argv[2]);
                return;
        }
        expire(b);
        while (i < b->n_ids && b->ids[i].account != account)
                i++;
        if (i >= BANS_MAX) {
                console_print("banid:  ID filter list is full");
                return;
        }
        if (i == b->n_ids)
                b->ids = xrealloc(b->ids, ++b->n_ids * sizeof(*b->ids));
        b->ids[i] = (IdBan){ account, until(c->argv[1]) };

        p = player_by_account(s, account);
        if (p && c->argc > 3 && strcasecmp(c->argv[3], "kick") == 0)
                player_leave(s, p, "Banned by server");
}

static void run_removeid(Server *s, const Command *c) {
        Bans *b = &s->bans;
        uint32_t account;

        for (size_t i = 0; parse_steamid(c->argv[1], &account) && i < b->n_ids; i++) {
                if (b->ids[i].account != account)
                        continue;
                b->n_ids--;
                memmove(b->ids + i, b->ids + i + 1, (b->n_ids - i) * sizeof(*b->ids));
                console_print("removeid:  filter removed for %s", c->argv[1]);
                return;
        }
        console_print("removeid:  couldn't find %s", c->argv[1]);
}

const CommandTable ban_commands = { (const CommandDef[]){
        { "addip", 2, "<minutes> <ipaddress>", run_addip },
        { "banid", 2, "<minutes> <userid | uniqueid> { kick }", run_banid },
        { "listid", 0, "", run_listid },
        { "listip", 0, "", run_listip },
        { "removeid", 1, "<uniqueid>", run_removeid },
        { "removeip", 1, "<ipaddress>", run_removeip },
        { "writeid", 0, "", run_writeid },
        { "writeip", 0, "", run_writeip },
        { 0 },
} };
