/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay CORPUS [SEED|random [RUNS]]: a fuzzer as a test. Feeds every file of the corpus, then mutations of them. The input being tried stands
 * in the file NAME-input in the working directory, and is still there when it has crashed the program.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define RUNS 20000U
#define SIZE_MAX_TRIED 8192U

static uint8_t *open_trace(const char *path) {
        void *map;
        int fd;

        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        g_assert_no_errno(fd);
        g_assert_no_errno(ftruncate(fd, SIZE_MAX_TRIED));
        map = mmap(NULL, SIZE_MAX_TRIED, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(map != MAP_FAILED);
        g_assert_no_errno(close(fd));
        return map;
}

static GPtrArray *read_corpus(const char *directory) {
        GPtrArray *corpus = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) dir = g_dir_open(directory, 0, &error);
        const char *name;

        g_assert_no_error(error);
        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(directory, name, NULL);
                char *content;
                gsize size;

                (void) g_file_get_contents(path, &content, &size, &error);
                g_assert_no_error(error);
                g_ptr_array_add(corpus, g_bytes_new_take(content, size));
        }

        g_assert_cmpuint(corpus->len, >, 0);
        return corpus;
}

static guint any(GRand *rand, guint n) {
        return n > 0 ? g_rand_int(rand) % n : 0;
}

static void mutate_once(GByteArray *b, GRand *rand, const GPtrArray *corpus) {
        static const char interesting[] = "\n\r\t\"\036\037\\/ ,=-+0.\177\200\377";
        guint at = any(rand, b->len + 1), n = any(rand, MIN(b->len - at, 32) + 1);
        const guint8 byte = (guint8) interesting[any(rand, sizeof(interesting))];
        const guint8 *other;
        gsize size;

        switch (any(rand, 6)) {
        case 0: /* flip a bit */
                if (at < b->len)
                        b->data[at] ^= (guint8) (1U << any(rand, 8));
                break;
        case 1: /* put in a byte with a meaning */
                g_byte_array_append(b, &byte, 1);
                memmove(b->data + at + 1, b->data + at, b->len - 1 - at);
                b->data[at] = byte;
                break;
        case 2: /* take some out */
                if (n > 0)
                        g_byte_array_remove_range(b, at, n);
                break;
        case 3: /* say some twice, at the end */
                if (n > 0) {
                        g_autofree guint8 *part = g_memdup2(b->data + at, n);

                        g_byte_array_append(b, part, n);
                }
                break;
        case 4: /* go on as another input does */
                other = g_bytes_get_data(g_ptr_array_index(corpus, any(rand, corpus->len)), &size);
                n = any(rand, (guint) size + 1);
                g_byte_array_set_size(b, at);
                g_byte_array_append(b, other + n, (guint) size - n);
                break;
        default: /* replace one */
                if (at < b->len)
                        b->data[at] = byte;
        }
}

static void try(uint8_t *trace, const void *data, gsize size) {
        size = MIN(size, SIZE_MAX_TRIED);
        if (size > 0)
                memcpy(trace, data, size);
        memset(trace + size, 0, SIZE_MAX_TRIED - size);
        (void) LLVMFuzzerTestOneInput(trace, size);
}

int main(int argc, char **argv) {
        gboolean random = argc <= 2 || strcmp(argv[2], "random") == 0;
        guint32 seed = random ? g_random_int() : (guint32) strtoul(argv[2], NULL, 10);
        unsigned long runs = argc > 3 ? strtoul(argv[3], NULL, 10) : RUNS;
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        g_autofree char *name = g_path_get_basename(argv[0]), *path = g_strconcat(name, "-input", NULL);
        g_autoptr(GPtrArray) corpus = NULL;
        uint8_t *trace;

        if (argc < 2) {
                (void) fprintf(stderr, "%s CORPUS [SEED|random [RUNS]]\n", name);
                return 2;
        }

        g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
        corpus = read_corpus(argv[1]);
        trace = open_trace(path);
        (void) printf("%u inputs, %lu mutations with seed %u; the input is in %s\n", corpus->len, runs, seed,
                path);
        (void) fflush(stdout);

        for (guint i = 0; i < corpus->len; i++) {
                gsize size;
                const void *data = g_bytes_get_data(g_ptr_array_index(corpus, i), &size);

                try(trace, data, size);
        }

        for (unsigned long i = 0; i < runs; i++) {
                g_autoptr(GByteArray) b = g_byte_array_new();
                gsize size;
                const void *data = g_bytes_get_data(
                        g_ptr_array_index(corpus, any(rand, corpus->len)), &size);

                g_byte_array_append(b, data, (guint) size);
                for (guint n = 1 + any(rand, 8); n > 0; n--)
                        mutate_once(b, rand, corpus);
                try(trace, b->data, b->len);
        }

        (void) munmap(trace, SIZE_MAX_TRIED);
        (void) unlink(path);
        return 0;
}
