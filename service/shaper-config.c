/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/shaper-config.h"
#include "service/tc.h"

void shaper_config_init(ShaperConfig *c) {
        *c = (ShaperConfig){ 0 };
        cake_options_init(&c->egress);
}

static bool rate_is_valid(uint64_t rate) {
        return rate == 0 || (rate >= CAKE_BANDWIDTH_MIN && rate <= CAKE_BANDWIDTH_MAX);
}

int shaper_config_check(const ShaperConfig *c, char **ret_why) {
        const CakeOptions *o = &c->egress;

        if (!rate_is_valid(o->bandwidth) || !rate_is_valid(c->ingress))
                *ret_why = g_strdup_printf("%s: from 64 kbit/s to 1 Tbit/s, or 0",
                        rate_is_valid(c->ingress) ? "Bandwidth" : "Ingress");
        else if (o->rtt < CAKE_RTT_MIN || o->rtt > CAKE_RTT_MAX)
                *ret_why = g_strdup("Rtt: from 100 microseconds to 10 seconds");
        else if (o->has_overhead && (o->overhead < CAKE_OVERHEAD_MIN || o->overhead > CAKE_OVERHEAD_MAX))
                *ret_why = g_strdup_printf(
                        "Overhead: from %d to %d bytes", CAKE_OVERHEAD_MIN, CAKE_OVERHEAD_MAX);
        else if (o->mpu > CAKE_MPU_MAX)
                *ret_why = g_strdup_printf("Mpu: up to %u bytes", CAKE_MPU_MAX);
        else
                return 0;

        return -EINVAL;
}

void shaper_config_ingress(const ShaperConfig *c, CakeOptions *ret) {
        *ret = c->egress;
        ret->bandwidth = c->ingress;
        ret->preset = CAKE_DIFFSERV_BESTEFFORT;
        ret->ingress = true;
        ret->wash = false;
        ret->ack_filter = CAKE_ACK_NONE;
}

bool shaper_config_equal(const ShaperConfig *a, const ShaperConfig *b) {
        g_autofree char *x = shaper_config_render("x", a), *y = shaper_config_render("x", b);

        return g_str_equal(x, y);
}

/* -- text ------------------------------------------------------------------------------------------------------ */

char *shaper_config_render(const char *interface, const ShaperConfig *c) {
        GString *line = g_string_new(interface);
        const CakeOptions *o = &c->egress;

        g_string_append_printf(line,
                " bandwidth=%" G_GUINT64_FORMAT " rtt=%u preset=%s isolation=%s line=%s", o->bandwidth,
                o->rtt, cake_presets[o->preset], cake_isolations[o->isolation], cake_lines[o->line]);
        if (o->has_overhead)
                g_string_append_printf(line, " overhead=%d", o->overhead);
        g_string_append_printf(line, " mpu=%u ack-filter=%s ingress=%" G_GUINT64_FORMAT, o->mpu,
                cake_ack_filters[o->ack_filter], c->ingress);
        g_string_append_printf(line, " nat=%d wash=%d takeover=%d", o->nat, o->wash, c->takeover);
        return g_string_free(line, FALSE);
}

static int parse_number(const char *text, int64_t least, uint64_t most, int64_t *ret) {
        g_autoptr(GError) error = NULL;

        if (!g_ascii_string_to_signed(text, 10, least, (gint64) most, ret, &error))
                return -EINVAL;

        return 0;
}

static int parse_unsigned(const char *text, uint64_t most, uint64_t *ret) {
        int64_t n;
        int r;

        r = parse_number(text, 0, most, &n);
        if (r >= 0)
                *ret = (uint64_t) n;

        return r;
}

static int parse_word(const char *key, const char *value, CakeOptions *o) {
        static const struct {
                const char *key;
                const char *const *names;
                size_t offset;
        } words[] = {
                { "preset", cake_presets, G_STRUCT_OFFSET(CakeOptions, preset) },
                { "isolation", cake_isolations, G_STRUCT_OFFSET(CakeOptions, isolation) },
                { "line", cake_lines, G_STRUCT_OFFSET(CakeOptions, line) },
                { "ack-filter", cake_ack_filters, G_STRUCT_OFFSET(CakeOptions, ack_filter) },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                if (g_str_equal(key, words[i].key)) {
                        int n = cake_find(words[i].names, value);

                        if (n < 0)
                                return n;

                        G_STRUCT_MEMBER(uint32_t, o, words[i].offset) = (uint32_t) n;
                        return 0;
                }

        return -EINVAL;
}

static int parse_pair(const char *key, const char *value, ShaperConfig *c) {
        CakeOptions *o = &c->egress;
        uint64_t n = 0;
        int64_t overhead = 0;
        int r;

        if (g_str_equal(key, "overhead")) {
                r = parse_number(value, CAKE_OVERHEAD_MIN, CAKE_OVERHEAD_MAX, &overhead);
                o->overhead = (int32_t) overhead;
                o->has_overhead = true;
                return r;
        }

        if (g_str_equal(key, "bandwidth"))
                return parse_unsigned(value, CAKE_BANDWIDTH_MAX, &o->bandwidth);
        if (g_str_equal(key, "ingress"))
                return parse_unsigned(value, CAKE_BANDWIDTH_MAX, &c->ingress);

        r = parse_unsigned(value, CAKE_RTT_MAX, &n);
        if (g_str_equal(key, "rtt"))
                o->rtt = (uint32_t) n;
        else if (g_str_equal(key, "mpu"))
                o->mpu = (uint32_t) n;
        else if (g_str_equal(key, "nat"))
                o->nat = n > 0;
        else if (g_str_equal(key, "wash"))
                o->wash = n > 0;
        else if (g_str_equal(key, "takeover"))
                c->takeover = n > 0;
        else
                r = parse_word(key, value, o);

        return r;
}

int shaper_config_parse(const char *line, char **ret_interface, ShaperConfig *ret) {
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        g_autofree char *why = NULL;
        ShaperConfig c;
        int r;

        if (!words[0] || !tc_name_is_valid(words[0]))
                return -EINVAL;

        shaper_config_init(&c);
        for (char **word = words + 1; *word; word++) {
                char *equals = strchr(*word, '=');

                if (!equals)
                        return -EINVAL;

                *equals = '\0';
                r = parse_pair(*word, equals + 1, &c);
                if (r < 0)
                        return r;
        }

        r = shaper_config_check(&c, &why);
        if (r < 0)
                return r;

        *ret_interface = g_strdup(words[0]);
        *ret = c;
        return 0;
}
