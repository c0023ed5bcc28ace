/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/vpk.h"
#include "protocol/wire.h"

#define MAGIC 0x55AA1234U
#define HEADER_1 12U
#define HEADER_2 28U
#define TERMINATOR 0xFFFFU

struct Vpk {
        VpkHeader header;
        GBytes *tree;
};

struct VpkIter {
        const Vpk *vpk;
        Wire rest;
        const char *extension; /* NULL: the next string is one */
        const char *directory; /* NULL: the next string is one */
        unsigned count;
        int result; /* of vpk_next() from now on, when it is not 1 */
        GString *path;
};

int vpk_decode_header(const void *data, size_t size, uint64_t file_size, VpkHeader *ret) {
        VpkHeader h = { .file_size = file_size, .header_size = HEADER_1 };
        Wire w = { data, size };
        uint32_t magic, version, section;
        uint64_t end;

        if (!wire_read_u32(&w, &magic) || magic != MAGIC || !wire_read_u32(&w, &version))
                return -EBADMSG;
        if (version != 1 && version != 2)
                return -ENOTSUP;
        if (!wire_read_u32(&w, &h.tree_size))
                return -EBADMSG;

        h.version = version;
        if (version == 2)
                h.header_size = HEADER_2;
        end = (uint64_t) h.header_size + h.tree_size;
        for (uint32_t at = HEADER_1; at < h.header_size; at += sizeof(section)) {
                if (!wire_read_u32(&w, &section))
                        return -EBADMSG;
                end += section;
        }
        if (end > file_size)
                return -EBADMSG;
        if (h.tree_size > VPK_TREE_MAX)
                return -EMSGSIZE;
        *ret = h;
        return 0;
}

int vpk_new(const VpkHeader *header, GBytes *tree, Vpk **ret) {
        Vpk *v;

        if (g_bytes_get_size(tree) != header->tree_size)
                return -EBADMSG;

        v = g_new0(Vpk, 1);
        v->header = *header;
        v->tree = g_bytes_ref(tree);
        *ret = v;
        return 0;
}

void vpk_free(Vpk *v) {
        if (!v)
                return;

        g_bytes_unref(v->tree);
        g_free(v);
}

static int read_all(
        VpkRead read, void *userdata, unsigned archive, uint64_t offset, void *buffer, size_t size) {
        uint8_t *p = buffer;

        while (size > 0) {
                ssize_t n;

                n = read(userdata, archive, offset, p, size);
                if (n < 0)
                        return (int) n;
                if (n == 0 || (size_t) n > size)
                        return -EBADMSG;
                p += n;
                offset += (uint64_t) n;
                size -= (size_t) n;
        }
        return 0;
}

int vpk_open(VpkRead read, void *userdata, uint64_t file_size, Vpk **ret) {
        size_t size = (size_t) MIN(file_size, VPK_HEADER_MAX);
        uint8_t bytes[VPK_HEADER_MAX];
        g_autoptr(GBytes) tree = NULL;
        VpkHeader header;
        uint8_t *buffer;
        int r;

        r = read_all(read, userdata, VPK_ARCHIVE_SELF, 0, bytes, size);
        if (r < 0)
                return r;
        r = vpk_decode_header(bytes, size, file_size, &header);
        if (r < 0)
                return r;

        buffer = g_malloc(header.tree_size);
        tree = g_bytes_new_take(buffer, header.tree_size);
        r = read_all(read, userdata, VPK_ARCHIVE_SELF, header.header_size, buffer, header.tree_size);
        if (r < 0)
                return r;
        return vpk_new(&header, tree, ret);
}

uint64_t vpk_entry_size(const VpkEntry *entry) {
        return (uint64_t) entry->preload_size + entry->length;
}

VpkIter *vpk_iter_new(const Vpk *v) {
        VpkIter *i = g_new0(VpkIter, 1);

        i->vpk = v;
        i->rest.p = g_bytes_get_data(v->tree, &i->rest.left);
        i->result = 1;
        i->path = g_string_new(NULL);
        return i;
}

void vpk_iter_free(VpkIter *i) {
        if (!i)
                return;

        g_string_free(i->path, TRUE);
        g_free(i);
}

/* The next name, whose extension and directory are in i then; 0 at the end of the tree. */
static int next_name(VpkIter *i, const char **ret) {
        const char *text;

        for (;;) {
                if (!wire_read_string(&i->rest, &text))
                        return -EBADMSG;

                if (*text) {
                        if (i->directory) {
                                *ret = text;
                                return 1;
                        }
                        if (i->extension)
                                i->directory = text;
                        else
                                i->extension = text;
                } else if (i->directory)
                        i->directory = NULL;
                else if (i->extension)
                        i->extension = NULL;
                else
                        return 0;
        }
}

/* One blank stands for no directory and for no extension. */
static bool is_none(const char *text) {
        return text[0] == ' ' && text[1] == '\0';
}

static bool path_is_safe(const char *path) {
        const char *part = path;

        for (const char *p = path;; p++) {
                if (*p == '/' || *p == '\0') {
                        size_t size = (size_t) (p - part);

                        if (size == 0 || (size <= 2 && strncmp(part, "..", size) == 0))
                                return false;
                        part = p + 1;
                        if (*p == '\0')
                                return true;
                } else if ((uint8_t) *p < 0x20 || *p == 0x7F)
                        return false;
        }
}

static int make_path(VpkIter *i, const char *name) {
        g_string_truncate(i->path, 0);
        if (strlen(i->directory) + strlen(name) + strlen(i->extension) + 2 > VPK_PATH_MAX)
                return -ENAMETOOLONG;

        if (!is_none(i->directory)) {
                g_string_append(i->path, i->directory);
                g_string_append_c(i->path, '/');
        }
        g_string_append(i->path, name);
        if (!is_none(i->extension)) {
                g_string_append_c(i->path, '.');
                g_string_append(i->path, i->extension);
        }

        for (char *p = i->path->str; *p; p++)
                *p = *p == '\\' ? '/' : g_ascii_tolower(*p);
        if (!g_utf8_validate(i->path->str, -1, NULL)) {
                g_autofree char *valid = g_utf8_make_valid(i->path->str, -1);

                g_string_assign(i->path, valid);
        }
        return 0;
}

/* The numbers behind a name, and the preloaded bytes behind them. */
static int read_entry(VpkIter *i, VpkEntry *ret) {
        const VpkHeader *h = &i->vpk->header;
        uint16_t archive, terminator;
        uint32_t offset;

        if (!wire_read_u32(&i->rest, &ret->crc) || !wire_read_u16(&i->rest, &ret->preload_size) ||
                !wire_read_u16(&i->rest, &archive) || !wire_read_u32(&i->rest, &offset) ||
                !wire_read_u32(&i->rest, &ret->length) || !wire_read_u16(&i->rest, &terminator))
                return -EBADMSG;
        if (terminator != TERMINATOR || ret->preload_size > i->rest.left)
                return -EBADMSG;

        ret->preload = i->rest.p;
        i->rest.p += ret->preload_size;
        i->rest.left -= ret->preload_size;

        ret->archive = archive;
        ret->offset = offset;
        if (archive != VPK_ARCHIVE_SELF)
                return archive <= VPK_ARCHIVE_MAX ? 0 : -EBADMSG;

        ret->offset += (uint64_t) h->header_size + h->tree_size;
        return ret->length == 0 || ret->offset + ret->length <= h->file_size ? 0 : -EBADMSG;
}

static int next(VpkIter *i, VpkEntry *ret) {
        VpkEntry entry = { 0 };
        const char *name;
        int r;

        r = next_name(i, &name);
        if (r <= 0)
                return r;
        if (++i->count > VPK_ENTRIES_MAX)
                return -EMSGSIZE;
        r = make_path(i, name);
        if (r < 0)
                return r;
        r = read_entry(i, &entry);
        if (r < 0)
                return r;

        entry.path = i->path->str;
        entry.safe = path_is_safe(entry.path);
        *ret = entry;
        return 1;
}

int vpk_next(VpkIter *i, VpkEntry *ret) {
        if (i->result == 1)
                i->result = next(i, ret);
        return i->result;
}

int vpk_find(const Vpk *v, const char *path, VpkIter **ret_iter, VpkEntry *ret) {
        g_autoptr(VpkIter) i = vpk_iter_new(v);
        VpkEntry entry;
        int r;

        while ((r = vpk_next(i, &entry)) > 0)
                if (g_str_equal(entry.path, path)) {
                        *ret_iter = g_steal_pointer(&i);
                        *ret = entry;
                        return 1;
                }
        return r;
}

/* CRC-32 as of zlib, four bits at a time: what is read this way are small texts. */
static uint32_t crc32_of(const uint8_t *p, size_t size) {
        uint32_t table[16], crc = UINT32_MAX;

        for (uint32_t n = 0; n < G_N_ELEMENTS(table); n++) {
                table[n] = n;
                for (int bit = 0; bit < 4; bit++)
                        table[n] = (table[n] >> 1) ^ (table[n] & 1 ? 0xEDB88320U : 0);
        }
        for (size_t i = 0; i < size; i++) {
                crc ^= p[i];
                crc = (crc >> 4) ^ table[crc & 15];
                crc = (crc >> 4) ^ table[crc & 15];
        }
        return ~crc;
}

int vpk_read(const VpkEntry *entry, VpkRead read, void *userdata, size_t max, GBytes **ret) {
        uint64_t size = vpk_entry_size(entry);
        g_autofree uint8_t *buffer = NULL;
        int r;

        if (size > max)
                return -EMSGSIZE;

        buffer = g_malloc((gsize) size + 1);
        if (entry->preload_size > 0)
                memcpy(buffer, entry->preload, entry->preload_size);
        r = read_all(
                read, userdata, entry->archive, entry->offset, buffer + entry->preload_size, entry->length);
        if (r < 0)
                return r;
        if (crc32_of(buffer, (size_t) size) != entry->crc)
                return -EBADMSG;

        *ret = g_bytes_new_take(g_steal_pointer(&buffer), (gsize) size);
        return 0;
}
