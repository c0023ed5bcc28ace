/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "protocol/keyvalues.h"

typedef enum TokenType {
        TOKEN_END,
        TOKEN_OPEN,
        TOKEN_CLOSE,
        TOKEN_WORD,
        TOKEN_CONDITION,
} TokenType;

typedef struct Token {
        TokenType type;
        const char *text; /* of a word, in the input */
        size_t size;
} Token;

typedef struct Parser {
        const char *p;
        const char *end;
        GPtrArray
                *open; /* of KeyValues: the blocks we are in, the root first; they belong to their parents */
        unsigned nodes;
} Parser;

void keyvalues_free(KeyValues *kv) {
        if (!kv)
                return;

        g_free(kv->key);
        g_free(kv->value);
        g_clear_pointer(&kv->children, g_ptr_array_unref);
        g_free(kv);
}

static KeyValues *node_new(const Token *key, const Token *value) {
        KeyValues *kv = g_new0(KeyValues, 1);

        kv->key = key ? g_utf8_make_valid(key->text, (gssize) key->size) : g_strdup("");
        if (value)
                kv->value = g_utf8_make_valid(value->text, (gssize) value->size);
        else
                kv->children = g_ptr_array_new_with_free_func((GDestroyNotify) keyvalues_free);
        return kv;
}

static void skip_blanks(Parser *s) {
        while (s->p < s->end) {
                if (g_ascii_isspace(*s->p)) {
                        s->p++;
                        continue;
                }
                if (s->end - s->p < 2 || s->p[0] != '/' || s->p[1] != '/')
                        return;
                while (s->p < s->end && *s->p != '\n')
                        s->p++;
        }
}

static bool ends_word(char c) {
        return g_ascii_isspace(c) || c == '{' || c == '}' || c == '"';
}

static int next_token(Parser *s, Token *ret) {
        const char *start, *quote;

        skip_blanks(s);
        start = s->p;
        if (start == s->end) {
                *ret = (Token){ TOKEN_END, NULL, 0 };
                return 0;
        }

        if (*start == '{' || *start == '}') {
                s->p++;
                *ret = (Token){ *start == '{' ? TOKEN_OPEN : TOKEN_CLOSE, NULL, 0 };
                return 0;
        }
        if (*start == '"') {
                start++;
                quote = memchr(start, '"', (size_t) (s->end - start));
                if (!quote)
                        return -EBADMSG;
                s->p = quote + 1;
                *ret = (Token){ TOKEN_WORD, start, (size_t) (quote - start) };
                return 0;
        }

        while (s->p < s->end && !ends_word(*s->p))
                s->p++;
        *ret = (Token){ TOKEN_WORD, start, (size_t) (s->p - start) };
        if (ret->size > 2 && s->p[-1] == ']' &&
                (strncmp(start, "[$", 2) == 0 || strncmp(start, "[!", 2) == 0))
                ret->type = TOKEN_CONDITION;
        return 0;
}

static int next_but_conditions(Parser *s, Token *ret) {
        int r;

        do
                r = next_token(s, ret);
        while (r == 0 && ret->type == TOKEN_CONDITION);
        return r;
}

/* A key and what belongs to it. */
static int read_pair(Parser *s, const Token *key) {
        KeyValues *parent = g_ptr_array_index(s->open, s->open->len - 1), *kv;
        Token value;
        int r;

        r = next_but_conditions(s, &value);
        if (r < 0)
                return r;
        if (value.type != TOKEN_WORD && value.type != TOKEN_OPEN)
                return -EBADMSG;
        if (++s->nodes > KEYVALUES_NODES_MAX)
                return -EMSGSIZE;

        kv = node_new(key, value.type == TOKEN_WORD ? &value : NULL);
        g_ptr_array_add(parent->children, kv);
        if (kv->children) {
                if (s->open->len > KEYVALUES_DEPTH_MAX)
                        return -EMSGSIZE;
                g_ptr_array_add(s->open, kv);
        }
        return 0;
}

static int parse(const char *text, size_t size, KeyValues **ret) {
        g_autoptr(KeyValues) root = node_new(NULL, NULL);
        g_autoptr(GPtrArray) open = g_ptr_array_new();
        Parser s = { text, text + size, open, 0 };
        Token token;
        int r;

        if (memchr(text, '\0', size))
                return -EBADMSG;

        g_ptr_array_add(open, root);
        for (;;) {
                r = next_but_conditions(&s, &token);
                if (r < 0)
                        return r;
                if (token.type == TOKEN_END)
                        break;

                if (token.type == TOKEN_CLOSE) {
                        if (open->len == 1)
                                return -EBADMSG;
                        g_ptr_array_set_size(open, (int) open->len - 1);
                        continue;
                }
                if (token.type != TOKEN_WORD)
                        return -EBADMSG;
                r = read_pair(&s, &token);
                if (r < 0)
                        return r;
        }
        *ret = g_steal_pointer(&root);
        return 0;
}

int keyvalues_parse(const void *data, size_t size, KeyValues **ret) {
        g_autofree char *converted = NULL;
        const char *text = data;
        gsize n;

        if (size > KEYVALUES_SIZE_MAX)
                return -EMSGSIZE;
        if (size == 0)
                text = "";
        else if (size >= 2 && memcmp(text, "\xFF\xFE", 2) == 0) {
                converted = g_convert(text + 2, (gssize) size - 2, "UTF-8", "UTF-16LE", NULL, &n, NULL);
                if (!converted)
                        return -EBADMSG;
                text = converted;
                size = n;
        } else if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
                text += 3;
                size -= 3;
        }
        return parse(text, size, ret);
}

const KeyValues *keyvalues_get(const KeyValues *kv, const char *key) {
        for (guint i = 0; kv && kv->children && i < kv->children->len; i++) {
                const KeyValues *child = g_ptr_array_index(kv->children, i);

                if (g_ascii_strcasecmp(child->key, key) == 0)
                        return child;
        }
        return NULL;
}

const char *keyvalues_get_value(const KeyValues *kv, const char *key) {
        const KeyValues *child = keyvalues_get(kv, key);

        return child ? child->value : NULL;
}
