/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Long replies in parts: FE FF FF FF, u32 id, u8 total, u8 number (from 0), u16 size of the largest part, the part. */
#include <errno.h>
#include <string.h>

#include "protocol/a2s.h"
#include "protocol/wire.h"

#define PART 0xFFFFFFFEU
#define COMPRESSED 0x80000000U
#define SETS 2

typedef struct Set {
        uint32_t id;
        uint8_t total; /* 0: unused */
        uint8_t have;
        size_t size;
        GByteArray *parts[A2S_PARTS_MAX];
} Set;

struct A2sAssembly {
        Set sets[SETS]; /* the newest first */
};

typedef struct Part {
        uint32_t id;
        uint8_t total;
        uint8_t number;
} Part;

int a2s_split(const GByteArray *reply, uint32_t id, size_t part_size, GPtrArray **ret) {
        g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func((GDestroyNotify) g_byte_array_unref);
        size_t total = 1;

        if (id & COMPRESSED || part_size < 1 || part_size > UINT16_MAX)
                return -EINVAL;

        if (reply->len > A2S_DATAGRAM_MAX)
                total = (reply->len + part_size - 1) / part_size;
        if (total > A2S_PARTS_MAX)
                return -EMSGSIZE;

        for (size_t i = 0, at = 0; i < total; i++) {
                GByteArray *b = g_byte_array_new();
                size_t n = total > 1 ? MIN(reply->len - at, part_size) : reply->len;

                if (total > 1) {
                        wire_append_u32(b, PART);
                        wire_append_u32(b, id);
                        wire_append_u8(b, (uint8_t) total);
                        wire_append_u8(b, (uint8_t) i);
                        wire_append_u16(b, (uint16_t) part_size);
                }
                g_byte_array_append(b, reply->data + at, (guint) n);
                g_ptr_array_add(out, b);
                at += n;
        }
        *ret = g_steal_pointer(&out);
        return 0;
}

static void set_clear(Set *s) {
        for (size_t i = 0; i < G_N_ELEMENTS(s->parts); i++)
                g_clear_pointer(&s->parts[i], g_byte_array_unref);
        *s = (Set){ 0 };
}

A2sAssembly *a2s_assembly_new(void) {
        return g_new0(A2sAssembly, 1);
}

void a2s_assembly_free(A2sAssembly *a) {
        if (!a)
                return;

        for (size_t i = 0; i < SETS; i++)
                set_clear(&a->sets[i]);
        g_free(a);
}

static int read_part(Wire *w, Part *ret) {
        uint16_t part_size;
        uint32_t marker;

        if (!wire_read_u32(w, &marker) || marker != PART || !wire_read_u32(w, &ret->id))
                return -EBADMSG;
        if (ret->id & COMPRESSED)
                return -ENOTSUP;
        if (!wire_read_u8(w, &ret->total) || !wire_read_u8(w, &ret->number) || !wire_read_u16(w, &part_size))
                return -EBADMSG;
        if (ret->total > A2S_PARTS_MAX)
                return -EMSGSIZE;

        /* The size is that of the largest part and nothing to rely on: builds and their patches disagree. */
        return ret->number < ret->total && w->left > 0 ? 0 : -EBADMSG;
}

/* The set of a part, the oldest making place for a new one. NULL: a set with this id has another total. */
static Set *find_set(A2sAssembly *a, const Part *part) {
        for (size_t i = 0; i < SETS; i++)
                if (a->sets[i].total > 0 && a->sets[i].id == part->id)
                        return a->sets[i].total == part->total ? &a->sets[i] : NULL;

        set_clear(&a->sets[SETS - 1]);
        memmove(&a->sets[1], &a->sets[0], (SETS - 1) * sizeof(a->sets[0]));
        a->sets[0] = (Set){ .id = part->id, .total = part->total };
        return &a->sets[0];
}

/* Some servers leave FF FF FF FF out when they split: what is joined always has it. */
static GByteArray *join(const Set *s) {
        static const guint8 whole[4] = { 0xFF, 0xFF, 0xFF, 0xFF };
        GByteArray *b = g_byte_array_new();

        for (size_t i = 0; i < s->total; i++)
                g_byte_array_append(b, s->parts[i]->data, s->parts[i]->len);
        if (b->len < sizeof(whole) || memcmp(b->data, whole, sizeof(whole)) != 0)
                g_byte_array_prepend(b, whole, sizeof(whole));
        return b;
}

int a2s_assembly_add(A2sAssembly *a, const void *data, size_t size, GByteArray **ret) {
        Wire w = { data, size };
        Part part;
        Set *s;
        int r;

        r = read_part(&w, &part);
        if (r < 0)
                return r;
        s = find_set(a, &part);
        if (!s)
                return -EBADMSG;
        if (s->parts[part.number])
                return 0;
        if (w.left > A2S_REPLY_MAX - s->size)
                return -EMSGSIZE;

        s->parts[part.number] = g_byte_array_append(g_byte_array_new(), w.p, (guint) w.left);
        s->size += w.left;
        if (++s->have < s->total)
                return 0;

        *ret = join(s);
        set_clear(s);
        return 1;
}
