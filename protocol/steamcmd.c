/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/keyvalues.h"
#include "protocol/steamcmd.h"

static const struct {
        const char *word; /* in the brackets behind "Failed to install app" */
        SteamcmdFault fault;
} install_faults[] = {
        { "Invalid platform", STEAMCMD_INVALID_PLATFORM },
        { "Missing configuration", STEAMCMD_MISSING_CONFIGURATION },
        { "No subscription", STEAMCMD_NO_SUBSCRIPTION },
        { "Disk write failure", STEAMCMD_DISK },
        { "No connection", STEAMCMD_NETWORK },
        { "Timeout", STEAMCMD_NETWORK },
        { "Rate limit exceeded", STEAMCMD_RATE_LIMIT },
        { "Corrupt", STEAMCMD_DAMAGED },
};

static const struct {
        const char *word; /* in the brackets behind "Download item N failed" */
        SteamcmdFault fault;
} item_faults[] = {
        { "Failure", STEAMCMD_AGAIN },
        { "Timeout", STEAMCMD_AGAIN },
        { "No Connection", STEAMCMD_NETWORK },
        { "Rate Limit Exceeded", STEAMCMD_RATE_LIMIT },
        { "Disk Write Failure", STEAMCMD_DISK },
        { "No subscription", STEAMCMD_NO_SUBSCRIPTION },
};

static const struct {
        uint32_t state; /* StateFlags */
        SteamcmdFault fault;
} state_faults[] = {
        { 0x10E, STEAMCMD_AGAIN },
        { 0x202, STEAMCMD_DISK },
        { 0x212, STEAMCMD_DISK },
        { 0x606, STEAMCMD_DISK },
        { 0x402, STEAMCMD_NETWORK },
        { 0x602, STEAMCMD_NETWORK },
        { 0x626, STEAMCMD_DAMAGED },
        { 0x6A6, STEAMCMD_DAMAGED },
};

static const struct {
        const char *text; /* anywhere in the line */
        SteamcmdFault fault;
} other_faults[] = {
        { "FAILED (Rate Limit Exceeded)", STEAMCMD_RATE_LIMIT },
        { "FAILED (Invalid Password)", STEAMCMD_LOGIN },
        { "FAILED login with result code", STEAMCMD_LOGIN },
        { "Two-factor code mismatch", STEAMCMD_LOGIN },
        { "ERROR! Not logged on", STEAMCMD_LOGIN },
        { "FAILED (No Connection)", STEAMCMD_NETWORK },
        { "Password check for AppId", STEAMCMD_BRANCH },
        { "Steamcmd needs to be online to update", STEAMCMD_OFFLINE },
        { "Failed to load steam.dll", STEAMCMD_OFFLINE },
};

static const char *const fault_texts[_STEAMCMD_FAULT_MAX] = {
        [STEAMCMD_FAULT_NONE] = "nothing is wrong",
        [STEAMCMD_INVALID_PLATFORM] =
                "Steam has nothing for this platform, neither before nor after the pass for Windows",
        [STEAMCMD_MISSING_CONFIGURATION] =
                "Steam does not tell how the app is installed (Missing configuration). That passes by itself: try again in some minutes",
        [STEAMCMD_NO_SUBSCRIPTION] = "the anonymous account may not have this app: check the app id",
        [STEAMCMD_DISK] =
                "the disk is full or not writable: free some space below /var/lib/left4me and build again",
        [STEAMCMD_NETWORK] = "Steam cannot be reached: check the host's way to the Internet and build again",
        [STEAMCMD_RATE_LIMIT] = "Steam lets this address wait: build again in half an hour",
        [STEAMCMD_DAMAGED] =
                "files are missing or damaged, and checking all of them did not help: build again",
        [STEAMCMD_AGAIN] = "Steam was not ready for it: build again",
        [STEAMCMD_LOGIN] =
                "the anonymous login was refused: Steam may be down for maintenance, build again later",
        [STEAMCMD_BRANCH] = "there is no such branch, or it wants a password: check the branch",
        [STEAMCMD_OFFLINE] =
                "steamcmd could not renew itself: check the host's way to the Internet (media.steampowered.com) and build again",
        [STEAMCMD_UNKNOWN] = "steamcmd failed for a reason that left4me does not know: see the job's log",
};

const char *steamcmd_fault_text(SteamcmdFault fault) {
        return fault_texts[fault < _STEAMCMD_FAULT_MAX ? fault : STEAMCMD_UNKNOWN];
}

bool steamcmd_fault_passes(SteamcmdFault fault) {
        return fault == STEAMCMD_MISSING_CONFIGURATION || fault == STEAMCMD_NETWORK ||
               fault == STEAMCMD_AGAIN || fault == STEAMCMD_DAMAGED || fault == STEAMCMD_OFFLINE;
}

/* Behind an escape: where the sequence ends. */
static const char *skip_escape(const char *p) {
        if (*p == ']') {
                while (*p && *p != '\a' && *p != '\033')
                        p++;
                return *p ? p + 1 : p;
        }

        if (*p != '[')
                return *p ? p + 1 : p;

        for (p++; *p && !(*p >= '@' && *p <= '~');)
                p++;
        return *p ? p + 1 : p;
}

void steamcmd_clean(char *line) {
        const char *p = line;
        char *out = line;

        while (*p) {
                if (*p == '\033')
                        p = skip_escape(p + 1);
                else if (*p == '\r' && p[1] && p[1] != '\n' && p[1] != '\r') {
                        out = line;
                        p++;
                } else {
                        if (*p == '\t' || (guchar) *p >= ' ')
                                *out++ = *p;
                        p++;
                }
        }

        while (out > line && out[-1] == ' ')
                out--;
        *out = '\0';
}

static void take_state(SteamcmdLine *l, const char *text, size_t size) {
        size_t n = MIN(size, sizeof(l->state) - 1);

        for (size_t i = 0; i < n; i++)
                l->state[i] = g_ascii_isprint(text[i]) ? text[i] : '?';
        l->state[n] = '\0';
}

/* " Update state (0x61) downloading, progress: 68.09 (48404306198 / 71089555502)" */
static bool read_progress(const char *line, SteamcmdLine *l) {
        const char *text, *comma, *slash;
        double percent;
        char *end;

        while (*line == ' ')
                line++;
        if (!g_str_has_prefix(line, "Update state (0x"))
                return false;

        text = strstr(line, ") ");
        comma = text ? strstr(text, ", progress: ") : NULL;
        if (!comma)
                return false;

        percent = g_ascii_strtod(comma + strlen(", progress: "), &end);
        slash = g_str_has_prefix(end, " (") ? strstr(end, " / ") : NULL;
        if (!slash || !(percent >= 0 && percent <= 100))
                return false;

        l->percent = percent;
        l->done = g_ascii_strtoull(end + 2, NULL, 10);
        l->total = g_ascii_strtoull(slash + 3, NULL, 10);
        take_state(l, text + 2, (size_t) (comma - text - 2));
        l->event = STEAMCMD_PROGRESS;
        return true;
}

/* "[ 12%] Downloading update (1,234 of 45,678 KB)...", "[----] Installing update..." */
static bool read_bootstrap(const char *line, SteamcmdLine *l) {
        const char *close = *line == '[' ? strchr(line, ']') : NULL;

        if (!close || close[1] != ' ' || close - line > 6)
                return false;

        l->event = STEAMCMD_BOOTSTRAP;
        l->percent = close[-1] == '%' ? g_ascii_strtod(line + 1, NULL) : -1;
        if (!(l->percent >= -1 && l->percent <= 100))
                l->percent = -1;
        take_state(l, close + 2, strcspn(close + 2, "("));
        g_strchomp(l->state);
        return true;
}

static bool read_app(const char *line, const char *prefix, uint32_t *ret, const char **ret_rest) {
        const char *p = g_str_has_prefix(line, prefix) ? line + strlen(prefix) : NULL;
        guint64 app;
        char *end;

        if (!p || *p != '\'')
                return false;

        app = g_ascii_strtoull(p + 1, &end, 10);
        if (end == p + 1 || *end != '\'' || app > UINT32_MAX)
                return false;

        *ret = (uint32_t) app;
        *ret_rest = end + 1;
        return true;
}

/* A number in decimals, not 0, of 64 bits. */
static bool read_item_number(const char *text, uint64_t *ret, const char **ret_rest) {
        size_t n = strspn(text, G_CSET_DIGITS);
        g_autofree char *digits = g_strndup(text, n);

        *ret_rest = text + n;
        return g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT64, ret, NULL);
}

static void take_item_fault(const char *rest, SteamcmdLine *l) {
        size_t n = strcspn(rest, ")");

        take_state(l, rest, rest[n] == ')' ? n : 0);
        l->fault = STEAMCMD_UNKNOWN;
        for (size_t i = 0; i < G_N_ELEMENTS(item_faults); i++)
                if (g_ascii_strcasecmp(l->state, item_faults[i].word) == 0)
                        l->fault = item_faults[i].fault;
}

static const struct {
        const char *begin, *rest;
        SteamcmdEvent event;
} item_lines[] = {
        { "Downloading item ", " ...", STEAMCMD_ITEM_BEGUN },
        { "Success. Downloaded item ", " to \"", STEAMCMD_ITEM_DONE },
        { "ERROR! Download item ", " failed (", STEAMCMD_ITEM_FAILED },
        { "ERROR! Timeout downloading item ", "", STEAMCMD_ITEM_FAILED },
};

const char *steamcmd_next(const char *line) {
        const char *next = NULL;

        if (*line == '\0')
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(item_lines); i++) {
                const char *p = strstr(line + 1, item_lines[i].begin);

                if (p && (!next || p < next))
                        next = p;
        }
        return next;
}

static bool read_item(const char *line, SteamcmdLine *l) {
        const char *rest;

        for (size_t i = 0; i < G_N_ELEMENTS(item_lines); i++) {
                if (!g_str_has_prefix(line, item_lines[i].begin) ||
                        !read_item_number(line + strlen(item_lines[i].begin), &l->item, &rest) ||
                        !g_str_has_prefix(rest, item_lines[i].rest))
                        continue;

                l->event = item_lines[i].event;
                if (l->event == STEAMCMD_ITEM_FAILED)
                        take_item_fault(
                                *item_lines[i].rest ? rest + strlen(item_lines[i].rest) : "Timeout)", l);
                return true;
        }

        l->item = 0;
        return false;
}

static SteamcmdFault install_fault(const char *text) {
        for (size_t i = 0; i < G_N_ELEMENTS(install_faults); i++)
                if (strstr(text, install_faults[i].word))
                        return install_faults[i].fault;

        return STEAMCMD_UNKNOWN;
}

static SteamcmdFault state_fault(const char *text) {
        const char *hex = strstr(text, "state is 0x");
        guint64 state = hex ? g_ascii_strtoull(hex + strlen("state is 0x"), NULL, 16) : 0;

        for (size_t i = 0; i < G_N_ELEMENTS(state_faults); i++)
                if (state_faults[i].state == state)
                        return state_faults[i].fault;

        return STEAMCMD_UNKNOWN;
}

static bool read_failure(const char *line, SteamcmdLine *l) {
        const char *rest;

        l->event = STEAMCMD_FAILED;
        if (read_app(line, "ERROR! Failed to install app ", &l->app, &rest))
                l->fault = install_fault(rest);
        else if (read_app(line, "Error! App ", &l->app, &rest))
                l->fault = state_fault(rest);
        else {
                for (size_t i = 0; i < G_N_ELEMENTS(other_faults); i++)
                        if (strstr(line, other_faults[i].text)) {
                                l->fault = other_faults[i].fault;
                                return true;
                        }

                if (g_str_has_prefix(line, "ERROR!"))
                        l->fault = STEAMCMD_UNKNOWN;
                else
                        l->event = STEAMCMD_OTHER;
        }

        return l->event == STEAMCMD_FAILED;
}

void steamcmd_read(const char *line, SteamcmdLine *ret) {
        const char *rest;

        *ret = (SteamcmdLine){ .event = STEAMCMD_OTHER };
        if (read_progress(line, ret) || read_bootstrap(line, ret) || read_item(line, ret) ||
                read_failure(line, ret))
                return;

        if (read_app(line, "Success! App ", &ret->app, &rest)) {
                ret->current = strstr(rest, "already up to date") != NULL;
                if (ret->current || strstr(rest, "fully installed"))
                        ret->event = STEAMCMD_SUCCESS;
        }
}

/* It becomes a word of steamcmd's command line, where a plus begins a command and a minus an option. */
bool steam_branch_is_valid(const char *branch) {
        size_t n = strspn(branch, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-");

        return n > 0 && n <= STEAM_BRANCH_MAX && branch[n] == '\0' && *branch != '-';
}

static uint64_t number_of(const KeyValues *kv, const char *key) {
        const char *value = keyvalues_get_value(kv, key);

        return value ? g_ascii_strtoull(value, NULL, 10) : 0;
}

int steam_manifest_parse(const char *text, size_t size, SteamManifest *ret) {
        g_autoptr(KeyValues) kv = NULL;
        const KeyValues *state;
        int r;

        r = keyvalues_parse(text, size, &kv);
        if (r < 0)
                return r == -EMSGSIZE ? -EBADMSG : r;

        state = keyvalues_get(kv, "AppState");
        if (!state || !keyvalues_get_value(state, "appid") || !keyvalues_get_value(state, "StateFlags"))
                return -EBADMSG;

        *ret = (SteamManifest){
                .app = (uint32_t) MIN(number_of(state, "appid"), UINT32_MAX),
                .flags = (uint32_t) MIN(number_of(state, "StateFlags"), UINT32_MAX),
                .build = number_of(state, "buildid"),
                .to_download = number_of(state, "BytesToDownload"),
                .downloaded = number_of(state, "BytesDownloaded"),
                .to_stage = number_of(state, "BytesToStage"),
                .staged = number_of(state, "BytesStaged"),
        };
        return 0;
}

bool steam_manifest_is_healthy(const SteamManifest *m) {
        return m->flags == STEAM_FULLY_INSTALLED && m->build > 0 && m->downloaded == m->to_download &&
               m->staged == m->to_stage;
}

/* Where the line begins that is the app's number in quotes and nothing else; behind it stands its block. */
static const char *find_app(const char *output, const char *end, uint32_t app) {
        g_autofree char *line = g_strdup_printf("\"%u\"", app);
        size_t n = strlen(line);

        for (const char *p = output; p && p < end;) {
                if ((size_t) (end - p) > n && memcmp(p, line, n) == 0 && (p[n] == '\n' || p[n] == '\r'))
                        return p;
                p = memchr(p, '\n', (size_t) (end - p));
                p = p ? p + 1 : NULL;
        }

        return NULL;
}

/* The end of the block behind the name at p: no quoted text of steamcmd's holds a brace. */
static const char *find_end(const char *p, const char *end) {
        unsigned depth = 0;

        for (; p < end; p++) {
                if (*p == '{')
                        depth++;
                else if (*p == '}' && (depth <= 1))
                        return depth == 1 ? p + 1 : NULL;
                else if (*p == '}')
                        depth--;
        }

        return NULL;
}

int steam_branch_build(const char *output, size_t size, uint32_t app, const char *branch, uint64_t *ret) {
        const char *begin = find_app(output, output + size, app), *end;
        g_autoptr(KeyValues) kv = NULL;
        g_autofree char *name = g_strdup_printf("%u", app);
        const KeyValues *branches;
        uint64_t build;

        end = begin ? find_end(begin, output + size) : NULL;
        if (!end || keyvalues_parse(begin, (size_t) (end - begin), &kv) < 0)
                return -ENODATA;

        branches = keyvalues_get(keyvalues_get(keyvalues_get(kv, name), "depots"), "branches");
        if (!branches)
                return -ENODATA;

        build = number_of(keyvalues_get(branches, branch), "buildid");
        if (build == 0)
                return -ENOENT;

        *ret = build;
        return 0;
}
