/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OpenConsole: who is let in gets a connection that has been authenticated, whoever is not hears what to do. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "protocol/rcon.h"
#include "rcon-server.h"
#include "world.h"

#define NAME "versus-1"
#define SERVER "left4me-server@" NAME ".service"
#define CFG "var/lib/left4me/instances/" NAME "/left4me.cfg"

/* As the server read it when it was started. */
static char *read_password(Fixture *f) {
        g_autofree char *text = fixture_read(f, CFG);
        g_auto(GStrv) parts = g_strsplit(text, "\"", 3);

        g_assert_cmpuint(g_strv_length(parts), ==, 3);
        return g_strdup(parts[1]);
}

static void start(Fixture *f, RconServer *s) {
        g_autofree char *path = instance_path(NAME);

        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        g_free(s->password);
        s->password = read_password(f);
}

/* A running server whose console is s. */
static char *set_up(Fixture *f, RconServer *s) {
        char *path = world_startable(f, NAME);

        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Port': <%q>},)", s->port)));
        start(f, s);
        return path;
}

static Call *begin_open(Fixture *f, const char *path) {
        return call_begin(f->client, path, LEFT4ME_INSTANCE_INTERFACE, "OpenConsole", NULL);
}

static int end_open(Call *c) {
        g_autoptr(Call) owned = c;
        int handle, fd;

        g_assert_cmpstr(call_error_name(c), ==, "");
        g_variant_get(c->reply, "(h)", &handle);
        fd = g_unix_fd_list_get(c->fds, handle, NULL);
        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static void refuse(Fixture *f, const char *path, const char *error, const char *text) {
        g_autoptr(Call) c = begin_open(f, path);

        g_assert_cmpstr(call_error_name(c), ==, error);
        if (!strstr(c->error->message, text))
                g_error("no word of '%s' in '%s'", text, c->error->message);
}

/* The first packet that is read from the connection is this one. */
static void expect_packet(int fd, int32_t id, const char *body) {
        g_autoptr(GByteArray) want = g_byte_array_new();
        char got[256];

        g_assert_cmpint(rcon_encode(want, RCON_VALUE, id, body, strlen(body)), ==, 0);
        g_assert_cmpint(recv(fd, got, sizeof got, 0), ==, want->len);
        g_assert_cmpmem(got, want->len, want->data, want->len);
}

static void test_open(Fixture *f) {
        static const RconManner manners[] = { RCON_ANSWERS, RCON_IN_PIECES, RCON_WITHOUT_VALUE };
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s), *log = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(manners); i++) {
                char byte;
                int fd;

                s->manner = manners[i];
                fd = end_open(begin_open(f, path));
                g_assert_cmpstr(s->last, ==, s->password);
                g_assert_cmpuint(s->tries, ==, i + 1);
                /* All of the answer has been read. */
                g_assert_cmpint(recv(fd, &byte, 1, MSG_DONTWAIT), ==, -1);
                (void) close(fd);
        }

        /* What comes after it has not. */
        s->manner = RCON_AND_GOES_ON;
        {
                int fd = end_open(begin_open(f, path));

                expect_packet(fd, 7, RCON_MORE);
                (void) close(fd);
        }

        /* The password is new at each start. */
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Restart", NULL));
        g_assert_cmpstr(s->last, ==, s->password);
        g_free(s->password);
        s->password = read_password(f);
        g_assert_cmpstr(s->last, !=, s->password);
        (void) close(end_open(begin_open(f, path)));

        /* And nowhere in what left4med says. */
        log = fixture_read_log(f);
        g_assert_null(strstr(log, s->password));
}

static void test_not_running(Fixture *f) {
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);

        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        refuse(f, path, LEFT4ME_ERROR_INSTANCE_NOT_RUNNING, "left4mectl start " NAME);
        g_assert_cmpuint(s->accepted, ==, 0);
}

/* The manager reads it from the file of the run. */
static void test_restarted_manager(Fixture *f) {
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);

        fixture_kill(f);
        fixture_start(f);
        (void) close(end_open(begin_open(f, path)));

        fixture_write(f, CFG, "sv_cheats 1\n");
        refuse(f, path, LEFT4ME_ERROR_CONSOLE_REFUSED, "left4mectl restart " NAME);
        fixture_write(f, CFG, "rcon_password \"\"\n");
        refuse(f, path, LEFT4ME_ERROR_FAILED, "Cannot open the console");
        g_assert_cmpuint(s->tries, ==, 1);
}

/* A wrong password is sent once in a run: five of them would ban the host. */
static void test_wrong_password(Fixture *f) {
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);

        g_clear_pointer(&s->password, g_free);
        refuse(f, path, LEFT4ME_ERROR_CONSOLE_REFUSED, "rcon_password");
        for (guint i = 0; i < 6; i++)
                refuse(f, path, LEFT4ME_ERROR_CONSOLE_REFUSED, "not asked again");
        g_assert_cmpuint(s->tries, ==, 1);
        g_assert_cmpuint(s->accepted, ==, 1);

        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        start(f, s);
        (void) close(end_open(begin_open(f, path)));
}

static void test_dropped(Fixture *f) {
        static const struct {
                RconManner manner;
                const char *text;
        } cases[] = {
                { RCON_DROPS, "removeip 127.0.0.1" },
                { RCON_DROPS_LATER, "removeip 127.0.0.1" },
                { RCON_BABBLES, "does not speak as one does" },
                { RCON_TOO_LONG, "does not speak as one does" },
                { RCON_ANSWERS_ANOTHER, "does not speak as one does" },
        };
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                s->manner = cases[i].manner;
                refuse(f, path, LEFT4ME_ERROR_CONSOLE_REFUSED, cases[i].text);
                g_assert_cmpuint(s->accepted, ==, i + 1);
        }
}

/* While the server loads a map others are served, and too many who wait are told. */
static void test_silent(Fixture *f) {
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);
        Call *calls[8];

        s->manner = RCON_SILENT;
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
                calls[i] = begin_open(f, path);
        refuse(f, path, LEFT4ME_ERROR_LIMITS_EXCEEDED, "8 consoles of this server");
        g_variant_unref(client_get(f->client, path, LEFT4ME_INSTANCE_INTERFACE, "ActiveState"));
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_assert_cmpstr(call_error_name(calls[i]), ==, LEFT4ME_ERROR_TIMED_OUT);
                g_assert_nonnull(strstr(calls[i]->error->message, "loads a map"));
                call_free(calls[i]);
        }

        /* They have gone from the server too. */
        s->manner = RCON_ANSWERS;
        (void) close(end_open(begin_open(f, path)));
}

static bool has_been_tried(void *data) {
        return ((RconServer *) data)->tries > 0;
}

/* The server ends, and left4med does, while somebody waits: an answer comes, or an end of the bus connection, and nothing leaks. */
static void test_end_meanwhile(Fixture *f) {
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);
        Call *c;

        s->manner = RCON_SILENT;
        c = begin_open(f, path);
        loop_until(has_been_tried, s, "the password");
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        fixture_stop(f);
        call_end_refused(c, "org.freedesktop.DBus.Error.NoReply");
        fixture_start(f);
}

/* A game listens some seconds after it has been started. */
static void test_not_listening(Fixture *f) {
        RconServer *s = rcon_server_new();
        g_autofree char *path = set_up(f, s);
        guint16 port = s->port;
        g_autoptr(RconServer) late = NULL;
        Call *c;

        rcon_server_free(s);
        refuse(f, path, LEFT4ME_ERROR_CONSOLE_REFUSED, "try again in some seconds");

        c = begin_open(f, path);
        fixture_ping(f);
        late = rcon_server_new();
        late->password = read_password(f);
        if (late->port == port)
                (void) close(end_open(c));
        else
                call_end_refused(c, LEFT4ME_ERROR_CONSOLE_REFUSED);
}

/* Anybody may listen on a port that a server does not have yet; the password is not for him. */
static void test_stranger(Fixture *f) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        RconServer *s = rcon_server_new();
        g_autofree char *path = set_up(f, s);
        int fd, one = 1;

        address.sin_port = htons(s->port);
        rcon_server_free(s);
        if (geteuid() != 0) {
                g_test_skip("needs root to be somebody else");
                return;
        }

        (void) setfsuid(65534);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void) setfsuid(0);
        g_assert_no_errno(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)));
        g_assert_no_errno(listen(fd, 1));
        refuse(f, path, LEFT4ME_ERROR_CONSOLE_REFUSED, "none of left4me's servers");
        g_assert_cmpint(accept(fd, NULL, NULL), ==, -1);
        (void) close(fd);
}

static void test_denied(Fixture *f) {
        g_autoptr(RconServer) s = rcon_server_new();
        g_autofree char *path = set_up(f, s);

        polkit_set(f->polkit, LEFT4ME_ACTION_USE_CONSOLE, POLKIT_DENY);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "OpenConsole", NULL,
                "org.freedesktop.DBus.Error.AccessDenied");
        g_assert_cmpuint(s->accepted, ==, 0);
}

static void add_tests(void) {
        fixture_add("/console/open", test_open);
        fixture_add("/console/not-running", test_not_running);
        fixture_add("/console/restarted-manager", test_restarted_manager);
        fixture_add("/console/wrong-password", test_wrong_password);
        fixture_add("/console/dropped", test_dropped);
        fixture_add("/console/silent", test_silent);
        fixture_add("/console/end-meanwhile", test_end_meanwhile);
        fixture_add("/console/not-listening", test_not_listening);
        fixture_add("/console/stranger", test_stranger);
        fixture_add("/console/denied", test_denied);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
