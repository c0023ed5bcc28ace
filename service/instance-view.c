/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/instance-internal.h"
#include "service/instance-view.h"
#include "service/layer-parts.h"
#include "service/manager.h"
#include "service/overlay.h"

/* As left4me-overlay mounts them; one of them holds the password of the console. */
#define GENERATED_DIR "left4dead2/cfg"
static const char *const generated_files[] = { "server.cfg", "left4me.cfg", NULL };

/* A directory that is made at the first start: -1 in *ret while there is none. */
static int open_own(const Instance *i, int parent, const char *path, int *ret, sd_bus_error *error) {
        int fd;

        fd = layer_open(parent, path, O_PATH | O_DIRECTORY);
        if (fd == -EACCES)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NOT_READABLE,
                        "The manager may not look at what '%s' has written. See: left4mectl check", i->name);
        if (fd < 0 && fd != -ENOENT)
                return bus_error_set_io(error, fd, "Cannot open what the server has written");

        *ret = fd < 0 ? -1 : fd;
        return 0;
}

static int add_own(const Instance *i, LayerRoots *roots, sd_bus_error *error) {
        g_autofree char *upper = g_strdup_printf("%s/upper", i->name);
        int generated_fd, upper_fd, r;

        r = open_own(i, i->manager->instances_fd, i->name, &generated_fd, error);
        if (r < 0)
                return r;
        layer_roots_add_files(roots, VIEW_GENERATED, generated_fd, GENERATED_DIR, generated_files);

        r = open_own(i, i->manager->uppers_fd, upper, &upper_fd, error);
        if (r < 0)
                return r;
        layer_roots_add(roots, VIEW_UPPER, 0, upper_fd);
        return 0;
}

static int add_overlay(const Instance *i, LayerRoots *roots, const Layer *layer, sd_bus_error *error) {
        const Overlay *o = overlay_find(i->manager, layer->overlay);
        int fd;

        fd = o ? overlay_open_directory(o, layer->version, ".") : -ENOENT;
        if (fd < 0)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_FAILED,
                        "Cannot open version %u of the overlay '%s': %s", layer->version, layer->overlay,
                        strerror(-fd));

        layer_roots_add(roots, layer->overlay, layer->version, fd);
        return 0;
}

Stack *instance_next_overlays(const Instance *i) {
        Stack *stack = stack_new();

        for (char **name = i->config->overlays; *name; name++) {
                const Overlay *o = overlay_find(i->manager, *name);

                if (o && o->current > 0)
                        stack_add(stack, *name, instance_wanted_version(i, o));
        }

        return stack;
}

int instance_open_layers(const Instance *i, LayerRoots **ret, sd_bus_error *error) {
        g_autoptr(LayerRoots) roots = layer_roots_new();
        g_autoptr(Stack) stack = NULL;
        int r;

        if (i->layers->len > 0)
                stack = g_array_ref(i->layers);
        else {
                r = instance_plan_stack(i, &stack, error);
                if (r < 0)
                        return r;
        }

        r = add_own(i, roots, error);
        for (unsigned k = 0; k < stack->len && r >= 0; k++)
                r = add_overlay(i, roots, &g_array_index(stack, Layer, k), error);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&roots);
        return 0;
}
