/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"
#include "fail.h"
#include "workshop-answers.h"
#include "workshop-http.h"

#define TOO_MANY_REQUESTS 429U
#define TRIES 7U
#define FIRST_WAIT_US (G_USEC_PER_SEC / 4)
#define WAIT_MAX_S 300   /* a server that wants more quiet than this is not waited for */
#define IDLE_MAX_S 30    /* without a single byte */
#define SLOW_WINDOW_S 60 /* less than SLOW_BYTES in this time is as good as nothing */
#define SLOW_BYTES (16U << 10)
#define REDIRECTIONS_MAX 5U
#define FILE_SIZE_MAX (UINT64_C(16) << 30)
#define BLOCK_SIZE (256U << 10)

struct HttpClient {
        Http *http;
        GMainContext *context;
        SoupSession *session;
        char *block;
};

void http_init(Http *http, const AddressRules *rules) {
        *http = (Http){ .rules = rules, .first_wait = FIRST_WAIT_US };
        g_mutex_init(&http->lock);
}

void http_done(Http *http) {
        g_mutex_clear(&http->lock);
}

HttpClient *http_client_new(Http *http) {
        HttpClient *client = g_new0(HttpClient, 1);

        client->http = http;
        client->block = g_malloc(BLOCK_SIZE);
        client->context = g_main_context_new();
        g_main_context_push_thread_default(client->context);
        /* No proxy: whoever finds one would be asked over a bus that the sandbox has not. */
        client->session = soup_session_new_with_options("timeout", IDLE_MAX_S, "user-agent", "left4me/1",
                "proxy-resolver", NULL, "max-conns", 2, "max-conns-per-host", 2, NULL);
        soup_session_remove_feature_by_type(client->session, SOUP_TYPE_CONTENT_DECODER);
        return client;
}

void http_client_free(HttpClient *client) {
        if (!client)
                return;

        soup_session_abort(client->session);
        g_object_unref(client->session);
        g_main_context_pop_thread_default(client->context);
        g_main_context_unref(client->context);
        g_free(client->block);
        g_free(client);
}

/* -- trying again ---------------------------------------------------------------------------------------------- */

/* Retry-After: seconds, or a date. -1 for none. */
static int64_t retry_after(SoupMessage *message) {
        const char *text = soup_message_headers_get_one(
                soup_message_get_response_headers(message), "Retry-After");
        g_autoptr(GDateTime) date = NULL, now = NULL;
        guint64 seconds;

        if (!text)
                return -1;
        if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &seconds, NULL))
                return (int64_t) seconds;

        date = soup_date_time_new_from_http_string(text);
        now = g_date_time_new_now_utc();
        return date ? MAX(g_date_time_difference(date, now) / G_USEC_PER_SEC, 0) : -1;
}

/* What a status other than success means: -EAGAIN for what may be better next time. */
static int fail_status(HttpClient *client, SoupMessage *message, GError **error) {
        guint status = soup_message_get_status(message);
        int64_t wait = retry_after(message);
        Http *http = client->http;

        if (status != TOO_MANY_REQUESTS && status != SOUP_STATUS_REQUEST_TIMEOUT && status < 500)
                return fail(error, ENOENT, "the server says %u %s", status,
                        soup_message_get_reason_phrase(message));
        if (wait > WAIT_MAX_S)
                return fail(error, EBUSY,
                        "the server wants no requests for %" G_GINT64_FORMAT " seconds: try again later",
                        wait);
        if (wait >= 0) {
                g_mutex_lock(&http->lock);
                http->not_before = MAX(http->not_before, g_get_monotonic_time() + wait * G_USEC_PER_SEC);
                g_mutex_unlock(&http->lock);
        }
        return fail(error, EAGAIN, "the server says %u %s", status, soup_message_get_reason_phrase(message));
}

/* What an exchange that did not come to its end means. */
static int fail_exchange(GError *why, GError **error) {
        bool ours = g_error_matches(why, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) ||
                    g_error_matches(why, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

        return fail(error, ours ? ECONNREFUSED : EAGAIN, "%s", why->message);
}

/* µs. */
static int64_t find_wait(Http *http, unsigned failures) {
        int64_t now = g_get_monotonic_time(), until;

        g_mutex_lock(&http->lock);
        until = http->not_before;
        g_mutex_unlock(&http->lock);

        /* Not all at the same moment. */
        if (failures > 0)
                until = MAX(until, now + (http->first_wait << (failures - 1)) +
                                           g_random_int_range(0, (int) (http->first_wait / 4) + 1));
        return MAX(until - now, 0);
}

/* -- calls ----------------------------------------------------------------------------------------------------- */

static int read_answer(HttpClient *client, GInputStream *stream, GByteArray *ret, GError **error) {
        for (;;) {
                g_autoptr(GError) why = NULL;
                gssize n = g_input_stream_read(stream, client->block, BLOCK_SIZE, NULL, &why);

                if (n < 0)
                        return fail_exchange(why, error);
                if (n == 0)
                        return 0;
                if (ret->len + (size_t) n > ANSWER_SIZE_MAX)
                        return fail(error, EMSGSIZE, "the answer is too long");
                g_byte_array_append(ret, (const guint8 *) client->block, (guint) n);
        }
}

static int call_once(
        HttpClient *client, const char *path, const char *form, GByteArray *ret, GError **error) {
        g_autofree char *url = g_strconcat(client->http->rules->api, path, NULL);
        g_autoptr(SoupMessage) message = soup_message_new("POST", url);
        g_autoptr(GBytes) body = g_bytes_new_static(form, strlen(form));
        g_autoptr(GInputStream) stream = NULL;
        g_autoptr(GError) why = NULL;

        soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
        soup_message_set_request_body_from_bytes(message, "application/x-www-form-urlencoded", body);
        stream = soup_session_send(client->session, message, NULL, &why);
        if (!stream)
                return fail_exchange(why, error);
        if (soup_message_get_status(message) != SOUP_STATUS_OK)
                return fail_status(client, message, error);
        return read_answer(client, stream, ret, error);
}

static void G_GNUC_PRINTF(2, 3) tell(const Http *http, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list ap;

        if (!http->progress)
                return;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        progress_report_now(http->progress, 0, 0, text);
}

/* Whoever looks on for a minute learns why, and that it goes on. */
static void wait_for_call(Http *http, unsigned failures, const GError *why) {
        int64_t wait = find_wait(http, failures);

        if (failures > 0)
                tell(http,
                        "the Workshop cannot be asked, tries again in %" G_GINT64_FORMAT " s (%u of %u): %s",
                        (wait + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, failures + 1, TRIES, why->message);
        g_usleep((gulong) wait);
        if (failures > 0)
                tell(http, "asks the Workshop again (%u of %u) after: %s", failures + 1, TRIES,
                        why->message);
}

int http_call(HttpClient *client, const char *path, const char *form,
        int (*take)(const char *text, size_t size, void *userdata), void *userdata, GError **error) {
        g_autoptr(GError) why = NULL;
        int r = 0;

        for (unsigned failures = 0; failures < TRIES; failures++) {
                g_autoptr(GByteArray) answer = g_byte_array_new();

                wait_for_call(client->http, failures, why);
                g_clear_error(&why);
                r = call_once(client, path, form, answer, &why);
                if (r >= 0) {
                        r = take((const char *) answer->data, answer->len, userdata);
                        if (r >= 0)
                                return 0;
                        r = fail(&why, r == -EBADMSG ? EAGAIN : -r, "its answer makes no sense (%s)",
                                g_strerror(-r));
                }
                if (r != -EAGAIN)
                        break;
        }
        return fail(
                error, -r, "the Workshop cannot be asked at %s: %s", client->http->rules->api, why->message);
}

/* -- downloads ------------------------------------------------------------------------------------------------- */

/* Follows redirections, each of which is looked at. *ret_message has the headers of the last one. */
static int open_file(HttpClient *client, const HttpDownload *what, uint64_t have, SoupMessage **ret_message,
        GInputStream **ret, GError **error) {
        g_autoptr(GUri) uri = address_check(client->http->rules, NULL, what->url, error);

        for (unsigned i = 0; uri && i <= REDIRECTIONS_MAX; i++) {
                g_autoptr(SoupMessage) message = soup_message_new_from_uri("GET", uri);
                g_autoptr(GInputStream) stream = NULL;
                g_autoptr(GError) why = NULL;
                const char *location;
                GUri *next;

                soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
                if (have > 0)
                        soup_message_headers_set_range(
                                soup_message_get_request_headers(message), (goffset) have, -1);
                stream = soup_session_send(client->session, message, NULL, &why);
                if (!stream)
                        return fail_exchange(why, error);
                if (!SOUP_STATUS_IS_REDIRECTION(soup_message_get_status(message))) {
                        *ret_message = g_steal_pointer(&message);
                        *ret = g_steal_pointer(&stream);
                        return 0;
                }

                location = soup_message_headers_get_one(
                        soup_message_get_response_headers(message), "Location");
                if (!location)
                        return fail(error, ENOENT, "the server redirects to nowhere");
                next = address_check(client->http->rules, uri, location, error);
                g_uri_unref(uri);
                uri = next;
        }
        return uri ? fail(error, ENOENT, "the server redirects again and again") : -EPERM;
}

/* Where what comes begins in the file, -EAGAIN when the file is to be fetched from its start instead. */
static int find_start(
        SoupMessage *message, uint64_t have, uint64_t expected, uint64_t *ret, GError **error) {
        SoupMessageHeaders *headers = soup_message_get_response_headers(message);
        goffset start, end, total;

        *ret = 0;
        if (soup_message_get_status(message) == SOUP_STATUS_OK)
                return 0;
        if (soup_message_get_status(message) == SOUP_STATUS_PARTIAL_CONTENT &&
                soup_message_headers_get_content_range(headers, &start, &end, &total) &&
                start == (goffset) have && (total < 0 || expected == 0 || total == (goffset) expected)) {
                *ret = have;
                return 0;
        }
        return fail(error, EAGAIN, "the server sends another part of the file than it was asked for");
}

static int write_blocks(
        HttpClient *client, const HttpDownload *what, GInputStream *stream, uint64_t at, GError **error) {
        int64_t window = g_get_monotonic_time() + SLOW_WINDOW_S * G_USEC_PER_SEC;
        uint64_t max = what->expected > 0 ? what->expected : FILE_SIZE_MAX, in_window = 0;

        for (;;) {
                g_autoptr(GError) why = NULL;
                gssize n = g_input_stream_read(stream, client->block, BLOCK_SIZE, NULL, &why);
                int r;

                if (n < 0)
                        return fail_exchange(why, error);
                if (n == 0)
                        return 0;

                at += (uint64_t) n;
                if (at > max)
                        return fail(error, EMSGSIZE, "it is larger than the Workshop says");
                r = write_all(what->fd, client->block, (size_t) n);
                if (r < 0)
                        return fail_errno(error, -r, "cannot write to the cache");
                what->received(what->userdata, n);

                in_window += (uint64_t) n;
                if (g_get_monotonic_time() > window) {
                        if (in_window < SLOW_BYTES)
                                return fail(error, EAGAIN, "the server is too slow");
                        in_window = 0;
                        window = g_get_monotonic_time() + SLOW_WINDOW_S * G_USEC_PER_SEC;
                }
        }
}

/* Begins to write at the end of what is kept of the file. */
static int keep_bytes(const HttpDownload *what, uint64_t have, uint64_t kept, GError **error) {
        if (ftruncate(what->fd, (off_t) kept) < 0 || lseek(what->fd, (off_t) kept, SEEK_SET) < 0)
                return fail_errno(error, errno, "cannot write to the cache");
        if (kept < have)
                what->received(what->userdata, -(int64_t) (have - kept));
        return 0;
}

static int download_once(HttpClient *client, const HttpDownload *what, uint64_t have, GError **error) {
        g_autoptr(SoupMessage) message = NULL;
        g_autoptr(GInputStream) stream = NULL;
        uint64_t start;
        guint status;
        int r;

        r = open_file(client, what, have, &message, &stream, error);
        if (r < 0)
                return r;

        status = soup_message_get_status(message);
        if (!SOUP_STATUS_IS_SUCCESSFUL(status) && status != SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE)
                return fail_status(client, message, error);

        r = find_start(message, have, what->expected, &start, error);
        if (r < 0) {
                /* Nothing of it is trusted any more. */
                g_autoptr(GError) why = NULL;

                return keep_bytes(what, have, 0, &why) < 0 ? fail(error, EIO, "%s", why->message) : r;
        }
        r = keep_bytes(what, have, start, error);
        return r < 0 ? r : write_blocks(client, what, stream, start, error);
}

static int bytes_there(int fd, uint64_t *ret, GError **error) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail_errno(error, errno, "cannot look at the cache");
        *ret = (uint64_t) st.st_size;
        return 0;
}

int http_download(HttpClient *client, const HttpDownload *what, GError **error) {
        unsigned failures = 0, short_ends = 0;
        uint64_t have, best;
        int r;

        r = bytes_there(what->fd, &have, error);
        best = have;
        while (r >= 0 && !(what->expected > 0 && have == what->expected)) {
                g_autoptr(GError) why = NULL;

                g_usleep((gulong) find_wait(client->http, failures));
                r = download_once(client, what, have, &why);
                if (r >= 0 && what->expected == 0)
                        return 0;
                if (r < 0 && r != -EAGAIN) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return r;
                }

                short_ends += r >= 0;
                r = bytes_there(what->fd, &have, error);
                /* As long as it goes on, a connection may break as often as it likes. */
                failures = have > best ? 1 : failures + 1;
                best = MAX(best, have);
                if (r < 0 || have == what->expected || failures == 1)
                        continue;
                if (short_ends > 1)
                        return fail(error, EMSGSIZE,
                                "it has %" G_GUINT64_FORMAT
                                " bytes, and the Workshop says %" G_GUINT64_FORMAT,
                                best, what->expected);
                if (failures >= TRIES)
                        return fail(error, ETIMEDOUT, "%s", why ? why->message : "it does not come");
        }
        return r;
}
