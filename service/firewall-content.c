/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>

#include "service/firewall-content.h"
#include "service/instance.h"
#include "service/manager.h"
#include "service/unit.h"

#define SLICES "/sys/fs/cgroup/l4d2.slice/"

static void open_port_free(gpointer data) {
        OpenPort *o = data;

        g_free(o->name);
        g_free(o);
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer userdata) {
        return strcmp(a, b);
}

void content_done(Content *c) {
        g_clear_pointer(&c->ports, g_tree_unref);
        *c = (Content){ 0 };
}

bool content_wants(const Instance *i) {
        return i->operation == OPERATION_START || i->operation == OPERATION_RESTART ||
               !unit_is_down(i->server);
}

static gboolean collect_port(gpointer key, gpointer value, gpointer userdata) {
        const Instance *i = value;
        Content *c = userdata;
        OpenPort *o;

        if (!content_wants(i))
                return FALSE;

        o = g_new(OpenPort, 1);
        *o = (OpenPort){ .name = g_strdup(i->name), .port = i->config->port, .rcon = i->config->open_rcon };
        g_tree_replace(c->ports, o->name, o);
        return FALSE;
}

/* The number of a cgroup is that of its directory. */
static uint64_t read_cgroup(Manager *m, const char *slice) {
        g_autofree char *path = g_strconcat(m->root, SLICES, slice, NULL);
        struct stat st;

        return stat(path, &st) < 0 ? 0 : st.st_ino;
}

uint64_t content_games(Manager *m) {
        return read_cgroup(m, "l4d2-game.slice");
}

uint64_t content_builds(Manager *m) {
        return read_cgroup(m, "l4d2-build.slice");
}

void content_read(Manager *m, Content *ret) {
        *ret = (Content){ .ports = g_tree_new_full(compare_names, NULL, NULL, open_port_free),
                .games = content_games(m),
                .builds = content_builds(m) };
        g_tree_foreach(m->instances, collect_port, ret);
}

static bool is_same(const OpenPort *a, const OpenPort *b) {
        return g_str_equal(a->name, b->name) && a->port == b->port && a->rcon == b->rcon;
}

bool content_same_ports(const Content *a, const Content *b) {
        GTreeNode *x = a->ports ? g_tree_node_first(a->ports) : NULL,
                  *y = b->ports ? g_tree_node_first(b->ports) : NULL;

        for (; x && y; x = g_tree_node_next(x), y = g_tree_node_next(y))
                if (!is_same(g_tree_node_value(x), g_tree_node_value(y)))
                        return false;

        return !x && !y;
}

/* -- transactions ------------------------------------------------------------------------------------------------ */

typedef struct Change {
        Firewall *firewall;
        NftBatch *batch;
        const Content *other; /* what is the same in there is no change */
} Change;

static const OpenPort *find_other(const Change *c, const OpenPort *o) {
        const OpenPort *other = c->other->ports ? g_tree_lookup(c->other->ports, o->name) : NULL;

        return other && other->port == o->port ? other : NULL;
}

static gboolean add_port(gpointer key, gpointer value, gpointer userdata) {
        const Change *c = userdata;
        const OpenPort *o = value, *was = find_other(c, o);
        g_autofree char *counter = firewall_counter_name(o->name);
        uint16_t port = htons(o->port);

        if (!was) {
                firewall_add_counter(c->firewall, c->batch, counter);
                nft_add_element(c->batch, FIREWALL_TABLE, FIREWALL_PORTS, &port, sizeof(port), NULL);
                nft_add_element(c->batch, FIREWALL_TABLE, FIREWALL_COUNTERS, &port, sizeof(port), counter);
        }
        if (o->rcon && !(was && was->rcon))
                nft_add_element(c->batch, FIREWALL_TABLE, FIREWALL_RCON, &port, sizeof(port), NULL);

        return FALSE;
}

static gboolean remove_port(gpointer key, gpointer value, gpointer userdata) {
        const Change *c = userdata;
        const OpenPort *o = value, *stays = find_other(c, o);
        g_autofree char *counter = firewall_counter_name(o->name);
        uint16_t port = htons(o->port);

        if (o->rcon && !(stays && stays->rcon))
                nft_delete_element(c->batch, FIREWALL_TABLE, FIREWALL_RCON, &port, sizeof(port));
        if (!stays) {
                nft_delete_element(c->batch, FIREWALL_TABLE, FIREWALL_COUNTERS, &port, sizeof(port));
                nft_delete_element(c->batch, FIREWALL_TABLE, FIREWALL_PORTS, &port, sizeof(port));
                nft_delete_counter(c->batch, FIREWALL_TABLE, counter);
        }

        return FALSE;
}

static void change_cgroup(NftBatch *b, const char *set, uint64_t from, uint64_t to) {
        if (from == to)
                return;
        if (from != 0)
                nft_delete_element(b, FIREWALL_TABLE, set, &from, sizeof(from));
        if (to != 0)
                nft_add_element(b, FIREWALL_TABLE, set, &to, sizeof(to), NULL);
}

static void put_changes(Manager *m, NftBatch *b, const Content *from, const Content *to) {
        Change removals = { m->firewall, b, to }, additions = { m->firewall, b, from };

        if (from->ports)
                g_tree_foreach(from->ports, remove_port, &removals);
        g_tree_foreach(to->ports, add_port, &additions);
        change_cgroup(b, FIREWALL_GAMES, from->games, to->games);
        change_cgroup(b, FIREWALL_BUILDS, from->builds, to->builds);
}

NftBatch *content_change(Manager *m, const Content *from, const Content *to) {
        NftBatch *b = nft_batch_new();

        put_changes(m, b, from, to);
        return b;
}

NftBatch *content_make(Manager *m, const Content *c) {
        const Content nothing = { 0 };
        NftBatch *b = nft_batch_new();

        /* What is not there cannot be deleted. */
        nft_add_table(b, FIREWALL_TABLE);
        nft_delete_table(b, FIREWALL_TABLE);
        firewall_put_rules(m, b);
        put_changes(m, b, &nothing, c);
        return b;
}
