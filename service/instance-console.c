/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/console.h"
#include "service/instance-internal.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/util.h"

/*
 * OpenConsole. The password is the one of the run: it stands in the file that the running server has mounted, which is written anew only
 * when the server is down. So a manager that was restarted finds it again.
 */

#define CONSOLES_MAX 64U
#define CONSOLES_OF_ONE_MAX 8U
#define FILE_MAX 4096U

typedef struct ConsoleCall {
        Manager *manager;
        char *instance; /* it may be gone when the answer comes */
        char *invocation;
        uint16_t port;
        Console *console;
        Request *request;
} ConsoleCall;

void console_call_free(gpointer p) {
        ConsoleCall *call = p;

        console_free(call->console);
        request_drop(call->request);
        g_free(call->instance);
        g_free(call->invocation);
        g_free(call);
}

/* Of the file that instance-files.c writes. */
static int read_password(const Instance *i, char **ret) {
        static const char head[] = "rcon_password \"";
        char *text, *end;
        int fd, r;

        fd = openat(i->manager->instances_fd, i->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = file_read(fd, "left4me.cfg", FILE_MAX, &text);
        (void) close(fd);
        if (r < 0)
                return r;

        end = g_str_has_prefix(text, head) ? strchr(text + strlen(head), '"') : NULL;
        *ret = end ? g_strndup(text + strlen(head), (gsize) (end - text) - strlen(head)) : NULL;
        explicit_bzero(text, strlen(text));
        g_free(text);
        return *ret ? 0 : -EBADMSG;
}

void instance_note_refusal(Instance *i) {
        g_free(i->console_refused);
        i->console_refused = g_strdup(unit_state(i->server)->invocation);
}

/* Not once more in this run: some failures, and the server bans this host. */
static bool has_refused(const Instance *i) {
        return i->console_refused && g_str_equal(i->console_refused, unit_state(i->server)->invocation);
}

int instance_new_console(Instance *i, ConsoleDone done, void *userdata, Console **ret) {
        g_autofree char *password = NULL;
        struct stat owner;
        int r;

        if (has_refused(i))
                return -EACCES;

        /* Servers run as who owns the overlays. */
        if (fstat(i->manager->overlays_fd, &owner) < 0)
                return -errno;

        r = read_password(i, &password);
        if (r < 0)
                return r;

        r = console_new(i->manager->event, i->config->port, owner.st_uid, password, done, userdata, ret);
        explicit_bzero(password, strlen(password));
        return r;
}

static void refuse_password(ConsoleCall *call, Request *q) {
        Instance *i = instance_find(call->manager, call->instance);

        if (i && g_str_equal(call->invocation, unit_state(i->server)->invocation))
                instance_note_refusal(i);

        request_failf(q, LEFT4ME_ERROR_CONSOLE_REFUSED,
                "The server '%s' does not accept left4me's password: an add-on or a config of its stack sets rcon_password. Take that out and restart the server.",
                call->instance);
}

static void on_console(ConsoleResult result, int fd, void *userdata) {
        ConsoleCall *call = userdata;
        Request *q = g_steal_pointer(&call->request);
        const char *name = call->instance;

        call->console = NULL;
        switch (result) {
        case CONSOLE_OPEN:
                request_ok_fd(q, fd);
                (void) close(fd);
                break;

        case CONSOLE_NOT_LISTENING:
                request_failf(q, LEFT4ME_ERROR_CONSOLE_REFUSED,
                        "The server '%s' takes no console connections on port %u (TCP). If it has only just been started, try again in some seconds; else see: left4mectl logs %s",
                        name, call->port, name);
                break;

        case CONSOLE_DROPPED:
                request_failf(q, LEFT4ME_ERROR_CONSOLE_REFUSED,
                        "The server '%s' closed the connection without an answer. It may have banned 127.0.0.1 for wrong passwords: a restart of the server lifts that, as does removeip 127.0.0.1 in a console that is open.",
                        name);
                break;

        case CONSOLE_WRONG_PASSWORD:
                refuse_password(call, q);
                break;

        case CONSOLE_SILENT:
                request_failf(q, LEFT4ME_ERROR_TIMED_OUT,
                        "The server '%s' does not answer; while it loads a map that is normal. Try again in half a minute; if it stays like that, restart it (left4mectl restart %s).",
                        name, name);
                break;

        case CONSOLE_STRANGER:
                request_failf(q, LEFT4ME_ERROR_CONSOLE_REFUSED,
                        "Who listens on port %u (TCP) is none of left4me's servers, or does not speak as one does. See who it is (ss -ltnp 'sport = :%u') and restart the server (left4mectl restart %s).",
                        call->port, call->port, name);
                break;

        case CONSOLE_FAILED:
                request_failf(q, LEFT4ME_ERROR_FAILED,
                        "left4med cannot connect to port %u of this host. See: left4mectl check",
                        call->port);
        }

        g_ptr_array_remove_fast(call->manager->consoles, call);
}

static int check_console(Instance *i, sd_bus_error *error) {
        GPtrArray *consoles = i->manager->consoles;
        unsigned n = 0;

        if (!g_str_equal(unit_state(i->server)->active, "active"))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INSTANCE_NOT_RUNNING,
                        "The server '%s' does not run. Start it first (left4mectl start %s).", i->name,
                        i->name);

        if (has_refused(i))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_CONSOLE_REFUSED,
                        "The server '%s' has refused left4me's password already and is not asked again, because it would ban this host. An add-on or a config of its stack sets rcon_password: take that out and restart the server.",
                        i->name);

        for (unsigned k = 0; k < consoles->len; k++)
                n += g_str_equal(((ConsoleCall *) consoles->pdata[k])->instance, i->name);
        if (n >= CONSOLES_OF_ONE_MAX || consoles->len >= CONSOLES_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u consoles%s are being opened already. Try again when they are.",
                        n >= CONSOLES_OF_ONE_MAX ? n : consoles->len,
                        n >= CONSOLES_OF_ONE_MAX ? " of this server" : "");

        return 0;
}

int instance_open_console(Instance *i, Request *q, sd_bus_error *error) {
        ConsoleCall *call;
        int r;

        r = check_console(i, error);
        if (r < 0)
                return r;

        call = g_new0(ConsoleCall, 1);
        *call = (ConsoleCall){
                .manager = i->manager,
                .instance = g_strdup(i->name),
                .invocation = g_strdup(unit_state(i->server)->invocation),
                .port = i->config->port,
        };
        g_ptr_array_add(i->manager->consoles, call);

        r = instance_new_console(i, on_console, call, &call->console);
        if (r < 0) {
                g_ptr_array_remove_fast(i->manager->consoles, call);
                if (r == -EINVAL)
                        return bus_error_set_io(error, r, "Cannot open the console");
                return sd_bus_error_setf(error, LEFT4ME_ERROR_CONSOLE_REFUSED,
                        "The console password of '%s' cannot be read (%s). Restart the server to get a new one (left4mectl restart %s).",
                        i->name, strerror(-r), i->name);
        }

        call->request = q;
        return 0;
}
