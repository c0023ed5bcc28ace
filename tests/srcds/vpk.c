/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "vpk.h"

#define MAGIC 0x55AA1234U
#define TREE_MAX (8U << 20)

typedef struct Reader {
        const char *p;
        const char *end;
} Reader;

static uint32_t le32(const unsigned char *p) {
        return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static const char *next_string(Reader *r) {
        const char *s = r->p, *nul;

        if (s == r->end)
                return NULL;
        nul = memchr(s, '\0', (size_t) (r->end - s));
        if (!nul)
                return NULL;
        r->p = nul + 1;
        return s;
}

/* The 18 bytes behind a name, and the preloaded data behind them. */
static int skip_entry(Reader *r) {
        const unsigned char *e = (const unsigned char *) r->p;
        size_t size;

        if (r->end - r->p < 18)
                return -EBADMSG;
        size = 18 + (size_t) (e[4] | e[5] << 8);
        if (e[16] != 0xFF || e[17] != 0xFF || (size_t) (r->end - r->p) < size)
                return -EBADMSG;
        r->p += size;
        return 0;
}

static int walk(Reader *r, VpkCallback callback, void *userdata) {
        const char *ext, *dir, *name;

        while ((ext = next_string(r)) && *ext) {
                while ((dir = next_string(r)) && *dir) {
                        while ((name = next_string(r)) && *name) {
                                if (skip_entry(r) < 0)
                                        return -EBADMSG;
                                callback(dir, name, ext, userdata);
                        }
                        if (!name)
                                return -EBADMSG;
                }
                if (!dir)
                        return -EBADMSG;
        }
        return ext ? 0 : -EBADMSG;
}

int vpk_list(const char *path, VpkCallback callback, void *userdata) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *tree = NULL;
        unsigned char header[28];
        uint32_t size, version;
        Reader r;

        if (!f)
                return -errno;
        if (fread(header, 1, 12, f) != 12 || le32(header) != MAGIC)
                return -EBADMSG;
        version = le32(header + 4);
        size = le32(header + 8);
        if ((version != 1 && version != 2) || size > TREE_MAX)
                return -EBADMSG;
        if (version == 2 && fread(header + 12, 1, 16, f) != 16)
                return -EBADMSG;

        tree = xrealloc(NULL, size + 1);
        if (fread(tree, 1, size, f) != size)
                return -EBADMSG;
        r = (Reader){ tree, tree + size };
        return walk(&r, callback, userdata);
}
