/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "extract.h"
#include "fail.h"
#include "remove.h"
#include "steam.h"
#include "workshop-http.h"

/* steamcmd's archive has less than 4 MiB; it fetches the rest of itself. */
#define INSTALLER_MAX (UINT64_C(64) << 20)

static void received(void *userdata, int64_t n) {
        uint64_t *sum = userdata;

        *sum += (uint64_t) n;
}

/* To a file without a name, at its beginning. */
static int download(const SteamOrder *order, int cache, GError **error) {
        g_autoptr(GUri) uri = g_uri_parse(order->installer, G_URI_FLAGS_ENCODED, NULL);
        char *hosts[] = { NULL, NULL };
        g_autofree char *host = NULL;
        g_autoptr(HttpClient) client = NULL;
        _cleanup_fd_ int fd = -1;
        uint64_t sum = 0;
        AddressRules rules;
        Http http;
        int r;

        if (!uri || !g_uri_get_host(uri))
                return fail(error, EINVAL, "SteamcmdInstaller= in left4me.conf is not an address");

        fd = openat(cache, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
                return fail_errno(error, errno, "cannot make a file in Steam's cache");

        host = g_uri_get_port(uri) < 0 ? g_strdup(g_uri_get_host(uri))
                                       : g_strdup_printf("%s:%d", g_uri_get_host(uri), g_uri_get_port(uri));
        hosts[0] = host;
        rules = (AddressRules){ .hosts = hosts, .encrypted = g_str_equal(g_uri_get_scheme(uri), "https") };
        http_init(&http, &rules);
        client = http_client_new(&http);
        r = http_download(client,
                &(const HttpDownload){
                        .url = order->installer, .fd = fd, .received = received, .userdata = &sum },
                error);
        http_done(&http);
        if (r < 0) {
                g_prefix_error(error, "cannot fetch steamcmd from %s: ", order->installer);
                return r;
        }
        if (sum > INSTALLER_MAX)
                return fail(error, EFBIG, "what %s gave is too large to be steamcmd", order->installer);
        if (lseek(fd, 0, SEEK_SET) < 0)
                return fail_errno(error, errno, "cannot read what was fetched");

        return steal_fd(&fd);
}

static int unpack(int fd, int directory, GError **error) {
        g_auto(Extract) x = EXTRACT_INIT;
        struct archive_entry *entry;
        struct archive *a = archive_read_new();
        int r;

        x.root = fcntl(directory, F_DUPFD_CLOEXEC, 3);
        x.directory = "";
        (void) archive_read_support_filter_all(a);
        (void) archive_read_support_format_tar(a);
        r = archive_read_open_fd(a, fd, 65536) == ARCHIVE_OK ? 0
                                                             : extract_fail(a, "steamcmd's archive", error);
        while (r >= 0) {
                int s = archive_read_next_header(a, &entry);

                if (s == ARCHIVE_EOF)
                        break;
                r = s < ARCHIVE_WARN ? extract_fail(a, "steamcmd's archive", error)
                                     : extract_entry(&x, a, entry, error);
        }

        (void) archive_read_free(a);
        return r;
}

int steam_fetch_installer(const SteamOrder *order, const char *cache, FILE *out, GError **error) {
        _cleanup_fd_ int root = -1, archive = -1, fresh = -1;
        int r;

        root = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return fail_errno(error, errno, "cannot open Steam's cache");
        if (faccessat(root, "steamcmd/linux32/steamcmd", X_OK, 0) >= 0)
                return 0;

        (void) fprintf(out, "@progress -1 fetches steamcmd\n");
        (void) fflush(out);
        archive = download(order, root, error);
        if (archive < 0)
                return archive;

        /* What an interrupted one left. It is whole when it has its name. */
        r = remove_tree(root, "steamcmd.new");
        if (r >= 0)
                r = remove_tree(root, "steamcmd");
        if (r < 0)
                return fail_errno(error, -r, "cannot clear Steam's cache");
        fresh = beneath_make(root, "steamcmd.new", 0755);
        if (fresh < 0)
                return fail_errno(error, -fresh, "cannot make a directory in Steam's cache");

        r = unpack(archive, fresh, error);
        if (r < 0)
                return r;
        if (faccessat(fresh, "linux32/steamcmd", X_OK, 0) < 0)
                return fail(error, ENOENT,
                        "what %s gave is no archive of steamcmd: linux32/steamcmd is not in it",
                        order->installer);
        if (renameat(root, "steamcmd.new", root, "steamcmd") < 0)
                return fail_errno(error, errno, "cannot put steamcmd into its place");
        return 0;
}
