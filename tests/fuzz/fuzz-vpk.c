/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VPK that anybody may have made. Its texts are read as KeyValues. */
#include <string.h>

#include "fuzz.h"
#include "protocol/keyvalues.h"
#include "protocol/vpk.h"

#define READ_MAX 65536U

typedef struct Bytes {
        const uint8_t *data;
        size_t size;
} Bytes;

static ssize_t read_bytes(void *userdata, unsigned archive, uint64_t offset, void *buffer, size_t size) {
        const Bytes *b = userdata;

        g_assert_true(archive == VPK_ARCHIVE_SELF || archive <= VPK_ARCHIVE_MAX);
        if (offset >= b->size)
                return 0;

        size = MIN(size, b->size - (size_t) offset);
        memcpy(buffer, b->data + offset, size);
        return (ssize_t) size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Bytes bytes = { data, size };
        g_autoptr(VpkIter) i = NULL;
        g_autoptr(Vpk) v = NULL;
        VpkEntry e;

        if (vpk_open(read_bytes, &bytes, size, &v) < 0)
                return 0;

        i = vpk_iter_new(v);
        while (vpk_next(i, &e) > 0) {
                g_autoptr(GBytes) content = NULL;
                g_autoptr(KeyValues) kv = NULL;

                g_assert_true(g_utf8_validate(e.path, -1, NULL));
                g_assert_null(strpbrk(e.path, "\\ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
                g_assert_true(!e.safe || (*e.path != '/' && !g_str_has_prefix(e.path, "../") &&
                                                 !strstr(e.path, "/../")));
                if (vpk_read(&e, read_bytes, &bytes, READ_MAX, &content) < 0)
                        continue;
                g_assert_cmpuint(g_bytes_get_size(content), ==, vpk_entry_size(&e));
                (void) keyvalues_parse(g_bytes_get_data(content, NULL), g_bytes_get_size(content), &kv);
        }
        return 0;
}
