/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote console of a Source server: packets over TCP, on the number of the game port. Both sides: what a client and what a server
 * sends is encoded and decoded here. Nothing here reads, writes or waits.
 *
 * A packet is size, id, type (32 bits, little-endian, signed), a body and two NULs; size counts what follows it. TCP may split and
 * join packets anywhere, so decoding takes what has come so far and tells how much is missing.
 *
 * Facts: developer.valvesoftware.com/wiki/Source_RCON_Protocol; limits from gorcon/rcon packet.go and Source's sv_rcon_* variables; what
 * servers really do from the issues of koraktor/steam-condenser (#94 #108 #169 #190).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RCON_HEADER_SIZE 12U /* size, id and type */
#define RCON_OVERHEAD 14U    /* a whole packet with an empty body */
#define RCON_BODY_MAX 4096U  /* of what is accepted. Servers stay below it; gorcon's limit */
#define RCON_PACKET_MAX (RCON_OVERHEAD + RCON_BODY_MAX)

/* A server bans the address of one who sends more than sv_rcon_maxpacketsize (1024) in a packet. Half of it is safe everywhere. */
#define RCON_REQUEST_MAX 512U
#define RCON_COMMAND_MAX (RCON_REQUEST_MAX - RCON_OVERHEAD) /* bytes of a command or a password */

#define RCON_ID_REFUSED \
        (-1) /* the id of an AUTH_RESPONSE that means: wrong password. Never the id of a request */

typedef enum RconSender {
        RCON_FROM_CLIENT,
        RCON_FROM_SERVER,
} RconSender;

/* What a packet is. On the wire 2 is a command when a client sends it and an answer to a password when a server does. */
typedef enum RconType {
        RCON_VALUE,         /* 0, from both: a part of an answer, or a client's marker */
        RCON_EXEC,          /* 2, from a client: a command */
        RCON_AUTH_RESPONSE, /* 2, from a server: id is the request's, or RCON_ID_REFUSED */
        RCON_AUTH,          /* 3, from a client: a password */
} RconType;

typedef struct RconPacket {
        RconType type;
        int32_t id;
        const char *body; /* in the decoded bytes, not NUL-terminated; to its first NUL */
        size_t body_size; /* 0..RCON_BODY_MAX */
} RconPacket;

/*
 * Decodes the packet at the start of data, of which size bytes (also 0) have come. from: who sent it.
 *
 * Returns how many bytes the packet takes (RCON_OVERHEAD..RCON_PACKET_MAX): *ret is set and points into data.
 * Returns 0 when it is not whole yet: *ret_missing, unless NULL, is the number of bytes to wait for, at least 1; more may follow when only
 * now the packet's size gets known.
 * -EBADMSG: a size below 10, which no packet has; -EMSGSIZE: one above the limit; -EPROTO: a type that this side does not send. After
 * each of these the stream is lost: the next packet's start is unknown.
 * The two NULs at the end are not looked at: servers have been seen to leave other bytes there.
 */
ssize_t rcon_decode(RconSender from, const void *data, size_t size, RconPacket *ret, size_t *ret_missing);

/*
 * Appends one packet to out. body: size bytes (0..RCON_BODY_MAX), may hold NULs, may be NULL when size is 0.
 * -EMSGSIZE: the body is too long; -EINVAL: not a type. Then out is as it was.
 */
int rcon_encode(GByteArray *out, RconType type, int32_t id, const void *body, size_t size);

/* --- for a client --- */

/* Whether text can be sent as one command: 1..RCON_COMMAND_MAX bytes of valid UTF-8 without control characters (tab is allowed). Quotes
 * and semicolons are allowed: they separate arguments and commands, and whoever types a line may mean them. */
bool rcon_command_is_valid(const char *text);

/* Whether text can stand between double quotes in a command: as a command, may be empty, and holds no '"' and no ';'. The
 * server's reader knows no escape for them. */
bool rcon_argument_is_valid(const char *text);

/* Appends the request that authenticates the connection. id: 1..INT32_MAX. -EINVAL: an id or password (1..RCON_COMMAND_MAX bytes, no
 * control characters) that cannot be sent. */
int rcon_encode_auth(GByteArray *out, int32_t id, const char *password);

/*
 * Whether the packet p answers the password sent with id: 1 accepted; 0 not yet (the empty value that srcds sends before the answer, and
 * whatever else comes before); -EACCES the password is wrong; -EPROTO an answer to another request.
 * After -EACCES a client must not try again by itself: five failures in thirty seconds ban its address.
 */
int rcon_auth_result(const RconPacket *p, int32_t id);

/* How the end of an answer, which nothing in the protocol shows, is marked. */
typedef enum RconMarker {
        RCON_MARKER_NONE, /* not: for a command that ends the session (quit, map, changelevel, exec) */
        RCON_MARKER_VALUE, /* an empty RCON_VALUE with an id of its own, which srcds mirrors. Some L4D2 of 2011 did not */
        RCON_MARKER_EXEC, /* a second, empty command with an id of its own, which is answered after the first */
} RconMarker;

/*
 * Appends a command and its marker. id and marker_id: 1..INT32_MAX, different, not in use for an answer that is still to come; marker_id is
 * ignored for RCON_MARKER_NONE. -EINVAL: a command (see rcon_command_is_valid) or an id that cannot be sent; out is as it was.
 */
int rcon_encode_command(
        GByteArray *out, int32_t id, const char *command, RconMarker marker, int32_t marker_id);

/* The answer to one command, put together from packets. */
typedef struct RconAnswer {
        int32_t id;
        int32_t marker_id; /* 0: none was sent */
        size_t max;
        GString *text; /* so far; any bytes but NUL */
        unsigned packets;
        bool complete;
} RconAnswer;

/* max: bytes of the whole answer that are accepted, 1..G_MAXSSIZE/2. Owned by the caller, freed with rcon_answer_free(), which takes NULL. */
RconAnswer *rcon_answer_new(int32_t id, int32_t marker_id, size_t max);
void rcon_answer_free(RconAnswer *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RconAnswer, rcon_answer_free)

/*
 * Takes the next packet from the server. Returns 1 when it is the marker's: the answer is complete; 0 when there may be more of it, and
 * for a packet that does not belong to it: the rest of an earlier answer, the second packet that srcds sends for a mirrored
 * marker, a late AUTH_RESPONSE.
 * -EMSGSIZE: the answer would be longer than max; text keeps what has come.
 * A server that mirrors no marker never completes: the caller ends an answer that has packets > 0 after a quiet period (300 ms), and each
 * one after a deadline (5 s). An empty answer may also mean that the connection is not authenticated (any more).
 */
int rcon_answer_add(RconAnswer *a, const RconPacket *p);

/* --- for a server --- */

/* Appends what srcds answers to a password: an empty RCON_VALUE, then the RCON_AUTH_RESPONSE. */
void rcon_encode_auth_answer(GByteArray *out, int32_t id, bool accepted);

/* Appends the answer to a command: size bytes of text in as many packets as it takes, of at most RCON_BODY_MAX - 10 bytes (the size field
 * then says at most 4096), one empty packet when there is no text. */
void rcon_encode_answer(GByteArray *out, int32_t id, const char *text, size_t size);

/* Appends what srcds answers to a RCON_VALUE from a client: the same, empty, and one with the body 00 01 00 00. */
void rcon_encode_mirror(GByteArray *out, int32_t id);
