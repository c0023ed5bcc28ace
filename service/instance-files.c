/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/instance-internal.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/util.h"

#define STACK_SIZE_MAX (64U * 1024U)

static int plan_layer(const Instance *i, const char *name, Stack *stack, sd_bus_error *error) {
        const Overlay *o = overlay_find(i->manager, name);

        if (!o || o->current == 0)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_MISSING_LAYER,
                        "The overlay '%s' in the stack of '%s' has nothing in it yet. %s it first (left4mectl overlay %s %s%s).",
                        name, i->name, o && o->kind->template ? "Build" : "Fill",
                        o && o->kind->template ? "build" : "import", name,
                        o && o->kind->template ? "" : " FILE");

        if (o->job && job_is(o->job, JOB_RENAME_OVERLAY))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_BUSY,
                        "The overlay '%s' is being renamed. Try again in a moment.", name);

        stack_add(stack, name, instance_wanted_version(i, o));
        return 0;
}

int instance_plan_stack(const Instance *i, Stack **ret, sd_bus_error *error) {
        g_autoptr(Stack) stack = stack_new();
        int r;

        for (char **name = i->config->overlays; *name; name++) {
                r = plan_layer(i, *name, stack, error);
                if (r < 0)
                        return r;
        }

        r = plan_layer(i, i->config->game, stack, error);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&stack);
        return 0;
}

int instance_read_stack(const Instance *i, Stack **ret) {
        g_autofree char *text = NULL;
        int fd, r;

        fd = openat(i->manager->instances_fd, i->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = file_read(fd, "stack", STACK_SIZE_MAX, &text);
        (void) close(fd);
        if (r >= 0)
                *ret = stack_from_text(text);
        return r;
}

/* The overlays that brought a server.cfg, which the commit linked as server_OVERLAY.cfg; bottom first. */
static GStrv find_execs(const Instance *i, const Stack *stack) {
        g_autoptr(GStrvBuilder) execs = g_strv_builder_new();

        for (unsigned l = stack->len; l > 0; l--) {
                const Layer *layer = &g_array_index(stack, Layer, l - 1);
                const Overlay *o = overlay_find(i->manager, layer->overlay);
                g_autofree char *file = g_strdup_printf("server_%s.cfg", layer->overlay);
                struct stat st;
                int fd;

                fd = overlay_open_directory(o, layer->version, "left4dead2/cfg");
                if (fd < 0)
                        continue;

                if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISREG(st.st_mode))
                        g_strv_builder_add(execs, layer->overlay);
                (void) close(fd);
        }

        return g_strv_builder_end(execs);
}

/* New at each start, and nobody but the server and the manager ever sees it. */
static int render_password(char **ret) {
        uint8_t bytes[16];
        GString *text;

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
                return -EIO;

        text = g_string_new("rcon_password \"");
        for (size_t k = 0; k < sizeof(bytes); k++)
                g_string_append_printf(text, "%02x", bytes[k]);
        g_string_append(text, "\"\n");

        explicit_bzero(bytes, sizeof(bytes));
        *ret = g_string_free(text, FALSE);
        return 0;
}

static int write_files(const Instance *i, int fd, const Stack *stack) {
        g_autofree char *layers = stack_render(stack), *cfg = NULL, *secret = NULL;
        g_autoptr(GByteArray) argv = instance_config_render_argv(i->config);
        g_auto(GStrv) execs = find_execs(i, stack);
        int r;

        cfg = instance_config_render_cfg(i->config, i->name, (const char *const *) execs);

        r = render_password(&secret);
        if (r >= 0)
                r = file_write(fd, "stack", layers, strlen(layers), 0640);
        if (r >= 0)
                r = file_write(fd, "argv", argv->data, argv->len, 0640);
        if (r >= 0)
                r = file_write(fd, "server.cfg", cfg, strlen(cfg), 0640);
        if (r >= 0)
                r = file_write(fd, "left4me.cfg", secret, strlen(secret), 0640);

        if (secret)
                explicit_bzero(secret, strlen(secret));
        return r;
}

int instance_write_files(Instance *i, sd_bus_error *error) {
        g_autoptr(Stack) stack = NULL;
        int fd, r;

        r = instance_plan_stack(i, &stack, error);
        if (r < 0)
                return r;

        fd = directory_make(i->manager->instances_fd, i->name, 0750);
        r = fd;
        if (fd >= 0) {
                r = write_files(i, fd, stack);
                (void) close(fd);
        }

        if (r < 0)
                return bus_error_set_io(error, r, "Cannot write the files of the server");

        g_clear_pointer(&i->written, g_array_unref);
        i->written = g_steal_pointer(&stack);
        return 0;
}
