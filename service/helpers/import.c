/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "extract.h"
#include "fail.h"
#include "import.h"
#include "input.h"

#define READ_BLOCK (128U * 1024U)

static struct archive *reader_free(struct archive *a) {
        if (a)
                (void) archive_read_free(a);
        return NULL;
}

typedef struct archive Reader;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

static la_ssize_t on_read(struct archive *a, void *userdata, const void **ret) {
        ssize_t n;

        n = input_next(userdata, ret);
        if (n < 0) {
                archive_set_error(a, (int) -n, "no more could be read");
                return -1;
        }
        return n;
}

/* Only filters that are libraries: libarchive would run programs for others. */
static void support_filters(Reader *a) {
        (void) archive_read_support_filter_bzip2(a);
        (void) archive_read_support_filter_compress(a);
        (void) archive_read_support_filter_gzip(a);
        (void) archive_read_support_filter_lz4(a);
        (void) archive_read_support_filter_lzip(a);
        (void) archive_read_support_filter_lzma(a);
        (void) archive_read_support_filter_xz(a);
        (void) archive_read_support_filter_zstd(a);
}

static bool must_seek(const Input *input) {
        static const char *const magics[] = { "PK\003\004", "PK\005\006", "PK\007\010",
                "7z\274\257\047\034" };

        for (size_t i = 0; i < G_N_ELEMENTS(magics); i++)
                if (input_starts_with(input, magics[i], strlen(magics[i])))
                        return true;
        return false;
}

/* A zip's truth about its entries (modes, links) stands at its end, a 7z's too: both are taken in whole
 * first. */
static int open_spooled(Reader *a, Input *input, int overlay, Extract *x, int *ret_spool, GError **error) {
        _cleanup_fd_ int spool = -1;
        int r;

        spool = input_spool(input, overlay, error);
        if (spool < 0)
                return spool;
        r = input_finish(input, error);
        if (r < 0)
                return r;

        x->before = x->whole = input->total;
        (void) archive_read_support_format_zip_seekable(a);
        (void) archive_read_support_format_7zip(a);
        r = archive_read_open_fd(a, spool, READ_BLOCK);
        *ret_spool = steal_fd(&spool);
        return r;
}

static int open_streamed(Reader *a, Input *input, Extract *x) {
        x->whole = input->ended ? input->total : input->expected;
        support_filters(a);
        (void) archive_read_support_format_tar(a);
        return archive_read_open(a, input, NULL, on_read, NULL);
}

static int fail_unknown(Reader *a, const Extract *x, Input *input, GError **error) {
        const char *why = archive_error_string(a);
        int r;

        /* Of an archive that was cut off in its first bytes nothing else can be told. */
        r = input_finish(input, error);
        if (r == -EFBIG && input->error == 0)
                g_clear_error(error);
        else if (r < 0)
                return r;
        if (x->before > 0)
                return fail(error, EPIPE,
                        "archive ends early: its list of entries, which stands at the end, is not there");
        if (archive_filter_count(a) > 1 || (why && strcasestr(why, "truncated")))
                return fail(error, EBADMSG, "archive ends early, or what is compressed in it is not a tar");
        return fail(error, EBADMSG, "not an archive left4me knows (tar, zip, 7z)");
}

/* Why the next header could not be read. */
static int fail_header(Reader *a, const Extract *x, Input *input, GError **error) {
        g_autofree char *where = NULL;

        if (archive_read_has_encrypted_entries(a) > 0)
                return fail(error, EACCES,
                        "the archive is encrypted, and there is no way to give a password: make one without");
        if (x->entries == 0 && archive_format(a) == 0)
                return fail_unknown(a, x, input, error);
        where = g_strdup_printf("entry %" PRIu64, x->entries + 1);
        return extract_fail(a, where, error);
}

static int unpack(Reader *a, Extract *x, Input *input, GError **error) {
        struct archive_entry *entry;
        int r;

        for (;;) {
                r = archive_read_next_header(a, &entry);
                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return fail_header(a, x, input, error);
                r = extract_entry(x, a, entry, error);
                if (r < 0)
                        return r;
        }
}

/* What people send in good faith, and what to do with it. */
static int check_kind(const Input *input, GError **error) {
        if (input_starts_with(input, "Rar!\032\007", 6))
                return fail(error, EBADMSG,
                        "a RAR archive, which left4me does not unpack: make a zip, 7z or tar of what is in it");
        if (input_starts_with(input, "4\022\252U", 4))
                return fail(error, EBADMSG,
                        "an addon (VPK), not an archive: it belongs into the overlay as it is, as left4dead2/addons/NAME.vpk");
        return 0;
}

static int import_input(Input *input, int overlay, Extract *x, GError **error) {
        g_autoptr(Reader) a = archive_read_new();
        _cleanup_fd_ int spool = -1;
        ssize_t n;
        int r;

        if (!a)
                return fail(error, ENOMEM, "no memory for libarchive");
        n = input_peek(input);
        if (n <= 0)
                return n < 0 ? (int) n : fail(error, ENODATA, "the upload is empty");

        r = check_kind(input, error);
        if (r < 0)
                return r;
        r = must_seek(input) ? open_spooled(a, input, overlay, x, &spool, error)
                             : open_streamed(a, input, x);
        if (r < 0)
                return *error ? r : fail_unknown(a, x, input, error);
        r = unpack(a, x, input, error);
        if (r >= 0)
                r = input_finish(input, error);
        if (r >= 0 && x->entries == 0)
                r = fail(error, ENODATA, "the archive is empty");
        return r < 0 ? r : extract_finish(x, error);
}

int import(const JobFile *job, int archive, int overlay, FILE *out, GError **error) {
        g_autofree Input *input = g_new0(Input, 1);
        g_autoptr(GError) local = NULL;
        g_auto(Extract) x = EXTRACT_INIT;
        int r;

        input->fd = archive;
        input->expected = job->size;
        input->progress = &x.progress;
        x.directory = job->directory;
        x.progress.out = out;
        x.root = fcntl(overlay, F_DUPFD_CLOEXEC, 3);
        if (x.root < 0)
                return fail_errno(error, errno, "cannot open the tree");

        r = import_input(input, overlay, &x, &local);
        /* What ended the upload is the cause of whatever libarchive says about it. */
        if (r < 0 && input->error != 0)
                return input_fail(input, error);
        if (r < 0) {
                g_propagate_error(error, g_steal_pointer(&local));
                return r;
        }

        if (out)
                say(6, "unpacked %" PRIu64 " files, %" PRIu64 " MiB", x.files, x.size >> 20);
        return 0;
}
