/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "service/nft-internal.h"
#include "service/nft.h"

/* libmnl does not look where a buffer ends: a rule of all the expressions that we know is well below this. */
#define MESSAGE_MAX 16384U
/* As nft's enum byteorder. */
#define NFT_HOST_ENDIAN 1U

struct NftBatch {
        GByteArray *bytes;
        unsigned last; /* where the last message begins */
        unsigned n;
        uint32_t last_set_id;
        char message[MESSAGE_MAX] __attribute__((aligned(8)));
};

/* libnftnl's objects come from malloc(). */
void *nft_must(void *object) {
        if (!object)
                g_error("out of memory");

        return object;
}

NftBatch *nft_batch_new(void) {
        NftBatch *b = g_new0(NftBatch, 1);

        b->bytes = g_byte_array_new();
        return b;
}

NftBatch *nft_batch_free(NftBatch *b) {
        if (!b)
                return NULL;

        g_byte_array_unref(b->bytes);
        g_free(b);
        return NULL;
}

bool nft_batch_is_empty(const NftBatch *b) {
        return b->n == 0;
}

struct nlmsghdr *nft_begin_message(NftBatch *b, uint16_t type, uint8_t family, uint16_t flags) {
        return nftnl_nlmsg_build_hdr(b->message, type, family, flags, 0);
}

void nft_end_message(NftBatch *b, const struct nlmsghdr *m) {
        g_assert(m->nlmsg_len <= MESSAGE_MAX);

        b->last = b->bytes->len;
        b->n++;
        g_byte_array_append(b->bytes, (const uint8_t *) m, MNL_ALIGN(m->nlmsg_len));
}

int nft_batch_send(Netlink *n, NftBatch *b, uint32_t generation, NetlinkDone done, void *userdata) {
        g_autoptr(NftBatch) owned = b;
        g_autoptr(GByteArray) all = g_byte_array_sized_new(b->bytes->len + 128);
        char edge[128] __attribute__((aligned(8)));
        struct nlmsghdr *m;

        if (b->n > 0) {
                m = (struct nlmsghdr *) (void *) (b->bytes->data + b->last);
                m->nlmsg_flags |= NLM_F_ACK;
        }

        m = nftnl_batch_begin(edge, 0);
        if (generation != 0)
                mnl_attr_put_u32(m, NFNL_BATCH_GENID, htonl(generation));
        g_byte_array_append(all, (const uint8_t *) m, MNL_ALIGN(m->nlmsg_len));
        g_byte_array_append(all, b->bytes->data, b->bytes->len);
        m = nftnl_batch_end(edge, 0);
        /* Of a batch of nothing, the kernel would tell no end (since Linux 6.10 it would). */
        g_byte_array_append(all, (const uint8_t *) m, MNL_ALIGN(m->nlmsg_len));

        return b->n == 0 ? -EINVAL : netlink_request(n, all->data, all->len, NULL, done, userdata);
}

static void put_table(NftBatch *b, uint16_t type, uint16_t flags, const char *table) {
        struct nlmsghdr *m = nft_begin_message(b, type, NFPROTO_INET, flags);
        struct nftnl_table *t = nft_must(nftnl_table_alloc());

        nftnl_table_set_str(t, NFTNL_TABLE_NAME, table);
        nftnl_table_nlmsg_build_payload(m, t);
        nftnl_table_free(t);
        nft_end_message(b, m);
}

void nft_add_table(NftBatch *b, const char *table) {
        put_table(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
}

void nft_delete_table(NftBatch *b, const char *table) {
        put_table(b, NFT_MSG_DELTABLE, 0, table);
}

static struct nftnl_chain *chain_new(const char *table, const char *chain) {
        struct nftnl_chain *c = nft_must(nftnl_chain_alloc());

        nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table);
        nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain);
        return c;
}

static void put_chain(NftBatch *b, struct nftnl_chain *c) {
        struct nlmsghdr *m = nft_begin_message(b, NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE);

        nftnl_chain_nlmsg_build_payload(m, c);
        nftnl_chain_free(c);
        nft_end_message(b, m);
}

void nft_add_base_chain(NftBatch *b, const char *table, const char *chain, uint32_t hook, int32_t priority) {
        struct nftnl_chain *c = chain_new(table, chain);

        nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
        nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
        nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
        nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
        put_chain(b, c);
}

void nft_add_chain(NftBatch *b, const char *table, const char *chain) {
        put_chain(b, chain_new(table, chain));
}

static void put_counter(NftBatch *b, uint16_t type, uint16_t flags, struct nftnl_obj *o) {
        struct nlmsghdr *m = nft_begin_message(b, type, NFPROTO_INET, flags);

        nftnl_obj_nlmsg_build_payload(m, o);
        nftnl_obj_free(o);
        nft_end_message(b, m);
}

static struct nftnl_obj *counter_new(const char *table, const char *name) {
        struct nftnl_obj *o = nft_must(nftnl_obj_alloc());

        nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, table);
        nftnl_obj_set_str(o, NFTNL_OBJ_NAME, name);
        nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
        return o;
}

void nft_add_counter(NftBatch *b, const char *table, const char *name, uint64_t packets, uint64_t bytes) {
        struct nftnl_obj *o = counter_new(table, name);

        nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_PKTS, packets);
        nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_BYTES, bytes);
        put_counter(b, NFT_MSG_NEWOBJ, NLM_F_CREATE, o);
}

void nft_delete_counter(NftBatch *b, const char *table, const char *name) {
        put_counter(b, NFT_MSG_DELOBJ, 0, counter_new(table, name));
}

struct nftnl_set *nft_set_new(
        const char *table, const char *name, uint32_t type, uint32_t key_size, uint32_t flags) {
        struct nftnl_set *s = nft_must(nftnl_set_alloc());

        nftnl_set_set_str(s, NFTNL_SET_TABLE, table);
        nftnl_set_set_str(s, NFTNL_SET_NAME, name);
        nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
        nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
        nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, key_size);
        nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags);

        /* Else nft shows its numbers the wrong way round. */
        if (type == NFT_TYPE_CGROUP) {
                struct nftnl_udata_buf *u = nft_must(nftnl_udata_buf_alloc(64));

                (void) nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER, NFT_HOST_ENDIAN);
                nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
                nftnl_udata_buf_free(u);
        }

        return s;
}

void nft_add_set(NftBatch *b, struct nftnl_set *set) {
        struct nlmsghdr *m = nft_begin_message(b, NFT_MSG_NEWSET, NFPROTO_INET, NLM_F_CREATE);

        nftnl_set_set_u32(set, NFTNL_SET_ID, ++b->last_set_id);
        nftnl_set_nlmsg_build_payload(m, set);
        nftnl_set_free(set);
        nft_end_message(b, m);
}

static void put_element(NftBatch *b, uint16_t type, uint16_t flags, const char *table, const char *set,
        const void *key, uint32_t size, const char *counter) {
        struct nlmsghdr *m = nft_begin_message(b, type, NFPROTO_INET, flags);
        struct nftnl_set *s = nft_must(nftnl_set_alloc());
        struct nftnl_set_elem *e = nft_must(nftnl_set_elem_alloc());

        nftnl_set_set_str(s, NFTNL_SET_TABLE, table);
        nftnl_set_set_str(s, NFTNL_SET_NAME, set);
        (void) nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, size);
        if (counter)
                (void) nftnl_set_elem_set_str(e, NFTNL_SET_ELEM_OBJREF, counter);
        nftnl_set_elem_add(s, e);
        nftnl_set_elems_nlmsg_build_payload(m, s);
        nftnl_set_free(s);
        nft_end_message(b, m);
}

void nft_add_element(NftBatch *b, const char *table, const char *set, const void *key, uint32_t size,
        const char *counter) {
        put_element(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, key, size, counter);
}

void nft_delete_element(NftBatch *b, const char *table, const char *set, const void *key, uint32_t size) {
        put_element(b, NFT_MSG_DELSETELEM, 0, table, set, key, size, NULL);
}
