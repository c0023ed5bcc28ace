/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The edge of an instance's files: ListFiles, OpenFile and FindConflicts. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/conflicts.h"
#include "service/file-name.h"
#include "service/instance-view.h"
#include "service/instance.h"
#include "service/manager.h"

#define FILES_MAX 20000U
#define LISTINGS_MAX 8U /* each can hold a descriptor for every layer */

static int check_read(const Instance *i, sd_bus_message *call, const char *verb, sd_bus_error *error) {
        uid_t uid;

        return auth_check(i->manager->auth, call, LEFT4ME_ACTION_MANAGE_INSTANCES, verb, "instance", i->name,
                &uid, error);
}

static int set_not_readable(const char *path, const LayerRoot *root, int r, sd_bus_error *error) {
        bool upper = g_str_equal(root->name, VIEW_UPPER);

        return sd_bus_error_setf(error, LEFT4ME_ERROR_NOT_READABLE,
                "'%s' cannot be read in the layer %s: %s%s", path, root->name, strerror(-r),
                upper && r == -EACCES
                        ? ". The server made it for itself alone: it can give it other modes, or "
                          "be reset (left4mectl reset)"
                        : "");
}

/* -- ListFiles ------------------------------------------------------------------------------------------------- */

static int append_file(sd_bus_message *reply, const LayerRoots *roots, const LayerFile *file) {
        const LayerRoot *root = &g_array_index(roots, LayerRoot, file->root);
        g_autofree char *name = file_name_escape(file->name);

        return sd_bus_message_append(reply, "(ssttsub)", name, file_type_to_string(file->type), file->size,
                file->modified, root->name, root->version, (int) file->visible);
}

static int reply_files(sd_bus_message *call, const LayerRoots *roots, const GArray *files) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssttsub)");
        for (unsigned k = 0; k < files->len && r >= 0; k++)
                r = append_file(reply, roots, &g_array_index(files, LayerFile, k));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static int set_list_error(
        const char *instance, const char *directory, const LayerRoot *root, int r, sd_bus_error *error) {
        if (r == -ENOENT)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                        "There is no directory '%s' in the files of '%s'.", directory, instance);
        if (r == -ENOTDIR)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_NO_SUCH_FILE, "'%s' is no directory.", directory);
        if (r == -E2BIG)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "The directory '%s' has more than %u entries in the layers of '%s'.", directory,
                        FILES_MAX, instance);

        return set_not_readable(directory, root, r, error);
}

/* A list of so many entries that it takes more than one turn of the loop. */
typedef struct Listing {
        Manager *manager;
        sd_bus_message *call;
        char *instance, *directory;
        LayerRoots *roots;
        LayerListing *listing;
} Listing;

static void listing_free(void *userdata) {
        Listing *l = userdata;

        l->manager->n_listings--;
        sd_bus_message_unref(l->call);
        layer_listing_free(l->listing);
        g_array_unref(l->roots);
        g_free(l->instance);
        g_free(l->directory);
        g_free(l);
}

/* 1: it has been answered; 0: there is more to do. */
static int step_listing(sd_bus_message *call, const char *instance, const char *directory,
        const LayerRoots *roots, LayerListing *listing, sd_bus_error *error) {
        g_autoptr(GArray) files = NULL;
        unsigned root = 0;
        int r;

        r = layer_listing_step(listing, &files, &root);
        if (r < 0)
                return set_list_error(instance, directory, &g_array_index(roots, LayerRoot, root), r, error);
        if (r == 0)
                return 0;

        r = reply_files(call, roots, files);
        return r < 0 ? r : 1;
}

static int on_list_slice(sd_event_source *source, void *userdata) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Listing *l = userdata;
        int r;

        r = step_listing(l->call, l->instance, l->directory, l->roots, l->listing, &error);
        if (r < 0)
                (void) sd_bus_reply_method_errno(l->call, r, &error);
        sd_bus_error_free(&error);

        /* The loop had the only reference: the listing goes with it. */
        return r == 0 ? 0 : sd_event_source_set_floating(source, false);
}

/* Takes roots and listing. */
static int go_on_later(Instance *i, sd_bus_message *call, const char *directory, LayerRoots **roots,
        LayerListing **listing, sd_bus_error *error) {
        Manager *m = i->manager;
        sd_event_source *source;
        Listing *l;
        int r;

        if (m->n_listings >= LISTINGS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u large directories are being read already. Try again when that has ended.",
                        m->n_listings);

        l = g_new(Listing, 1);
        r = sd_event_add_defer(m->event, &source, on_list_slice, l);
        if (r < 0) {
                g_free(l);
                return r;
        }

        m->n_listings++;
        *l = (Listing){ .manager = m,
                .call = sd_bus_message_ref(call),
                .instance = g_strdup(i->name),
                .directory = g_strdup(directory),
                .roots = g_steal_pointer(roots),
                .listing = g_steal_pointer(listing) };
        (void) sd_event_source_set_destroy_callback(source, listing_free);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ON);
        (void) sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
        (void) sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
        return 1;
}

int bus_list_files(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        g_autoptr(LayerListing) listing = NULL;
        g_autoptr(LayerRoots) roots = NULL;
        g_autofree char *path = NULL;
        const char *directory;
        unsigned root = 0;
        int all, r;

        r = sd_bus_message_read(call, "sb", &directory, &all);
        if (r >= 0)
                r = bus_unescape_path(directory, true, &path, error);
        if (r < 0)
                return r;

        r = check_read(i, call, "list-files", error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = instance_open_layers(i, &roots, error);
        if (r < 0)
                return r;

        r = layer_listing_new(roots, path, all, FILES_MAX, &listing, &root);
        if (r < 0)
                return set_list_error(i->name, directory, &g_array_index(roots, LayerRoot, root), r, error);

        r = step_listing(call, i->name, directory, roots, listing, error);
        return r != 0 ? r : go_on_later(i, call, directory, &roots, &listing, error);
}

/* -- OpenFile -------------------------------------------------------------------------------------------------- */

static int set_open_error(const Instance *i, const char *path, const char *layer, const LayerRoot *root,
        int r, sd_bus_error *error) {
        switch (r) {
        case -ESRCH:
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                        "'%s' has no layer '%s'. See: left4mectl files %s --layers", i->name, layer,
                        i->name);
        case -ENOENT:
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_FILE,
                        "There is no file '%s' in %s%s of '%s'.", path,
                        *layer != '\0' ? "the layer " : "the files", layer, i->name);
        case -EPERM:
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NOT_READABLE,
                        "'%s' is made anew at each start, and may hold passwords: nobody reads it. Settings are shown by "
                        "left4mectl configure %s",
                        path, i->name);
        case -EISDIR:
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NOT_READABLE,
                        "'%s' is a directory. See: left4mectl files %s %s", path, i->name, path);
        case -ELOOP:
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NOT_READABLE,
                        "'%s' is a symbolic link, and those are not followed.", path);
        case -ENXIO:
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_NOT_READABLE, "'%s' is neither a file nor a directory.", path);
        default:
                return set_not_readable(path, root, r, error);
        }
}

int bus_open_file(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        g_autoptr(LayerRoots) roots = NULL;
        g_autofree char *path = NULL;
        const char *text, *layer;
        unsigned root = 0;
        int fd, r;

        r = sd_bus_message_read(call, "ss", &text, &layer);
        if (r >= 0)
                r = bus_unescape_path(text, false, &path, error);
        if (r < 0)
                return r;

        r = check_read(i, call, "open-file", error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = instance_open_layers(i, &roots, error);
        if (r < 0)
                return r;

        r = layers_open(roots, path, *layer != '\0' ? layer : NULL, &fd, &root);
        if (r < 0)
                return set_open_error(i, text, layer, &g_array_index(roots, LayerRoot, root), r, error);

        r = sd_bus_reply_method_return(call, "h", fd);
        (void) close(fd);
        return r;
}

/* -- FindConflicts --------------------------------------------------------------------------------------------- */

static int append_conflict(sd_bus_message *reply, const Conflict *conflict) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "ssas");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "ss", claim_kind_to_string(conflict->claim->kind), conflict->claim->path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (unsigned k = 0; k < conflict->layers->len && r >= 0; k++)
                r = sd_bus_message_append(reply, "s", conflict->layers->pdata[k]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_conflicts(sd_bus_message *call, const GArray *conflicts) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssas)");
        for (unsigned k = 0; k < conflicts->len && r >= 0; k++)
                r = append_conflict(reply, &g_array_index(conflicts, Conflict, k));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static void on_conflicts(int r, const GArray *conflicts, void *userdata) {
        g_autoptr(sd_bus_message) call = userdata;

        if (r >= 0)
                (void) reply_conflicts(call, conflicts);
        else if (r == -E2BIG)
                (void) sd_bus_reply_method_errorf(call, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "The layers have too many maps, plugins and gamedata files to compare (%u of one layer, "
                        "100,000 of all).",
                        CLAIMS_MAX);
        else
                (void) sd_bus_reply_method_errorf(
                        call, LEFT4ME_ERROR_FAILED, "Cannot look into the layers: %s", strerror(-r));
}

int bus_find_conflicts(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        g_autoptr(Stack) stack = NULL;
        int r;

        r = check_read(i, call, "find-conflicts", error);
        if (r <= 0)
                return r < 0 ? r : 1;

        stack = instance_next_overlays(i);
        r = conflicts_find(i->manager->conflicts, stack, on_conflicts, call);
        if (r == -EBUSY)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "Too many calls look for conflicts already. Try again when some have ended.");
        if (r < 0)
                return r;

        (void) sd_bus_message_ref(call);
        return 1;
}
