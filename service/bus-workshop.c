/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/steam.h"
#include "service/workshop.h"

/* What the bus shows of overlays of the Workshop; of the others there is nothing to be shown. */

int bus_overlay_get_wanted_items(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Workshop *w = ((Overlay *) userdata)->workshop;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (guint i = 0; w && i < w->ids->len && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", (const char *) w->ids->pdata[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_item(sd_bus_message *reply, const Workshop *w, const WorkshopItem *item) {
        uint64_t updated = workshop_revision_time(*item->revision != '\0' ? item->revision : item->upstream);

        updated = MIN(updated, G_MAXUINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC;
        return sd_bus_message_append(reply, "(ssttbs)", item->id, item->title, item->size, updated,
                (int) g_hash_table_contains(w->pins, item->id), workshop_item_state(w, item));
}

/* Those that are wanted and nobody has looked for yet, or not found. */
static int append_wanted(sd_bus_message *reply, const Workshop *w) {
        int r = 0;

        for (guint i = 0; i < w->ids->len && r >= 0; i++) {
                const char *id = w->ids->pdata[i];

                if (!workshop_list_find(w->contents, id))
                        r = sd_bus_message_append(
                                reply, "(ssttbs)", id, "", UINT64_C(0), UINT64_C(0), 0, "wanted");
        }
        return r;
}

int bus_overlay_get_items(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Workshop *w = ((Overlay *) userdata)->workshop;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssttbs)");
        for (guint i = 0; w && w->contents && i < w->contents->items->len && r >= 0; i++)
                r = append_item(reply, w, w->contents->items->pdata[i]);
        if (w && r >= 0)
                r = append_wanted(reply, w);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_mode(sd_bus_message *reply, const WorkshopMode *mode) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sa(ss)");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", mode->name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ss)");
        for (guint i = 0; i < mode->maps->len && r >= 0; i++) {
                const WorkshopMap *map = mode->maps->pdata[i];

                r = sd_bus_message_append(reply, "(ss)", map->name, map->title);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_campaign(
        sd_bus_message *reply, const WorkshopItem *item, const WorkshopCampaign *campaign) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sssa(sa(ss))");
        if (r >= 0)
                r = sd_bus_message_append(reply, "sss", item->id, campaign->name, campaign->title);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa(ss))");
        for (guint i = 0; i < campaign->modes->len && r >= 0; i++)
                r = append_mode(reply, campaign->modes->pdata[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_overlay_get_campaigns(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Workshop *w = ((Overlay *) userdata)->workshop;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sssa(sa(ss)))");
        for (guint i = 0; w && w->contents && i < w->contents->items->len && r >= 0; i++) {
                const WorkshopItem *item = w->contents->items->pdata[i];

                for (guint k = 0; k < item->campaigns->len && r >= 0; k++)
                        r = append_campaign(reply, item, item->campaigns->pdata[k]);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_overlay_get_update_available(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Overlay *o = userdata;

        return sd_bus_message_append(reply, "b",
                (int) ((o->workshop && workshop_has_update(o->workshop)) ||
                        (o->steam && steam_has_update(o))));
}

/* -- methods --------------------------------------------------------------------------------------------------- */

static int read_id(const char *text, char **ret, sd_bus_error *error) {
        if (workshop_id_from_text(text, ret) >= 0)
                return 0;

        return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                "'%.100s' is no item of the Workshop: give its number, or the address of its page", text);
}

static int read_ids(sd_bus_message *call, GStrv *ret, sd_bus_error *error) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) texts = NULL;
        int r;

        r = sd_bus_message_read_strv(call, &texts);
        if (r < 0)
                return r;

        for (char **text = texts; text && *text; text++) {
                char *id;

                if (ids->len == WORKSHOP_WANTED_MAX)
                        return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                                "An overlay names up to %u items. Put them into a collection, or several overlays.",
                                WORKSHOP_WANTED_MAX);
                r = read_id(*text, &id, error);
                if (r < 0)
                        return r;
                if (g_hash_table_add(seen, id))
                        g_ptr_array_add(ids, id);
                else
                        g_free(id);
        }

        g_ptr_array_add(ids, NULL);
        *ret = (GStrv) g_ptr_array_free(g_steal_pointer(&ids), FALSE);
        return 0;
}

static int begin(Overlay *o, sd_bus_message *call, const char *verb, Request **ret, sd_bus_error *error) {
        int r;

        r = bus_begin(
                o->manager, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, verb, "overlay", o->name, ret, error);
        if (r <= 0 || o->workshop)
                return r;

        (void) sd_bus_error_setf(error, LEFT4ME_ERROR_WRONG_KIND,
                "The overlay '%s' is of kind %s. Only one of kind workshop has items.", o->name,
                o->kind->name);
        return request_return(*ret, -EINVAL, error);
}

int bus_overlay_set_items(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_auto(GStrv) ids = NULL;
        Overlay *o = userdata;
        Request *q;
        int r;

        r = read_ids(call, &ids, error);
        if (r < 0)
                return r;

        r = begin(o, call, "set-items", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = workshop_set_items(o, ids, error);
        if (r < 0)
                return request_return(q, r, error);

        request_ok(q);
        return 1;
}

int bus_overlay_pin(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *id = NULL;
        Overlay *o = userdata;
        const char *text;
        Request *q;
        int pin, r;

        r = sd_bus_message_read(call, "sb", &text, &pin);
        if (r >= 0)
                r = read_id(text, &id, error);
        if (r < 0)
                return r;

        r = begin(o, call, pin ? "pin" : "unpin", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = workshop_pin(o, id, pin, error);
        if (r < 0)
                return request_return(q, r, error);

        request_ok(q);
        return 1;
}

int bus_refresh_workshop(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) paths = NULL;
        Manager *m = userdata;
        Request *q;
        int r;

        r = bus_begin(
                m, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "refresh-workshop", NULL, "workshop", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = workshop_refresh(m, builder, error);
        if (r < 0)
                return request_return(q, r, error);

        paths = g_strv_builder_end(builder);
        request_ok_paths(q, paths);
        return 1;
}
