/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/wire.h"
#include "vpk-writer.h"

/* Bit by bit, so that it is not the reader's own. */
static uint32_t crc_of(const char *preload, const char *body) {
        g_autofree char *all = g_strconcat(preload, body, NULL);
        uint32_t crc = UINT32_MAX;

        for (const char *p = all; *p; p++) {
                crc ^= (uint8_t) *p;
                for (int i = 0; i < 8; i++)
                        crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320U : 0);
        }
        return ~crc;
}

static void write_entry(GByteArray *tree, GByteArray *bodies, const VpkFile *f) {
        const char *preload = f->preload ?: "";

        wire_append_string(tree, f->name);
        wire_append_u32(tree, crc_of(preload, f->body));
        wire_append_u16(tree, (uint16_t) strlen(preload));
        wire_append_u16(tree, f->archive > 0 ? (uint16_t) (f->archive - 1) : 0x7FFF);
        wire_append_u32(tree, f->archive > 0 ? 0 : bodies->len);
        wire_append_u32(tree, (uint32_t) strlen(f->body));
        wire_append_u16(tree, 0xFFFF);
        g_byte_array_append(tree, (const guint8 *) preload, (guint) strlen(preload));
        if (f->archive == 0)
                g_byte_array_append(bodies, (const guint8 *) f->body, (guint) strlen(f->body));
}

GByteArray *vpk_write(unsigned version, const VpkFile *files) {
        g_autoptr(GByteArray) tree = g_byte_array_new(), bodies = g_byte_array_new();
        GByteArray *out = g_byte_array_new();

        for (const VpkFile *f = files; f->name; f++) {
                gboolean same_extension = f > files && g_str_equal(f->extension, f[-1].extension);
                gboolean same_directory = same_extension && g_str_equal(f->directory, f[-1].directory);

                if (f > files && !same_directory)
                        wire_append_u8(tree, 0);
                if (f > files && !same_extension)
                        wire_append_u8(tree, 0);
                if (!same_extension)
                        wire_append_string(tree, f->extension);
                if (!same_directory)
                        wire_append_string(tree, f->directory);
                write_entry(tree, bodies, f);
        }
        if (files->name) {
                wire_append_u8(tree, 0);
                wire_append_u8(tree, 0);
        }
        wire_append_u8(tree, 0);

        wire_append_u32(out, 0x55AA1234);
        wire_append_u32(out, version);
        wire_append_u32(out, tree->len);
        if (version == 2) {
                wire_append_u32(out, bodies->len);
                for (int i = 0; i < 3; i++)
                        wire_append_u32(out, 0);
        }
        g_byte_array_append(out, tree->data, tree->len);
        g_byte_array_append(out, bodies->data, bodies->len);
        return out;
}
