/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client.h"
#include "terminal.h"

/* One run of left4mectl, and what all verbs share. */

typedef struct Cli Cli;
typedef struct Verb Verb;

enum {
        EXIT_OK = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_NOT_RUNNING = 3, /* as systemctl says it of a unit that is not active */
        EXIT_NO_SUCH = 4,
        EXIT_DENIED = 5,
        EXIT_INTERRUPTED = 130,
};

typedef enum {
        VERB_ARGUMENTS = 1 << 0,    /* words after "--" are the server's, not ours */
        VERB_LOCAL_FILE = 1 << 1,   /* the last word names a file here, also with -H */
        VERB_LOCAL_OUTPUT = 1 << 2, /* writes a file here unless the last word is "-" */
} VerbFlags;

struct Verb {
        const char *family; /* "overlay", "job", or NULL */
        const char *name;
        int min, max; /* words after the verb; max -1: any number */
        VerbFlags flags;
        int (*run)(Cli *cli, char **words);
        const char *words;
        const char *summary;
};

struct Cli {
        Terminal out, err;
        const Verb *verb;
        Client *client;

        gboolean json;
        gboolean quiet;
        gboolean yes;
        gboolean no_ask_password;
        char *host;

        char **line;  /* the whole command line, for -H */
        char **after; /* the words after "--", NULL without one */
        char **words; /* the program's name and what the verb acts on */

        int code;              /* what a verb ends with whose command line is settled already */
        GPid agent;            /* pkttyagent, 0 when none was needed */
        gboolean json_written; /* the one document of --json is out */
        char *error_name, *error_message;
        char *complaint; /* of the service's, that was told last */
};

/* options.c */
char **cli_join_words(char *const *a, char *const *b);
gboolean cli_parse(Cli *cli, const GOptionEntry *entries, char ***words);
void cli_global_entries(Cli *cli, GOptionEntry *ret_entries);
#define CLI_GLOBAL_ENTRIES 6
const GOptionEntry *cli_find_option(const GOptionEntry *entries, const char *option);
char **cli_normalize(
        char *const *words, const GOptionEntry *entries, const GOptionEntry *globals, gboolean without_host);
int cli_option_error(Cli *cli, const GError *error, const GOptionEntry *entries, const GOptionEntry *globals,
        char **line);

/* errors.c */
void cli_complain(Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
void cli_hint(Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
int cli_usage(Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
int cli_failed(Cli *cli, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);
int cli_error(Cli *cli, const GError *error);
int cli_error_about(Cli *cli, const GError *error, const char *prefix, const char *name);
int cli_no_such(Cli *cli, const char *prefix, const char *name);
void cli_remember_error(Cli *cli, const char *name, const char *message);

/* connection.c */
gboolean cli_connect(Cli *cli, GError **error);
void cli_authorize(Cli *cli);
GVariant *cli_call(Cli *cli, const ClientCall *call, GError **error);
GVariant *cli_call_fd(Cli *cli, const ClientCall *call, unsigned index, int *ret_fd, GError **error);
void cli_done(Cli *cli);
int cli_run_call(Cli *cli, const ClientCall *call, const char *prefix, const char *name);
