/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queries of a Source server over UDP, on the game port: what it is (INFO), who plays (PLAYER), its public variables (RULES). Both
 * sides: requests and replies are encoded and decoded here. Nothing here reads, writes or waits.
 *
 * A datagram is FF FF FF FF, a type and its fields, little-endian, strings ended by NUL. A long reply comes in parts, each beginning FE FF
 * FF FF: A2sAssembly joins them. Strings from the wire are made valid UTF-8 with g_utf8_make_valid().
 *
 * Facts: developer.valvesoftware.com/wiki/Server_queries; the challenge to INFO: Valve's post of December 2020 in Steam's developer
 * forum; what servers really send: captures in the tests of xPaw/PHP-Source-Query, a L4D2 capture of 2012; what clients tolerate:
 * Yepoleb/python-a2s, gamedig, rumblefrog/go-a2s.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define A2S_DATAGRAM_MAX 1400U /* bytes of a datagram that is not a part */
#define A2S_PART_SIZE \
        1188U /* bytes of a reply in each part, as CS:GO was seen to send; L4D2's net_maxroutable is 1200 */
#define A2S_PARTS_MAX 32U          /* of one reply */
#define A2S_REPLY_MAX (64U * 1024) /* bytes of a whole reply */
#define A2S_PLAYERS_MAX 255U       /* the count is one byte. L4D2 has 31 clients at most */
#define A2S_RULES_MAX 4096U

#define A2S_NO_CHALLENGE \
        0xFFFFFFFFU /* asks for one in PLAYER and RULES. Servers may give any other number, also 0 */

typedef enum A2sType {
        A2S_INFO_REQUEST,   /* 'T' */
        A2S_PLAYER_REQUEST, /* 'U' */
        A2S_RULES_REQUEST,  /* 'V' */
        A2S_CHALLENGE,      /* 'A', instead of a reply: ask again with this number */
        A2S_INFO_REPLY,     /* 'I' */
        A2S_PLAYER_REPLY,   /* 'D' */
        A2S_RULES_REPLY,    /* 'E' */
        A2S_PART,           /* of a reply: A2sAssembly */
} A2sType;

/* What a datagram of size bytes is, by its first five. -EBADMSG: no query; -ENOTSUP: one that L4D2 neither sends nor answers. */
int a2s_type(const void *data, size_t size);

/* All encoders append to out. All decoders return -EPROTO for a datagram of another type (a late reply to an earlier request: drop it and
 * go on waiting), -EBADMSG for one that is broken, and leave *ret alone then. */

typedef struct A2sRequest {
        A2sType type;       /* A2S_INFO_REQUEST, A2S_PLAYER_REQUEST or A2S_RULES_REQUEST */
        bool has_challenge; /* false: an INFO without one, or A2S_NO_CHALLENGE */
        uint32_t challenge;
} A2sRequest;

/*
 * A client begins without a challenge, also for INFO, where old servers answer at once; when a challenge comes it repeats the request with
 * it, from the same socket, and again for each newer one, three to five times at most. One challenge serves all three requests.
 */
void a2s_encode_request(GByteArray *out, const A2sRequest *request);
int a2s_decode_request(const void *data, size_t size, A2sRequest *ret);

void a2s_encode_challenge(GByteArray *out, uint32_t challenge);
int a2s_decode_challenge(const void *data, size_t size, uint32_t *ret);

/* Which of the last fields of an A2sInfo are there; the bits of the wire. */
enum {
        A2S_HAS_GAME_ID = 0x01,
        A2S_HAS_STEAM_ID = 0x10,
        A2S_HAS_KEYWORDS = 0x20,
        A2S_HAS_TV = 0x40,
        A2S_HAS_PORT = 0x80,
};

/* The strings are never NULL in a decoded one; NULL is encoded as "". */
typedef struct A2sInfo {
        uint8_t protocol; /* 17 */
        char *name;       /* hostname */
        char *map;        /* c2m1_highway */
        char *folder;     /* left4dead2 */
        char *game;       /* Left 4 Dead 2 */
        uint16_t app_id;  /* 550; the low 16 bits only */
        uint8_t players;  /* clients; whether bots count differs by build: `status` of the console tells */
        uint8_t max_players;
        uint8_t bots;
        char server_type; /* 'd' dedicated, 'l' listen, 'p' proxy */
        char environment; /* 'l' Linux, 'w' Windows, 'm' or 'o' Mac */
        bool password;    /* needed to join */
        bool vac;
        char *version;     /* 2.2.4.3 */
        uint8_t has;       /* A2S_HAS_* */
        uint16_t port;     /* of the game */
        uint64_t steam_id; /* of the server */
        uint16_t tv_port;
        char *tv_name;
        char *keywords;   /* comma-separated: coop,empty,secure */
        uint64_t game_id; /* low 24 bits: the app id */
} A2sInfo;

void a2s_info_free(A2sInfo *info); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(A2sInfo, a2s_info_free)

/* Letters come lower-cased. Of the last fields what is cut off is not there (has). The extra bytes of The Ship (app 2400) are not known
 * here. *ret is the caller's. */
int a2s_decode_info(const void *data, size_t size, A2sInfo **ret);

/* -EMSGSIZE: more than A2S_REPLY_MAX bytes. */
int a2s_encode_info(GByteArray *out, const A2sInfo *info);

typedef struct A2sPlayer {
        char *name; /* "": still connecting */
        int32_t score;
        double seconds; /* connected; -1: the server did not say anything sensible */
} A2sPlayer;

/* Arrays of A2sPlayer and A2sRule, freed with g_ptr_array_unref(); made empty with these. */
GPtrArray *a2s_players_new(void);
void a2s_players_add(GPtrArray *players, const char *name, int32_t score, double seconds);

/* Reads what is there, whatever the count says; an entry that is cut off is dropped. *ret is the caller's. */
int a2s_decode_players(const void *data, size_t size, GPtrArray **ret);

/* -EMSGSIZE: more than A2S_PLAYERS_MAX, or A2S_REPLY_MAX bytes; out is as it was. */
int a2s_encode_players(GByteArray *out, const GPtrArray *players);

typedef struct A2sRule {
        char *name;
        char *value;
} A2sRule;

GPtrArray *a2s_rules_new(void);
void a2s_rules_add(GPtrArray *rules, const char *name, const char *value);

/* As for players; rules without a name are skipped. */
int a2s_decode_rules(const void *data, size_t size, GPtrArray **ret);
int a2s_encode_rules(GByteArray *out, const GPtrArray *rules);

/*
 * The datagrams that carry one encoded reply: itself when it has at most A2S_DATAGRAM_MAX bytes, else parts of at most part_size (1..
 * 65535) bytes of it each, in order. id: differs between replies, 0..INT32_MAX (bit 31 says: compressed). *ret: GByteArrays, the caller's.
 * -EMSGSIZE: more than A2S_PARTS_MAX parts; -EINVAL: id, part_size.
 */
int a2s_split(const GByteArray *reply, uint32_t id, size_t part_size, GPtrArray **ret);

/*
 * Joins the parts of replies, in any order, each any number of times: of the two replies that were begun last, for one answer may arrive
 * while parts of an older one still do. Bounded by 2 * A2S_REPLY_MAX. The deadline is the caller's: free it then.
 */
typedef struct A2sAssembly A2sAssembly;

A2sAssembly *a2s_assembly_new(void);
void a2s_assembly_free(A2sAssembly *a); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(A2sAssembly, a2s_assembly_free)

/*
 * Takes one datagram of type A2S_PART. Returns 1 when its reply is whole: *ret, the caller's, is the reply as one datagram with FF FF FF FF;
 * 0 when parts are missing. The reply must come from where the request went: the caller checks addresses.
 * -EBADMSG: no part, or one that contradicts the others; -EMSGSIZE: over a limit; -ENOTSUP: compressed (bit 31 of the id), which
 * servers of today do not send. What was collected before stays.
 */
int a2s_assembly_add(A2sAssembly *a, const void *data, size_t size, GByteArray **ret);
