/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/directory.h"
#include "protocol/vpk.h"
#include "service/claims.h"
#include "service/file-name.h"
#include "service/layer-parts.h"

#define SLICE_NAMES 256U        /* of a directory */
#define SLICE_ENTRIES 4096U     /* of a VPK */
#define SLICE_BYTES (1U << 20U) /* of a VPK's tree */
#define DEPTH_MAX 16U

#define ADDONS "left4dead2/addons"

static const struct Rule {
        ClaimKind kind;
        const char *directory;
        const char *suffix;
        bool below; /* also in directories below, but for `but` */
        const char *but;
        bool archive; /* what the files hold counts, not they */
} rules[] = {
        { CLAIM_MAP, "left4dead2/maps", ".bsp" },
        { CLAIM_MAP, ADDONS, ".vpk", .archive = true },
        { CLAIM_MAP, ADDONS "/workshop", ".vpk", .archive = true },
        /* What Metamod loads is named by these. */
        { CLAIM_PLUGIN, ADDONS, ".vdf" },
        { CLAIM_PLUGIN, ADDONS "/metamod", ".vdf" },
        { CLAIM_PLUGIN, ADDONS "/sourcemod/plugins", ".smx", .below = true, .but = "disabled" },
        { CLAIM_GAMEDATA, ADDONS "/sourcemod/gamedata", ".txt", .below = true },
};

typedef struct Level {
        char *path; /* below the version */
        DIR *dir;
} Level;

typedef struct Archive {
        char *path; /* escaped */
        int fd;
        VpkHeader header;
        GByteArray *tree; /* as far as it is read */
        Vpk *vpk;         /* when all of it is */
        VpkIter *iter;
} Archive;

struct ClaimScan {
        int version;
        unsigned rule;     /* the next one */
        GPtrArray *levels; /* Level: the directory under way, and those above it */
        Archive *archive;  /* under way, NULL for none */
        GHashTable *found; /* Claim, as its own key */
};

const char *claim_kind_to_string(ClaimKind kind) {
        static const char *const names[] = {
                [CLAIM_MAP] = "map",
                [CLAIM_PLUGIN] = "plugin",
                [CLAIM_GAMEDATA] = "gamedata",
        };

        return names[kind];
}

static void claim_clear(gpointer data) {
        Claim *c = data;

        g_free(c->key);
        g_free(c->path);
}

static void claim_free(gpointer data) {
        claim_clear(data);
        g_free(data);
}

unsigned claim_hash(gconstpointer data) {
        const Claim *c = data;

        return g_str_hash(c->key) ^ c->kind;
}

gboolean claim_equal(gconstpointer a, gconstpointer b) {
        const Claim *x = a, *y = b;

        return x->kind == y->kind && g_str_equal(x->key, y->key);
}

static void level_free(gpointer data) {
        Level *l = data;

        (void) closedir(l->dir);
        g_free(l->path);
        g_free(l);
}

static Archive *archive_free(Archive *a) {
        if (!a)
                return NULL;

        (void) close(a->fd);
        vpk_iter_free(a->iter);
        vpk_free(a->vpk);
        g_byte_array_unref(a->tree);
        g_free(a->path);
        g_free(a);
        return NULL;
}

ClaimScan *claim_scan_new(int version) {
        ClaimScan *s = g_new0(ClaimScan, 1);

        s->version = version;
        s->levels = g_ptr_array_new_with_free_func(level_free);
        s->found = g_hash_table_new_full(claim_hash, claim_equal, claim_free, NULL);
        return s;
}

ClaimScan *claim_scan_free(ClaimScan *s) {
        if (!s)
                return NULL;

        archive_free(s->archive);
        g_ptr_array_unref(s->levels);
        g_hash_table_unref(s->found);
        g_free(s);
        return NULL;
}

/* The engine knows maps by their names, whatever their case, wherever they come from. Takes path. */
static int add_claim(ClaimScan *s, ClaimKind kind, const char *key, char *path) {
        Claim *c;

        if (g_hash_table_size(s->found) >= CLAIMS_MAX) {
                g_free(path);
                return -E2BIG;
        }

        c = g_new(Claim, 1);
        *c = (Claim){ kind, kind == CLAIM_MAP ? g_ascii_strdown(key, -1) : g_strdup(key), path };
        if (g_hash_table_contains(s->found, c))
                claim_free(c);
        else
                g_hash_table_add(s->found, c);

        return 0;
}

/* -- a VPK ------------------------------------------------------------------------------------------------------ */

static int begin_archive(ClaimScan *s, int directory, const char *name, const char *path) {
        uint8_t bytes[VPK_HEADER_MAX];
        VpkHeader header;
        struct stat st;
        ssize_t n;
        int fd;

        fd = layer_open(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;

        n = pread(fd, bytes, sizeof(bytes), 0);
        if (n < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
                vpk_decode_header(bytes, (size_t) n, (uint64_t) st.st_size, &header) < 0) {
                (void) close(fd);
                return 0;
        }

        s->archive = g_new0(Archive, 1);
        s->archive->fd = fd;
        s->archive->header = header;
        s->archive->tree = g_byte_array_new();
        s->archive->path = g_strdup(path);
        return 0;
}

static void end_archive(ClaimScan *s) {
        s->archive = archive_free(s->archive);
}

/* A piece of the tree. */
static void read_tree(ClaimScan *s) {
        Archive *a = s->archive;
        unsigned done = a->tree->len, size = MIN(SLICE_BYTES, a->header.tree_size - done);
        g_autoptr(GBytes) tree = NULL;
        ssize_t n;

        g_byte_array_set_size(a->tree, done + size);
        n = pread(a->fd, a->tree->data + done, size, (off_t) a->header.header_size + done);
        if (n != (ssize_t) size) {
                end_archive(s);
                return;
        }

        if (a->tree->len < a->header.tree_size)
                return;

        tree = g_byte_array_free_to_bytes(g_steal_pointer(&a->tree));
        a->tree = g_byte_array_new();
        if (vpk_new(&a->header, tree, &a->vpk) < 0)
                end_archive(s);
        else
                a->iter = vpk_iter_new(a->vpk);
}

static int take_entry(ClaimScan *s, const VpkEntry *entry) {
        g_autofree char *path = NULL;

        if (!g_str_has_prefix(entry->path, "maps/") || !g_str_has_suffix(entry->path, ".bsp"))
                return 0;

        path = file_name_escape(entry->path);
        return add_claim(s, CLAIM_MAP, entry->path, g_strdup_printf("%s:%s", s->archive->path, path));
}

static int step_archive(ClaimScan *s) {
        VpkEntry entry;
        int r = 1;

        if (!s->archive->iter) {
                read_tree(s);
                return 0;
        }

        for (unsigned k = 0; k < SLICE_ENTRIES && r > 0; k++) {
                r = vpk_next(s->archive->iter, &entry);
                if (r > 0 && take_entry(s, &entry) < 0)
                        return -E2BIG;
        }

        /* Broken: so far it was good. */
        if (r <= 0)
                end_archive(s);
        return 0;
}

/* -- directories ------------------------------------------------------------------------------------------------ */

/* What is no directory is passed over. */
static int enter(ClaimScan *s, int parent, const char *name, const char *path) {
        Level *l;
        int fd, r;
        DIR *dir;

        fd = layer_open(parent, name, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;

        r = directory_take(fd, &dir);
        if (r < 0)
                return r;

        l = g_new(Level, 1);
        *l = (Level){ g_strdup(path), dir };
        g_ptr_array_add(s->levels, l);
        return 0;
}

static int take_name(ClaimScan *s, const struct Rule *rule, const Level *l, const char *name) {
        g_autofree char *path = g_strdup_printf("%s/%s", l->path, name), *text = file_name_escape(path);
        int fd = dirfd(l->dir);
        FileType type;
        struct stat st;

        if (layer_look_up(fd, name, &st, &type) < 0)
                return 0;

        if (type == FILE_DIRECTORY) {
                if (!rule->below || s->levels->len >= DEPTH_MAX || g_strcmp0(name, rule->but) == 0)
                        return 0;
                return enter(s, fd, name, path);
        }

        if (type != FILE_PLAIN || !g_str_has_suffix(name, rule->suffix))
                return 0;
        if (rule->archive)
                return begin_archive(s, fd, name, text);
        return add_claim(s, rule->kind, path + (rule->kind == CLAIM_MAP ? strlen("left4dead2/") : 0),
                g_steal_pointer(&text));
}

static int step_directory(ClaimScan *s) {
        const Level *l = s->levels->pdata[s->levels->len - 1];
        const struct Rule *rule = &rules[s->rule - 1];
        unsigned depth = s->levels->len;
        struct dirent *entry;
        int r = 0;

        for (unsigned k = 0; k < SLICE_NAMES && r >= 0; k++) {
                entry = directory_next(l->dir);
                if (!entry) {
                        r = -errno;
                        g_ptr_array_set_size(s->levels, (int) depth - 1);
                        return r;
                }

                r = take_name(s, rule, l, entry->d_name);
                if (s->archive || s->levels->len != depth)
                        break;
        }

        return r;
}

/* -- all of it -------------------------------------------------------------------------------------------------- */

static int compare_claims(gconstpointer a, gconstpointer b) {
        const Claim *x = a, *y = b;

        return x->kind != y->kind ? (int) x->kind - (int) y->kind : strcmp(x->key, y->key);
}

static Claims *take_claims(ClaimScan *s) {
        g_autoptr(Claims)
                claims = g_array_sized_new(FALSE, FALSE, sizeof(Claim), g_hash_table_size(s->found));
        GHashTableIter iter;
        gpointer claim;

        g_array_set_clear_func(claims, claim_clear);
        g_hash_table_iter_init(&iter, s->found);
        while (g_hash_table_iter_next(&iter, &claim, NULL)) {
                g_array_append_vals(claims, claim, 1);
                g_hash_table_iter_steal(&iter);
                g_free(claim);
        }

        g_array_sort(claims, compare_claims);
        return g_steal_pointer(&claims);
}

int claim_scan_step(ClaimScan *s, Claims **ret) {
        if (s->archive)
                return step_archive(s);
        if (s->levels->len > 0)
                return step_directory(s);

        if (s->rule < G_N_ELEMENTS(rules)) {
                const char *directory = rules[s->rule++].directory;

                return enter(s, s->version, directory, directory);
        }

        *ret = take_claims(s);
        return 1;
}
