/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "protocol/a2s.h"
#include "protocol/wire.h"

#define WHOLE 0xFFFFFFFFU
#define PART 0xFFFFFFFEU

/* The NUL at its end is a part of the request. */
static const char info_text[] = "Source Engine Query";

static const char letters[] = {
        [A2S_INFO_REQUEST] = 'T',
        [A2S_PLAYER_REQUEST] = 'U',
        [A2S_RULES_REQUEST] = 'V',
        [A2S_CHALLENGE] = 'A',
        [A2S_INFO_REPLY] = 'I',
        [A2S_PLAYER_REPLY] = 'D',
        [A2S_RULES_REPLY] = 'E',
};

/* Also takes the first five bytes. */
static int read_type(Wire *w) {
        uint32_t marker;
        uint8_t letter;

        if (!wire_read_u32(w, &marker))
                return -EBADMSG;
        if (marker == PART)
                return A2S_PART;
        if (marker != WHOLE || !wire_read_u8(w, &letter))
                return -EBADMSG;

        for (size_t i = 0; i < G_N_ELEMENTS(letters); i++)
                if ((uint8_t) letters[i] == letter)
                        return (int) i;
        return -ENOTSUP;
}

int a2s_type(const void *data, size_t size) {
        Wire w = { data, size };

        return read_type(&w);
}

static int expect_type(Wire *w, A2sType type) {
        int r;

        r = read_type(w);
        if (r == -ENOTSUP)
                return -EPROTO;
        if (r < 0)
                return r;
        return r == (int) type ? 0 : -EPROTO;
}

static void append_type(GByteArray *out, A2sType type) {
        wire_append_u32(out, WHOLE);
        wire_append_u8(out, (uint8_t) letters[type]);
}

void a2s_encode_request(GByteArray *out, const A2sRequest *request) {
        append_type(out, request->type);
        if (request->type == A2S_INFO_REQUEST)
                wire_append_string(out, info_text);
        if (request->has_challenge)
                wire_append_u32(out, request->challenge);
        else if (request->type != A2S_INFO_REQUEST)
                wire_append_u32(out, A2S_NO_CHALLENGE);
}

int a2s_decode_request(const void *data, size_t size, A2sRequest *ret) {
        Wire w = { data, size };
        A2sRequest request = { 0 };
        const char *text;
        int type;

        type = read_type(&w);
        if (type == -EBADMSG)
                return type;
        if (type != A2S_INFO_REQUEST && type != A2S_PLAYER_REQUEST && type != A2S_RULES_REQUEST)
                return -EPROTO;
        request.type = (A2sType) type;

        if (request.type == A2S_INFO_REQUEST &&
                (!wire_read_string(&w, &text) || strcmp(text, info_text) != 0))
                return -EBADMSG;
        request.has_challenge = wire_read_u32(&w, &request.challenge);
        if (request.type != A2S_INFO_REQUEST) {
                if (!request.has_challenge)
                        return -EBADMSG;
                request.has_challenge = request.challenge != A2S_NO_CHALLENGE;
        }
        *ret = request;
        return 0;
}

void a2s_encode_challenge(GByteArray *out, uint32_t challenge) {
        append_type(out, A2S_CHALLENGE);
        wire_append_u32(out, challenge);
}

int a2s_decode_challenge(const void *data, size_t size, uint32_t *ret) {
        Wire w = { data, size };
        int r;

        r = expect_type(&w, A2S_CHALLENGE);
        if (r < 0)
                return r;
        return wire_read_u32(&w, ret) ? 0 : -EBADMSG;
}

void a2s_info_free(A2sInfo *info) {
        if (!info)
                return;

        g_free(info->name);
        g_free(info->map);
        g_free(info->folder);
        g_free(info->game);
        g_free(info->version);
        g_free(info->tv_name);
        g_free(info->keywords);
        g_free(info);
}

static bool read_letter(Wire *w, char *ret) {
        uint8_t letter;

        if (!wire_read_u8(w, &letter))
                return false;
        *ret = g_ascii_tolower((char) letter);
        return true;
}

static bool read_bool(Wire *w, bool *ret) {
        uint8_t value;

        if (!wire_read_u8(w, &value))
                return false;
        *ret = value != 0;
        return true;
}

/* The fields that bits announce. Their order is not that of the bits; after one that is cut off nothing can follow. */
static void read_extra(Wire *w, A2sInfo *info, uint8_t announced) {
        g_autofree char *tv_name = NULL;
        uint16_t tv_port;

        if (announced & A2S_HAS_PORT) {
                if (!wire_read_u16(w, &info->port))
                        return;
                info->has |= A2S_HAS_PORT;
        }
        if (announced & A2S_HAS_STEAM_ID) {
                if (!wire_read_u64(w, &info->steam_id))
                        return;
                info->has |= A2S_HAS_STEAM_ID;
        }
        if (announced & A2S_HAS_TV) {
                if (!wire_read_u16(w, &tv_port) || !wire_read_text(w, &tv_name))
                        return;
                info->tv_port = tv_port;
                info->tv_name = g_steal_pointer(&tv_name);
                info->has |= A2S_HAS_TV;
        }
        if (announced & A2S_HAS_KEYWORDS) {
                if (!wire_read_text(w, &info->keywords))
                        return;
                info->has |= A2S_HAS_KEYWORDS;
        }
        if ((announced & A2S_HAS_GAME_ID) && wire_read_u64(w, &info->game_id))
                info->has |= A2S_HAS_GAME_ID;
}

int a2s_decode_info(const void *data, size_t size, A2sInfo **ret) {
        g_autoptr(A2sInfo) info = g_new0(A2sInfo, 1);
        Wire w = { data, size };
        uint8_t announced;
        int r;

        r = expect_type(&w, A2S_INFO_REPLY);
        if (r < 0)
                return r;
        if (!wire_read_u8(&w, &info->protocol) || !wire_read_text(&w, &info->name) ||
                !wire_read_text(&w, &info->map) || !wire_read_text(&w, &info->folder) ||
                !wire_read_text(&w, &info->game) || !wire_read_u16(&w, &info->app_id) ||
                !wire_read_u8(&w, &info->players) || !wire_read_u8(&w, &info->max_players) ||
                !wire_read_u8(&w, &info->bots) || !read_letter(&w, &info->server_type) ||
                !read_letter(&w, &info->environment) || !read_bool(&w, &info->password) ||
                !read_bool(&w, &info->vac) || !wire_read_text(&w, &info->version))
                return -EBADMSG;

        if (wire_read_u8(&w, &announced))
                read_extra(&w, info, announced);
        info->tv_name = info->tv_name ?: g_strdup("");
        info->keywords = info->keywords ?: g_strdup("");
        *ret = g_steal_pointer(&info);
        return 0;
}

/* What was appended since start is taken back when it is too long. */
static int check_size(GByteArray *out, guint start) {
        if (out->len - start <= A2S_REPLY_MAX)
                return 0;

        g_byte_array_set_size(out, start);
        return -EMSGSIZE;
}

int a2s_encode_info(GByteArray *out, const A2sInfo *info) {
        guint start = out->len;

        append_type(out, A2S_INFO_REPLY);
        wire_append_u8(out, info->protocol);
        wire_append_string(out, info->name);
        wire_append_string(out, info->map);
        wire_append_string(out, info->folder);
        wire_append_string(out, info->game);
        wire_append_u16(out, info->app_id);
        wire_append_u8(out, info->players);
        wire_append_u8(out, info->max_players);
        wire_append_u8(out, info->bots);
        wire_append_u8(out, (uint8_t) info->server_type);
        wire_append_u8(out, (uint8_t) info->environment);
        wire_append_u8(out, info->password);
        wire_append_u8(out, info->vac);
        wire_append_string(out, info->version);
        wire_append_u8(out, info->has);
        if (info->has & A2S_HAS_PORT)
                wire_append_u16(out, info->port);
        if (info->has & A2S_HAS_STEAM_ID)
                wire_append_u64(out, info->steam_id);
        if (info->has & A2S_HAS_TV) {
                wire_append_u16(out, info->tv_port);
                wire_append_string(out, info->tv_name);
        }
        if (info->has & A2S_HAS_KEYWORDS)
                wire_append_string(out, info->keywords);
        if (info->has & A2S_HAS_GAME_ID)
                wire_append_u64(out, info->game_id);
        return check_size(out, start);
}

static void player_free(void *player) {
        A2sPlayer *p = player;

        g_free(p->name);
        g_free(p);
}

GPtrArray *a2s_players_new(void) {
        return g_ptr_array_new_with_free_func(player_free);
}

void a2s_players_add(GPtrArray *players, const char *name, int32_t score, double seconds) {
        A2sPlayer *p = g_new0(A2sPlayer, 1);

        p->name = g_strdup(name);
        p->score = score;
        p->seconds = seconds;
        g_ptr_array_add(players, p);
}

static double seconds_from_wire(uint32_t bits) {
        float seconds;

        memcpy(&seconds, &bits, sizeof(seconds));
        return isfinite(seconds) && seconds >= 0 ? (double) seconds : -1;
}

int a2s_decode_players(const void *data, size_t size, GPtrArray **ret) {
        g_autoptr(GPtrArray) players = a2s_players_new();
        Wire w = { data, size };
        uint32_t score, seconds;
        uint8_t byte;
        int r;

        r = expect_type(&w, A2S_PLAYER_REPLY);
        if (r < 0)
                return r;
        if (!wire_read_u8(&w, &byte))
                return -EBADMSG;

        /* The byte before each name is an index that is always 0. */
        while (players->len < A2S_PLAYERS_MAX && wire_read_u8(&w, &byte)) {
                g_autofree char *name = NULL;

                if (!wire_read_text(&w, &name) || !wire_read_u32(&w, &score) || !wire_read_u32(&w, &seconds))
                        break;
                a2s_players_add(players, name, (int32_t) score, seconds_from_wire(seconds));
        }
        *ret = g_steal_pointer(&players);
        return 0;
}

int a2s_encode_players(GByteArray *out, const GPtrArray *players) {
        guint start = out->len;

        if (players->len > A2S_PLAYERS_MAX)
                return -EMSGSIZE;

        append_type(out, A2S_PLAYER_REPLY);
        wire_append_u8(out, (uint8_t) players->len);
        for (guint i = 0; i < players->len; i++) {
                const A2sPlayer *p = g_ptr_array_index(players, i);
                float seconds = (float) p->seconds;
                uint32_t bits;

                memcpy(&bits, &seconds, sizeof(bits));
                wire_append_u8(out, 0);
                wire_append_string(out, p->name);
                wire_append_u32(out, (uint32_t) p->score);
                wire_append_u32(out, bits);
        }
        return check_size(out, start);
}

static void rule_free(void *rule) {
        A2sRule *r = rule;

        g_free(r->name);
        g_free(r->value);
        g_free(r);
}

GPtrArray *a2s_rules_new(void) {
        return g_ptr_array_new_with_free_func(rule_free);
}

void a2s_rules_add(GPtrArray *rules, const char *name, const char *value) {
        A2sRule *r = g_new0(A2sRule, 1);

        r->name = g_strdup(name);
        r->value = g_strdup(value);
        g_ptr_array_add(rules, r);
}

int a2s_decode_rules(const void *data, size_t size, GPtrArray **ret) {
        g_autoptr(GPtrArray) rules = a2s_rules_new();
        Wire w = { data, size };
        uint16_t count;
        int r;

        r = expect_type(&w, A2S_RULES_REPLY);
        if (r < 0)
                return r;
        if (!wire_read_u16(&w, &count))
                return -EBADMSG;

        while (rules->len < A2S_RULES_MAX && w.left > 0) {
                g_autofree char *name = NULL, *value = NULL;

                if (!wire_read_text(&w, &name) || !wire_read_text(&w, &value))
                        break;
                if (*name)
                        a2s_rules_add(rules, name, value);
        }
        *ret = g_steal_pointer(&rules);
        return 0;
}

int a2s_encode_rules(GByteArray *out, const GPtrArray *rules) {
        guint start = out->len;

        if (rules->len > A2S_RULES_MAX)
                return -EMSGSIZE;

        append_type(out, A2S_RULES_REPLY);
        wire_append_u16(out, (uint16_t) rules->len);
        for (guint i = 0; i < rules->len; i++) {
                const A2sRule *r = g_ptr_array_index(rules, i);

                wire_append_string(out, r->name);
                wire_append_string(out, r->value);
        }
        return check_size(out, start);
}
