/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-console.h"

#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/rcon.h"

typedef struct {
        FakeConsole *console;
        int fd;
        gboolean frozen; /* answers nothing any more */
        guint watch;
        GByteArray *got;
} Client;

static void client_free_one(gpointer p) {
        Client *c = p;

        if (c->watch)
                g_source_remove(c->watch);
        (void) close(c->fd);
        g_byte_array_unref(c->got);
        g_free(c);
}

/* Answers in up to three packets, too large for one read. */
static char *long_answer(void) {
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; i < 2000; i++)
                g_string_append_printf(text, "line %u\n", i);

        return g_string_free(text, FALSE);
}

/* FALSE: the connection ends. */
static gboolean answer(Client *c, const RconPacket *p) {
        g_autofree char *command = g_strndup(p->body, p->body_size), *many = long_answer();
        g_autoptr(GByteArray) out = g_byte_array_new();
        const char *text = "";

        g_ptr_array_add(c->console->commands, g_strdup(command));
        if (g_str_equal(command, "drop") || g_str_has_prefix(command, "map ") ||
                g_str_equal(command, "quit"))
                return FALSE;
        c->frozen = c->frozen || g_str_equal(command, "silent");
        if (c->frozen)
                return TRUE;

        if (g_str_equal(command, "status"))
                text = "hostname: Versus\n#end\n";
        else if (g_str_equal(command, "long"))
                text = many;
        else if (g_str_equal(command, "bytes"))
                text = "a\033[31m\377\nb\tc\a";
        else if (g_str_has_prefix(command, "echo "))
                text = command + 5;

        rcon_encode_answer(out, p->id, text, strlen(text));
        if (g_str_equal(command, "half"))
                g_byte_array_set_size(out, out->len - 1);
        g_assert_cmpint(send(c->fd, out->data, out->len, MSG_NOSIGNAL), ==, out->len);
        return !g_str_equal(command, "half");
}

static gboolean on_data(int fd, GIOCondition condition, gpointer userdata) {
        Client *c = userdata;
        gboolean alive = TRUE;
        char buffer[4096];
        RconPacket p;
        ssize_t n;

        n = recv(fd, buffer, sizeof(buffer), 0);
        if (n > 0)
                g_byte_array_append(c->got, (const guint8 *) buffer, (guint) n);
        while (n > 0 && alive &&
                (n = rcon_decode(RCON_FROM_CLIENT, c->got->data, c->got->len, &p, NULL)) > 0) {
                g_autoptr(GByteArray) mirror = g_byte_array_new();

                if (p.type == RCON_EXEC)
                        alive = answer(c, &p);
                else if (p.type == RCON_VALUE && !c->console->no_mirror && !c->frozen) {
                        rcon_encode_mirror(mirror, p.id);
                        (void) send(fd, mirror->data, mirror->len, MSG_NOSIGNAL);
                }
                g_byte_array_remove_range(c->got, 0, (guint) n);
        }

        if (alive && n >= 0 && !(condition & G_IO_HUP))
                return G_SOURCE_CONTINUE;

        c->watch = 0;
        g_ptr_array_remove_fast(c->console->clients, c);
        return G_SOURCE_REMOVE;
}

static gboolean on_open_console(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
        FakeConsole *console = userdata;
        Client *c = g_new0(Client, 1);
        int pair[2];

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        c->console = console;
        c->fd = pair[0];
        c->got = g_byte_array_new();
        c->watch = g_unix_fd_add(c->fd, G_IO_IN | G_IO_HUP, on_data, c);
        g_ptr_array_add(console->clients, c);
        console->opened++;
        (void) g_unix_fd_list_append(fds, pair[1], NULL);
        (void) close(pair[1]);
        g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, g_variant_new("(h)", 0), fds);
        return TRUE;
}

FakeConsole *fake_console_new(Fake *f) {
        FakeConsole *c = g_new0(FakeConsole, 1);
        L4Manager1Instance *instance = fake_add_instance(f, "versus-1", 27015);

        fake_set_state(instance, "active", "running");
        c->commands = g_ptr_array_new_with_free_func(g_free);
        c->clients = g_ptr_array_new_with_free_func(client_free_one);
        g_signal_connect(instance, "handle-open-console", G_CALLBACK(on_open_console), c);
        return c;
}

void fake_console_drop(FakeConsole *c) {
        g_ptr_array_set_size(c->clients, 0);
}

void fake_console_free(FakeConsole *c) {
        g_ptr_array_unref(c->clients);
        g_ptr_array_unref(c->commands);
        g_free(c);
}
