/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/shield-config.h"

#define NUMBER_MAX 1000000U

/* No client's datagram is longer: the engine splits above 1260 bytes (net_maxroutable), a query may have 1400. */
#define LENGTH_MIN 1260U
#define LENGTH_DEFAULT 1400U
#define LENGTH_MAX 65507U

static const char *const modes[_SHIELD_MODE_MAX] = { "off", "count", "on" };

/*
 * The bytes are those of proto_oob.h in Valve's public SDK and of the server queries. The limits lie between those of others who run
 * this game (20/s burst 40 and 16/s burst 80 for info, 4/s burst 16 for connecting); the bursts are wider, because the players of
 * a whole LAN party come from one address, all at once: each browser asks info, players and rules in two packets each, joining
 * takes two more, and may be repeated. The engine itself answers 60 queries a second (sv_max_queries_sec_global) and no more: a flood
 * from invented addresses, which gets half of a port's limits, must leave it some for others.
 */
static const struct {
        const char *name, *key;
        const char *bytes;
        size_t n_bytes;
        ShieldLimit limit;
} kinds[_SHIELD_KIND_MAX] = {
        [SHIELD_INFO] = { "info", "Info", "T", 1, { 20, 120, 40, 600 } },
        [SHIELD_PLAYERS] = { "players", "Players", "U", 1, { 10, 120, 20, 400 } },
        [SHIELD_RULES] = { "rules", "Rules", "V", 1, { 10, 120, 20, 400 } },
        [SHIELD_CHALLENGE] = { "challenge", "Challenge", "W", 1, { 10, 60, 100, 300 } },
        [SHIELD_CONNECT] = { "connect", "Connect", "qk", 2, { 10, 120, 100, 400 } },
        [SHIELD_LOBBY] = { "lobby", "Lobby", "ni!$Y\0", 6, { 10, 90, 100, 300 } },
        [SHIELD_OTHER] = { "other", "Other", NULL, 0, { 5, 60, 50, 200 } },
        [SHIELD_EMPTY] = { "empty", NULL, NULL, 0, { 0 } },
        [SHIELD_MALFORMED] = { "malformed", NULL, NULL, 0, { 0 } },
};

static const struct {
        const char *suffix;
        size_t offset;
} parts[] = {
        { "SourceRate", offsetof(ShieldLimit, source_rate) },
        { "SourceBurst", offsetof(ShieldLimit, source_burst) },
        { "PortRate", offsetof(ShieldLimit, port_rate) },
        { "PortBurst", offsetof(ShieldLimit, port_burst) },
};

#define N_PARTS G_N_ELEMENTS(parts)
#define N_LIMITS (_SHIELD_LIMITED_MAX * N_PARTS)

const char *shield_mode_to_string(ShieldMode mode) {
        return mode >= 0 && mode < _SHIELD_MODE_MAX ? modes[mode] : NULL;
}

ShieldMode shield_mode_from_string(const char *text) {
        for (unsigned mode = 0; mode < _SHIELD_MODE_MAX; mode++)
                if (g_str_equal(modes[mode], text))
                        return (ShieldMode) mode;

        return _SHIELD_MODE_INVALID;
}

const char *shield_kind_to_string(ShieldKind kind) {
        return kind >= 0 && kind < _SHIELD_KIND_MAX ? kinds[kind].name : NULL;
}

ShieldKind shield_kind_from_string(const char *text) {
        for (unsigned kind = 0; kind < _SHIELD_KIND_MAX; kind++)
                if (g_str_equal(kinds[kind].name, text))
                        return (ShieldKind) kind;

        return _SHIELD_KIND_INVALID;
}

const char *shield_kind_bytes(ShieldKind kind, size_t *ret_n) {
        *ret_n = kinds[kind].n_bytes;
        return kinds[kind].bytes;
}

void shield_config_init(ShieldConfig *c) {
        *c = (ShieldConfig){ .mode = SHIELD_ON, .maximum_length = LENGTH_DEFAULT };
        for (unsigned kind = 0; kind < _SHIELD_LIMITED_MAX; kind++)
                c->limits[kind] = kinds[kind].limit;
}

char *shield_config_number_name(unsigned index) {
        if (index < N_LIMITS)
                return g_strconcat(kinds[index / N_PARTS].key, parts[index % N_PARTS].suffix, NULL);

        return index == N_LIMITS ? g_strdup("MaximumLength") : NULL;
}

static uint32_t *number_at(ShieldConfig *c, unsigned index) {
        if (index == N_LIMITS)
                return &c->maximum_length;

        return (uint32_t *) (void *) ((char *) &c->limits[index / N_PARTS] + parts[index % N_PARTS].offset);
}

uint32_t *shield_config_number(ShieldConfig *c, const char *name) {
        for (unsigned i = 0; i <= N_LIMITS; i++) {
                g_autofree char *each = shield_config_number_name(i);

                if (g_str_equal(each, name))
                        return number_at(c, i);
        }

        return NULL;
}

static int refuse(char **ret_why, const char *key, const char *rule) {
        *ret_why = g_strconcat(key, rule, NULL);
        return -EINVAL;
}

static int check_limit(const char *key, const ShieldLimit *l, char **ret_why) {
        const uint32_t numbers[] = { l->source_rate, l->source_burst, l->port_rate, l->port_burst };

        for (size_t i = 0; i < N_PARTS; i++)
                if (numbers[i] < 1 || numbers[i] > NUMBER_MAX) {
                        g_autofree char *name = g_strconcat(key, parts[i].suffix, NULL);

                        return refuse(ret_why, name, " is a number from 1 to 1000000.");
                }

        if ((uint64_t) l->source_burst > (uint64_t) l->source_rate * SHIELD_MEMORY)
                return refuse(ret_why, key,
                        "SourceBurst is at most 60 times the rate: a source is remembered for a minute.");
        if ((uint64_t) l->port_burst > (uint64_t) l->port_rate * SHIELD_MEMORY)
                return refuse(ret_why, key,
                        "PortBurst is at most 60 times the rate: it is remembered for a minute.");
        /* Those who are new to a port share one half of its limit, and must not be worse off than a single one of them. */
        if (l->port_rate < 2 * l->source_rate)
                return refuse(ret_why, key, "PortRate is at least twice the rate of a single source.");
        if (l->port_burst < 2 * l->source_burst)
                return refuse(ret_why, key, "PortBurst is at least twice the burst of a single source.");

        return 0;
}

int shield_config_check(const ShieldConfig *c, char **ret_why) {
        if (c->maximum_length < LENGTH_MIN || c->maximum_length > LENGTH_MAX)
                return refuse(ret_why, "MaximumLength",
                        " is a number of bytes from 1260, which players may send, to 65507.");

        for (unsigned kind = 0; kind < _SHIELD_LIMITED_MAX; kind++) {
                int r = check_limit(kinds[kind].key, &c->limits[kind], ret_why);

                if (r < 0)
                        return r;
        }

        return 0;
}

bool shield_config_equal(const ShieldConfig *a, const ShieldConfig *b) {
        return a->mode == b->mode && a->maximum_length == b->maximum_length &&
               memcmp(a->limits, b->limits, sizeof(a->limits)) == 0;
}

char *shield_config_to_text(const ShieldConfig *c) {
        GString *text = g_string_new(NULL);
        ShieldConfig defaults, copy = *c;

        shield_config_init(&defaults);
        g_string_append_printf(text, "Mode=%s\n", shield_mode_to_string(c->mode));
        for (unsigned i = 0; i <= N_LIMITS; i++) {
                g_autofree char *name = shield_config_number_name(i);
                uint32_t number = *number_at(&copy, i);

                if (number != *number_at(&defaults, i))
                        g_string_append_printf(text, "%s=%u\n", name, (unsigned) number);
        }

        return g_string_free(text, FALSE);
}

void shield_config_from_text(const char *text, ShieldConfig *ret) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_autofree char *why = NULL;
        ShieldConfig c;

        shield_config_init(&c);
        for (char **line = lines; *line; line++) {
                char *value = strchr(*line, '=');
                uint32_t *number;
                guint64 n;

                if (!value)
                        continue;
                *value++ = '\0';

                if (g_str_equal(*line, "Mode")) {
                        ShieldMode mode = shield_mode_from_string(value);

                        if (mode >= 0)
                                c.mode = mode;
                        continue;
                }

                number = shield_config_number(&c, *line);
                if (number && g_ascii_string_to_unsigned(value, 10, 0, UINT32_MAX, &n, NULL))
                        *number = (uint32_t) n;
        }

        if (shield_config_check(&c, &why) < 0) {
                ShieldMode mode = c.mode;

                shield_config_init(&c);
                c.mode = mode;
        }
        *ret = c;
}
