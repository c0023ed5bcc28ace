/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logaddress_*: the log as datagrams from the game port. To 127/8 nothing is ever sent, though it is listed:
 * so it was seen of the engine. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "console.h"
#include "logaddress.h"
#include "protocol/logline.h"
#include "server.h"
#include "util.h"

void logaddress_send(const Log *l, CvarTable *cvars, const char *line) {
        g_autoptr(GByteArray) out = NULL;

        if (l->n_addresses == 0)
                return;
        out = g_byte_array_new();
        logline_encode_datagram(out, (uint64_t) cvar_number(cvars, "sv_logsecret"), line);
        for (size_t i = 0; i < l->n_addresses; i++)
                if (ntohl(l->addresses[i].sin_addr.s_addr) >> 24 != 127)
                        (void) sendto(l->udp, out->data, out->len, MSG_DONTWAIT,
                                (const struct sockaddr *) &l->addresses[i], sizeof(l->addresses[i]));
}

static bool parse(const char *text, struct sockaddr_in *ret) {
        const char *colon = strrchr(text, ':');
        unsigned long port;
        char ip[16];

        if (!colon || colon - text >= (ptrdiff_t) sizeof(ip) || !parse_uint(colon + 1, 65535, &port) ||
                port == 0)
                return false;
        (void) snprintf(ip, sizeof(ip), "%.*s", (int) (colon - text), text);
        *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        return inet_pton(AF_INET, ip, &ret->sin_addr) == 1;
}

static size_t find(const Log *l, const struct sockaddr_in *a) {
        size_t i = 0;

        while (i < l->n_addresses && (l->addresses[i].sin_port != a->sin_port ||
                                             l->addresses[i].sin_addr.s_addr != a->sin_addr.s_addr))
                i++;
        return i;
}

static void run_add(Server *s, const Command *c) {
        Log *l = &s->log;
        struct sockaddr_in a;

        if (!parse(c->argv[1], &a))
                console_print("logaddress_add:  unable to resolve %s", c->argv[1]);
        else if (find(l, &a) < l->n_addresses)
                console_print("logaddress_add:  address already in list");
        else if (l->n_addresses == LOG_ADDRESSES_MAX)
                console_print("logaddress_add:  the list is full");
        else {
                l->udp = s->net.udp;
                l->addresses[l->n_addresses++] = a;
                console_print("logaddress_add:  %s", c->argv[1]);
        }
}

static void run_del(Server *s, const Command *c) {
        Log *l = &s->log;
        struct sockaddr_in a;
        size_t i;

        i = parse(c->argv[1], &a) ? find(l, &a) : l->n_addresses;
        if (i == l->n_addresses) {
                console_print("logaddress_del:  address %s not found in the list", c->argv[1]);
                return;
        }
        l->n_addresses--;
        memmove(l->addresses + i, l->addresses + i + 1, (l->n_addresses - i) * sizeof(l->addresses[0]));
        console_print("deleting:  %s", c->argv[1]);
}

static void run_delall(Server *s, const Command *c) {
        s->log.n_addresses = 0;
}

static void run_list(Server *s, const Command *c) {
        const Log *l = &s->log;
        char ip[INET_ADDRSTRLEN];

        if (l->n_addresses == 0)
                console_print("logaddress_list:  no addresses in the list");
        else
                console_print("%zu %s:", l->n_addresses, l->n_addresses == 1 ? "entry" : "entries");
        for (size_t i = 0; i < l->n_addresses; i++)
                console_print("%s:%u", inet_ntop(AF_INET, &l->addresses[i].sin_addr, ip, sizeof(ip)),
                        ntohs(l->addresses[i].sin_port));
}

const CommandTable logaddress_commands = { (const CommandDef[]){
        { "logaddress_add", 1, "<ip:port>", run_add },
        { "logaddress_del", 1, "<ip:port>", run_del },
        { "logaddress_delall", 0, "", run_delall },
        { "logaddress_list", 0, "", run_list },
        { 0 },
} };
