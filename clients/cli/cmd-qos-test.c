/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qos test: the round trip of marked and unmarked packets, idle and with the line full. The echo requests stand for what players wait
 * for; the target only has to answer them.
 */

#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "dbus/names.h"
#include "echo.h"
#include "flood.h"
#include "inventory.h"
#include "json.h"
#include "qos-shapers.h"
#include "quantity.h"
#include "table.h"
#include "verbs.h"

#define EF 46U
#define PROBE_USEC 20000
/* How long the last answers may take. */
#define DRAIN_USEC 2000000
/* The line is full when more is sent than goes through. */
#define EXCESS(rate) ((rate) + (rate) / 4)

enum {
        UNMARKED,
        MARKED,
        MARKS
};

typedef struct {
        EchoTarget target;
        char address[64];
        char *interface; /* to leave by; owned */
        gboolean bound;  /* it was given */
        uint64_t rate;   /* bit/s to send */
        int seconds;
        Echo *echoes[MARKS];
} Test;

typedef struct {
        EchoResult results[MARKS];
        uint64_t filled; /* bit/s handed to the kernel */
} Phase;

static void test_clear(Test *t) {
        for (unsigned i = 0; i < MARKS; i++)
                echo_free(t->echoes[i]);
        g_free(t->interface);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Test, test_clear)

/* -- where ----------------------------------------------------------------------------------------------------- */

static int resolve(Cli *cli, const char *name, Test *t) {
        const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };
        struct addrinfo *list;
        int r;

        r = getaddrinfo(name, NULL, &hints, &list);
        if (r != 0)
                return cli_failed(cli, EXIT_NO_SUCH, "%s: %s", name, gai_strerror(r));

        memcpy(&t->target, list->ai_addr, MIN(list->ai_addrlen, sizeof(t->target)));
        (void) getnameinfo(
                list->ai_addr, list->ai_addrlen, t->address, sizeof(t->address), NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(list);
        return EXIT_OK;
}

static gboolean same_address(const struct sockaddr *a, const EchoTarget *b) {
        if (!a || a->sa_family != b->any.sa_family)
                return FALSE;

        if (a->sa_family == AF_INET6) {
                struct sockaddr_in6 v6;

                memcpy(&v6, a, sizeof(v6));
                return memcmp(&v6.sin6_addr, &b->v6.sin6_addr, sizeof(v6.sin6_addr)) == 0;
        }

        return memcmp((const char *) a + G_STRUCT_OFFSET(struct sockaddr_in, sin_addr), &b->v4.sin_addr,
                       sizeof(b->v4.sin_addr)) == 0;
}

/* The interface with our address on the way there. */
static char *find_interface(const EchoTarget *target) {
        struct ifaddrs *list, *i;
        EchoTarget to = *target, self;
        socklen_t size = sizeof(self);
        char *name = NULL;
        int fd = socket(target->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = -1;

        /* Both families have it at the same place. Nothing is sent. */
        to.v4.sin_port = htons(9);
        if (fd >= 0 && connect(fd, &to.any, echo_target_size(&to)) == 0)
                r = getsockname(fd, &self.any, &size);
        if (fd >= 0)
                (void) close(fd);
        if (r < 0 || getifaddrs(&list) < 0)
                return NULL;

        for (i = list; i && !name; i = i->ifa_next)
                if (same_address(i->ifa_addr, &self))
                        name = g_strdup(i->ifa_name);
        freeifaddrs(list);
        return name;
}

/* What it is shaped to says how much fills it. */
static int find_rate(Cli *cli, Test *t, const char *text) {
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GError) error = NULL;
        uint64_t rate;

        if (text) {
                if (!quantity_parse_rate(text, &t->rate) || t->rate == 0)
                        return cli_usage(cli, "'%s' is no rate; 450M and 1.5Gbit are", text);
                return EXIT_OK;
        }

        properties = inventory_get_all(cli, LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE, &error);
        if (!properties)
                return cli_error(cli, error);

        rate = t->interface ? qos_shapers_rate(properties, t->interface) : 0;
        if (rate == 0)
                return cli_usage(cli, "%s is not shaped: --rate says how much fills the line to %s",
                        t->interface ? t->interface : "the interface", t->address);

        t->rate = EXCESS(rate);
        return EXIT_OK;
}

/* -- measuring ------------------------------------------------------------------------------------------------- */

static uint64_t now_usec(void) {
        return (uint64_t) g_get_monotonic_time();
}

static void wait_for_answers(Test *t, int msec) {
        struct pollfd fds[MARKS];

        for (unsigned i = 0; i < MARKS; i++)
                fds[i] = (struct pollfd){ .fd = echo_fd(t->echoes[i]), .events = POLLIN };
        if (poll(fds, MARKS, msec) <= 0)
                return;

        for (unsigned i = 0; i < MARKS; i++)
                if (fds[i].revents)
                        echo_receive(t->echoes[i]);
}

static gboolean all_answered(const Test *t) {
        return echo_is_complete(t->echoes[UNMARKED]) && echo_is_complete(t->echoes[MARKED]);
}

static void measure(Test *t, Flood *flood, Phase *ret) {
        uint64_t begin = now_usec(), end = begin + (uint64_t) t->seconds * G_USEC_PER_SEC, next = begin, now;
        unsigned turn = 0;

        while ((now = now_usec()) < end) {
                if (flood)
                        flood_send(flood, now);
                /* In turns: who goes first would pay for waking everything up. */
                if (now >= next) {
                        echo_send(t->echoes[turn++ % MARKS]);
                        next += PROBE_USEC / MARKS;
                }
                wait_for_answers(t, flood ? 1 : (int) (MAX(next, now) - now) / 1000 + 1);
        }

        ret->filled = flood ? flood_sent(flood) * 8 / (uint64_t) t->seconds : 0;
        while (!all_answered(t) && now_usec() < end + DRAIN_USEC)
                wait_for_answers(t, 10);
        for (unsigned i = 0; i < MARKS; i++)
                echo_take_result(t->echoes[i], &ret->results[i]);
}

/* -- telling --------------------------------------------------------------------------------------------------- */

static const char *const mark_words[MARKS] = { [UNMARKED] = "none", [MARKED] = "ef" };

static void print_phase(Table *table, const char *name, const Phase *phase) {
        for (unsigned i = 0; i < MARKS; i++) {
                const EchoResult *e = &phase->results[i];
                gboolean none = e->sent == e->lost;
                g_autofree char *sent = g_strdup_printf("%u", e->sent),
                                *loss = g_strdup_printf(
                                        "%.1f %%", e->sent > 0 ? 100.0 * e->lost / e->sent : 0),
                                *median = quantity_format_usec(e->median),
                                *p99 = quantity_format_usec(e->p99), *max = quantity_format_usec(e->max);

                table_add(table, name, mark_words[i], sent, none ? "-" : median, none ? "-" : p99,
                        none ? "-" : max, loss, NULL);
        }
}

static void print(Cli *cli, const Phase *idle, const Phase *loaded) {
        static const TableColumn columns[] = {
                { "LINE", TABLE_LEFT },
                { "MARK", TABLE_LEFT },
                { "SENT", TABLE_RIGHT },
                { "MEDIAN", TABLE_RIGHT },
                { "P99", TABLE_RIGHT },
                { "MAX", TABLE_RIGHT },
                { "LOSS", TABLE_RIGHT },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

        print_phase(table, "idle", idle);
        print_phase(table, "full", loaded);
        table_print(table, &cli->out, !cli->quiet);
}

static void add_json(JsonArray *array, const char *line, const Phase *phase) {
        for (unsigned i = 0; i < MARKS; i++) {
                const EchoResult *e = &phase->results[i];
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "line", line);
                json_object_set_string_member(object, "mark", mark_words[i]);
                json_object_set_int_member(object, "sent", e->sent);
                json_object_set_int_member(object, "lost", e->lost);
                json_object_set_int_member(object, "median", (gint64) e->median);
                json_object_set_int_member(object, "p99", (gint64) e->p99);
                json_object_set_int_member(object, "max", (gint64) e->max);
                json_array_add_object_element(array, object);
        }
}

static void print_json(Cli *cli, const Test *t, const Phase *idle, const Phase *loaded) {
        JsonObject *object = json_object_new();
        JsonArray *results = json_array_new();

        json_object_set_string_member(object, "target", t->address);
        json_object_set_string_member(object, "interface", t->interface ? t->interface : "");
        json_object_set_int_member(object, "rate", (gint64) t->rate);
        json_object_set_int_member(object, "filled", (gint64) loaded->filled);
        add_json(results, "idle", idle);
        add_json(results, "full", loaded);
        json_object_set_array_member(object, "results", results);
        json_print(cli, json_node_object(object));
}

/* -- the verb -------------------------------------------------------------------------------------------------- */

static int ask(Cli *cli, const Test *t) {
        g_autofree char *rate = quantity_format_rate(t->rate), *question = NULL;

        question = g_strdup_printf(
                "%s of UDP go to %s for %d seconds, and take the line from everybody else who uses it. Go on?",
                rate, t->address, t->seconds);
        return ask_before_loss(cli, question);
}

static int run(Cli *cli, Test *t) {
        const char *interface = t->bound ? t->interface : NULL;
        Phase idle = { 0 }, loaded = { 0 };
        g_autoptr(Flood) flood = NULL;
        g_autoptr(GError) error = NULL;

        flood = flood_new(&t->target, t->rate, interface, &error);
        if (flood)
                t->echoes[MARKED] = echo_new(&t->target, EF, interface, &error);
        if (t->echoes[MARKED])
                t->echoes[UNMARKED] = echo_new(&t->target, 0, interface, &error);
        if (!t->echoes[UNMARKED])
                return cli_failed(cli, EXIT_FAILED, "%s", error->message);

        measure(t, NULL, &idle);
        if (idle.results[MARKED].lost == idle.results[MARKED].sent &&
                idle.results[UNMARKED].lost == idle.results[UNMARKED].sent)
                return cli_failed(cli, EXIT_FAILED, "%s does not answer echo requests", t->address);

        measure(t, flood, &loaded);
        if (cli->json)
                print_json(cli, t, &idle, &loaded);
        else
                print(cli, &idle, &loaded);
        return EXIT_OK;
}

int cmd_qos_test(Cli *cli, char **words) {
        g_auto(Test) t = { .seconds = 10 };
        g_autofree char *rate = NULL;
        const GOptionEntry entries[] = {
                { "seconds", 0, 0, G_OPTION_ARG_INT, &t.seconds, "How long to measure, idle and full (10)",
                        "NUMBER" },
                { "rate", 0, 0, G_OPTION_ARG_STRING, &rate, "How much to send (1.25 of the shaped rate)",
                        "RATE" },
                { "interface", 'i', 0, G_OPTION_ARG_STRING, &t.interface, "Leave by this one (the route's)",
                        "INTERFACE" },
                { NULL },
        };
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (t.seconds < 1 || t.seconds > 60)
                return cli_usage(cli, "--seconds: from 1 to 60");

        t.bound = t.interface != NULL;
        r = resolve(cli, words[0], &t);
        if (r != EXIT_OK)
                return r;

        if (!t.interface)
                t.interface = find_interface(&t.target);
        r = find_rate(cli, &t, rate);
        if (r == EXIT_OK)
                r = ask(cli, &t);
        return r == EXIT_OK ? run(cli, &t) : r;
}
