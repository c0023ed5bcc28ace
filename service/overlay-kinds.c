/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/job.h"
#include "service/manager.h"
#include "service/overlay-kinds.h"
#include "service/overlay.h"
#include "service/steam.h"
#include "service/util.h"
#include "service/workshop.h"

/* What an upload brings is unpacked by the same unit for every kind. */
#define UPLOAD_TEMPLATE "left4me-build@"

static int describe_script(const Overlay *o, const Job *j, int fd, GKeyFile *job) {
        g_autofree char *source = NULL;
        int r;

        r = store_get_source(o->manager->store, o->name, &source);
        if (r < 0)
                return r;

        g_key_file_set_string(job, "Job", "Operation", "script");
        g_key_file_set_string(job, "Job", "Overlay", o->name);
        return file_write(fd, "script", source, strlen(source), 0640);
}

static const OverlayKind overlay_kinds[] = {
        { .name = "files" },
        {
                .name = "script",
                .template = "left4me-script@",
                .doing = "runs the script",
                .how = "left4mectl overlay edit",
                .describe = describe_script,
        },
        {
                .name = "workshop",
                .template = "left4me-workshop@",
                .helper = "left4me-steam@",
                .doing = "asks the Workshop",
                .how = "left4mectl overlay items",
                .describe = workshop_describe,
                .read_result = workshop_read_result,
                .summary = workshop_summary,
        },
        {
                .name = "steam",
                .template = "left4me-steam@",
                .doing = "asks Steam",
                .how = "left4mectl overlay app",
                .describe = steam_describe,
        },
};

const OverlayKind *overlay_kind_find(const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(overlay_kinds); i++)
                if (g_str_equal(overlay_kinds[i].name, name))
                        return &overlay_kinds[i];

        return NULL;
}

char *overlay_kinds_list(void) {
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(overlay_kinds); i++)
                g_string_append_printf(text, "%s\"%s\"",
                        i == 0                                 ? ""
                        : i + 1 == G_N_ELEMENTS(overlay_kinds) ? " or "
                                                               : ", ",
                        overlay_kinds[i].name);

        return g_string_free(text, FALSE);
}

char *build_unit_name(const Job *j) {
        const char *template = job_kind_builds(j->kind)
                                       ? overlay_find(j->manager, j->subject)->kind->template
                                       : UPLOAD_TEMPLATE;

        return g_strdup_printf("%s%u.service", template, j->id);
}

char *build_helper_name(const Job *j) {
        const char *helper = job_kind_builds(j->kind) ? overlay_find(j->manager, j->subject)->kind->helper
                                                      : NULL;

        return helper ? g_strdup_printf("%s%u.service", helper, j->id) : NULL;
}

/* Calls each with every prefix of a job's units. */
static void each_prefix(void (*each)(const char *prefix, void *userdata), void *userdata) {
        each(UPLOAD_TEMPLATE, userdata);
        each("left4me-tree@", userdata);
        each("left4me-overlay@build-", userdata);
        for (size_t i = 0; i < G_N_ELEMENTS(overlay_kinds); i++)
                if (overlay_kinds[i].template)
                        each(overlay_kinds[i].template, userdata);
}

typedef struct Names {
        GStrvBuilder *builder;
        uint32_t id;
} Names;

static void add_name(const char *prefix, void *userdata) {
        g_autofree char *unit = NULL;
        Names *names = userdata;

        unit = g_strdup_printf("%s%u.service", prefix, names->id);
        g_strv_builder_add(names->builder, unit);
}

GStrv job_units(uint32_t id) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        Names names = { builder, id };

        each_prefix(add_name, &names);
        return g_strv_builder_end(builder);
}

typedef struct Search {
        const char *unit;
        uint32_t id;
} Search;

static void match_prefix(const char *prefix, void *userdata) {
        g_autofree char *number = NULL;
        Search *search = userdata;
        guint64 id;

        if (!g_str_has_prefix(search->unit, prefix) || !g_str_has_suffix(search->unit, ".service"))
                return;

        number = g_strndup(
                search->unit + strlen(prefix), strlen(search->unit) - strlen(prefix) - strlen(".service"));
        if (g_ascii_string_to_unsigned(number, 10, 1, G_MAXUINT32, &id, NULL))
                search->id = (uint32_t) id;
}

bool job_unit_parse(const char *unit, uint32_t *ret_id) {
        Search search = { .unit = unit };

        each_prefix(match_prefix, &search);
        if (search.id == 0)
                return false;

        *ret_id = search.id;
        return true;
}
