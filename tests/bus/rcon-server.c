/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rcon-server.h"

#include <string.h>

#include "protocol/rcon.h"

typedef struct Connection {
        RconServer *server;
        GSocketConnection *socket;
        GCancellable *cancel;
        GByteArray *got;
        char buffer[4096];
} Connection;

static void connection_free(gpointer p) {
        Connection *c = p;

        g_object_unref(c->cancel);
        g_byte_array_unref(c->got);
        g_object_unref(c->socket);
        g_free(c);
}

static void send_bytes(Connection *c, const void *data, gsize size) {
        GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(c->socket));
        gsize step = c->server->manner == RCON_IN_PIECES ? 1 : size;

        for (gsize at = 0; at < size; at += step) {
                g_assert_true(
                        g_output_stream_write_all(out, (const char *) data + at, step, NULL, NULL, NULL));
                /* What is read at the other end is read meanwhile. */
                if (step == 1)
                        g_usleep(1000);
        }
}

static void answer_password(Connection *c, const RconPacket *p) {
        RconServer *s = c->server;
        g_autoptr(GByteArray) out = g_byte_array_new();
        bool accepted;

        g_free(s->last);
        s->last = g_strndup(p->body, p->body_size);
        s->tries++;
        accepted = g_strcmp0(s->last, s->password) == 0;

        if (s->manner == RCON_DROPS_LATER) {
                (void) g_io_stream_close(G_IO_STREAM(c->socket), NULL, NULL);
                return;
        }
        if (s->manner == RCON_BABBLES)
                g_byte_array_append(out, (const guint8 *) "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        else if (s->manner == RCON_TOO_LONG)
                g_byte_array_append(out, (const guint8 *) "\xff\xff\x00\x00", 4);
        else if (s->manner == RCON_WITHOUT_VALUE)
                g_assert_cmpint(
                        rcon_encode(out, RCON_AUTH_RESPONSE, accepted ? p->id : RCON_ID_REFUSED, NULL, 0),
                        ==, 0);
        else
                rcon_encode_auth_answer(
                        out, s->manner == RCON_ANSWERS_ANOTHER ? p->id + 1 : p->id, accepted);
        if (s->manner == RCON_AND_GOES_ON)
                g_assert_cmpint(rcon_encode(out, RCON_VALUE, 7, RCON_MORE, strlen(RCON_MORE)), ==, 0);

        if (s->manner != RCON_SILENT)
                send_bytes(c, out->data, out->len);
}

static void read_on(Connection *c);

static void on_read(GObject *source, GAsyncResult *result, gpointer data) {
        gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
        Connection *c = data;
        ssize_t size;
        RconPacket p;

        if (n <= 0) {
                g_ptr_array_remove_fast(c->server->connections, c);
                return;
        }

        g_byte_array_append(c->got, (const guint8 *) c->buffer, (guint) n);
        while ((size = rcon_decode(RCON_FROM_CLIENT, c->got->data, c->got->len, &p, NULL)) > 0) {
                if (p.type == RCON_AUTH)
                        answer_password(c, &p);
                g_byte_array_remove_range(c->got, 0, (guint) size);
        }
        g_assert_cmpint(size, ==, 0);
        read_on(c);
}

static void read_on(Connection *c) {
        g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(c->socket)), c->buffer,
                sizeof c->buffer, G_PRIORITY_DEFAULT, c->cancel, on_read, c);
}

static gboolean on_incoming(
        GSocketService *service, GSocketConnection *socket, GObject *source, gpointer data) {
        RconServer *s = data;
        Connection *c;

        s->accepted++;
        if (s->manner == RCON_DROPS) {
                (void) g_io_stream_close(G_IO_STREAM(socket), NULL, NULL);
                return TRUE;
        }

        c = g_new0(Connection, 1);
        c->server = s;
        c->socket = g_object_ref(socket);
        c->cancel = g_cancellable_new();
        c->got = g_byte_array_new();
        g_ptr_array_add(s->connections, c);
        read_on(c);
        return TRUE;
}

RconServer *rcon_server_new(void) {
        RconServer *s = g_new0(RconServer, 1);

        s->connections = g_ptr_array_new_with_free_func(connection_free);
        s->service = g_socket_service_new();
        for (s->port = 27015; s->port <= 27115; s->port++) {
                g_autoptr(GInetAddress) local = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
                g_autoptr(GSocketAddress) address = g_inet_socket_address_new(local, s->port);

                if (g_socket_listener_add_address(G_SOCKET_LISTENER(s->service), address,
                            G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, NULL, NULL))
                        break;
        }
        g_assert_cmpuint(s->port, <=, 27115);
        (void) g_signal_connect(s->service, "incoming", G_CALLBACK(on_incoming), s);
        g_socket_service_start(s->service);
        return s;
}

void rcon_server_close(RconServer *s) {
        if (!s->service)
                return;

        g_socket_service_stop(s->service);
        g_socket_listener_close(G_SOCKET_LISTENER(s->service));
        g_clear_object(&s->service);
}

void rcon_server_free(RconServer *s) {
        if (!s)
                return;

        rcon_server_close(s);
        /* The readers end, each taking its connection along, in the main loop. */
        for (guint i = 0; i < s->connections->len; i++)
                g_cancellable_cancel(((Connection *) s->connections->pdata[i])->cancel);
        while (s->connections->len > 0)
                (void) g_main_context_iteration(NULL, TRUE);
        g_ptr_array_unref(s->connections);
        g_free(s->password);
        g_free(s->last);
        g_free(s);
}
