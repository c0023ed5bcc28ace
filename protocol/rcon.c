/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/rcon.h"

#define WIRE_VALUE 0
#define WIRE_EXEC 2
#define WIRE_AUTH_RESPONSE 2
#define WIRE_AUTH 3

#define SIZE_MIN 10       /* what the size field says of an empty body */
#define ANSWER_PART 4086U /* of a body: a size field of 4096, the most that the protocol's text allows */

static int32_t read_number(const uint8_t *p) {
        return (int32_t) (p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24);
}

static void append_number(GByteArray *out, int32_t number) {
        uint32_t n = GUINT32_TO_LE((uint32_t) number);

        g_byte_array_append(out, (const guint8 *) &n, sizeof(n));
}

static int type_from_wire(RconSender from, int32_t wire) {
        if (wire == WIRE_VALUE)
                return RCON_VALUE;
        if (from == RCON_FROM_SERVER)
                return wire == WIRE_AUTH_RESPONSE ? RCON_AUTH_RESPONSE : -EPROTO;
        if (wire == WIRE_EXEC)
                return RCON_EXEC;
        return wire == WIRE_AUTH ? RCON_AUTH : -EPROTO;
}

static int type_to_wire(RconType type) {
        switch (type) {
        case RCON_VALUE:
                return WIRE_VALUE;
        case RCON_EXEC:
                return WIRE_EXEC;
        case RCON_AUTH_RESPONSE:
                return WIRE_AUTH_RESPONSE;
        case RCON_AUTH:
                return WIRE_AUTH;
        }
        return -EINVAL;
}

static ssize_t missing(size_t n, size_t *ret_missing) {
        if (ret_missing)
                *ret_missing = n;
        return 0;
}

ssize_t rcon_decode(RconSender from, const void *data, size_t size, RconPacket *ret, size_t *ret_missing) {
        const uint8_t *bytes = data;
        size_t whole, body;
        int32_t announced;
        int type;

        if (size < sizeof(announced))
                return missing(RCON_OVERHEAD - size, ret_missing);

        /* Before the rest has come: nobody should collect what will be refused. */
        announced = read_number(bytes);
        if (announced < SIZE_MIN)
                return -EBADMSG;
        whole = (size_t) announced + sizeof(announced);
        if (whole > RCON_PACKET_MAX)
                return -EMSGSIZE;
        if (size >= RCON_HEADER_SIZE) {
                type = type_from_wire(from, read_number(bytes + 8));
                if (type < 0)
                        return type;
        }
        if (size < whole)
                return missing(whole - size, ret_missing);

        body = whole - RCON_OVERHEAD;
        *ret = (RconPacket){
                .type = (RconType) type_from_wire(from, read_number(bytes + 8)),
                .id = read_number(bytes + 4),
                .body = (const char *) bytes + RCON_HEADER_SIZE,
                .body_size = strnlen((const char *) bytes + RCON_HEADER_SIZE, body),
        };
        return (ssize_t) whole;
}

int rcon_encode(GByteArray *out, RconType type, int32_t id, const void *body, size_t size) {
        static const guint8 end[2] = { 0, 0 };
        int wire;

        wire = type_to_wire(type);
        if (wire < 0)
                return wire;
        if (size > RCON_BODY_MAX)
                return -EMSGSIZE;

        append_number(out, (int32_t) size + SIZE_MIN);
        append_number(out, id);
        append_number(out, wire);
        if (size > 0)
                g_byte_array_append(out, body, (guint) size);
        g_byte_array_append(out, end, sizeof(end));
        return 0;
}

static bool text_is_valid(const char *text, const char *refused) {
        size_t size = strlen(text);

        if (size > RCON_COMMAND_MAX || !g_utf8_validate(text, (gssize) size, NULL))
                return false;

        for (const char *p = text; *p; p++) {
                bool control = ((uint8_t) *p < 0x20 && *p != '\t') || *p == 0x7F;

                /* U+0080 to U+009F */
                if (p[0] == '\xC2' && (uint8_t) p[1] < 0xA0)
                        control = true;
                if (control || strchr(refused, *p))
                        return false;
        }
        return true;
}

bool rcon_command_is_valid(const char *text) {
        return *text && text_is_valid(text, "");
}

bool rcon_argument_is_valid(const char *text) {
        return text_is_valid(text, "\";");
}

int rcon_encode_auth(GByteArray *out, int32_t id, const char *password) {
        if (id < 1 || !rcon_command_is_valid(password))
                return -EINVAL;

        return rcon_encode(out, RCON_AUTH, id, password, strlen(password));
}

int rcon_auth_result(const RconPacket *p, int32_t id) {
        if (p->type != RCON_AUTH_RESPONSE)
                return 0;
        if (p->id == id)
                return 1;
        return p->id == RCON_ID_REFUSED ? -EACCES : -EPROTO;
}

int rcon_encode_command(
        GByteArray *out, int32_t id, const char *command, RconMarker marker, int32_t marker_id) {
        int r;

        if (id < 1 || !rcon_command_is_valid(command))
                return -EINVAL;
        if (marker != RCON_MARKER_NONE && (marker_id < 1 || marker_id == id))
                return -EINVAL;

        r = rcon_encode(out, RCON_EXEC, id, command, strlen(command));
        if (r < 0 || marker == RCON_MARKER_NONE)
                return r;

        return rcon_encode(out, marker == RCON_MARKER_VALUE ? RCON_VALUE : RCON_EXEC, marker_id, NULL, 0);
}

RconAnswer *rcon_answer_new(int32_t id, int32_t marker_id, size_t max) {
        RconAnswer *a = g_new0(RconAnswer, 1);

        a->id = id;
        a->marker_id = marker_id;
        a->max = max;
        a->text = g_string_new(NULL);
        return a;
}

void rcon_answer_free(RconAnswer *a) {
        if (!a)
                return;

        g_string_free(a->text, TRUE);
        g_free(a);
}

int rcon_answer_add(RconAnswer *a, const RconPacket *p) {
        if (p->type != RCON_VALUE)
                return a->complete;
        if (a->marker_id != 0 && p->id == a->marker_id)
                a->complete = true;
        if (a->complete || p->id != a->id)
                return a->complete;

        if (p->body_size > a->max - a->text->len)
                return -EMSGSIZE;

        g_string_append_len(a->text, p->body, (gssize) p->body_size);
        a->packets++;
        return 0;
}

void rcon_encode_auth_answer(GByteArray *out, int32_t id, bool accepted) {
        (void) rcon_encode(out, RCON_VALUE, id, NULL, 0);
        (void) rcon_encode(out, RCON_AUTH_RESPONSE, accepted ? id : RCON_ID_REFUSED, NULL, 0);
}

void rcon_encode_answer(GByteArray *out, int32_t id, const char *text, size_t size) {
        size_t at = 0;

        do {
                size_t n = MIN(size - at, ANSWER_PART);

                (void) rcon_encode(out, RCON_VALUE, id, n > 0 ? text + at : NULL, n);
                at += n;
        } while (at < size);
}

void rcon_encode_mirror(GByteArray *out, int32_t id) {
        static const guint8 tail[4] = { 0, 1, 0, 0 };

        (void) rcon_encode(out, RCON_VALUE, id, NULL, 0);
        (void) rcon_encode(out, RCON_VALUE, id, tail, sizeof(tail));
}
