/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>

#include "service/shaper-networkd.h"
#include "service/util.h"

#define FILE_MAX (64U * 1024)
#define FILES_MAX 64U

/* Those sections of a .network file whose Parent= is the root unless it says otherwise (systemd.network(5)). */
static const char *const sections[] = {
        "BFIFO",
        "CAKE",
        "ControlledDelay",
        "DeficitRoundRobinScheduler",
        "EnhancedTransmissionSelection",
        "FairQueueing",
        "FairQueueingControlledDelay",
        "FlowQueuePIE",
        "GenericRandomEarlyDetection",
        "HeavyHitterFilter",
        "HierarchyTokenBucket",
        "NetworkEmulator",
        "PFIFO",
        "PFIFOFast",
        "PFIFOHeadDrop",
        "PIE",
        "QuickFairQueueing",
        "StochasticFairBlue",
        "StochasticFairnessQueueing",
        "TokenBucketFilter",
        "TrivialLinkEqualizer",
        NULL,
};

/* The section that a line opens, NULL if it opens none. */
static char *section_of(char *line) {
        size_t n;

        line = g_strstrip(line);
        n = strlen(line);
        if (n < 3 || line[0] != '[' || line[n - 1] != ']')
                return NULL;

        line[n - 1] = '\0';
        return line + 1;
}

/* Whether this line hangs what its section describes anywhere but at the root. */
static bool is_child(const char *line) {
        static const char key[] = "Parent";
        const char *value;

        if (!g_str_has_prefix(line, key))
                return false;

        value = line + strlen(key);
        value += strspn(value, " \t");
        if (*value != '=')
                return false;

        value++;
        value += strspn(value, " \t");
        return *value != '\0' && !g_str_equal(value, "root");
}

static char *find_section(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        const char *found = NULL;

        for (char **line = lines; *line; line++) {
                char *section = section_of(*line);

                if (section && found)
                        break;
                if (section)
                        found = g_strv_contains(sections, section) ? section : NULL;
                else if (found && is_child(*line))
                        found = NULL;
        }

        return g_strdup(found);
}

static char *section_in_file(const char *root, const char *path) {
        g_autofree char *full = g_strconcat(root, path, NULL), *text = NULL;

        return file_read(AT_FDCWD, full, FILE_MAX, &text) < 0 ? NULL : find_section(text);
}

/* The values of NETWORK_FILE= and NETWORK_FILE_DROPINS= of networkd's state of a link; paths of its own, quoted when there are several. */
static char **read_paths(const char *state) {
        g_auto(GStrv) lines = g_strsplit(state, "\n", -1);
        g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
        unsigned n = 0;

        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = NULL;
                char *value = strchr(*line, '=');

                if (!value || !g_str_has_prefix(*line, "NETWORK_FILE"))
                        continue;

                words = g_strsplit_set(value + 1, "\" ", -1);
                for (char **word = words; *word && n < FILES_MAX; word++)
                        if (**word == '/') {
                                g_strv_builder_add(paths, *word);
                                n++;
                        }
        }

        return g_strv_builder_end(paths);
}

char *networkd_manages_queue(const char *root, int link) {
        g_autofree char *path = g_strdup_printf("%s/run/systemd/netif/links/%d", root, link), *state = NULL;
        g_auto(GStrv) paths = NULL;

        if (file_read(AT_FDCWD, path, FILE_MAX, &state) < 0)
                return NULL;

        paths = read_paths(state);
        for (char **p = paths; *p; p++) {
                g_autofree char *section = section_in_file(root, *p);

                if (section)
                        return g_strdup_printf("systemd-networkd ([%s] in %s)", section, *p);
        }

        return NULL;
}
