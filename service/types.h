/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Forward types of the service, and the cleanup functions that GLib's g_autoptr() needs for libsystemd's types. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Auth Auth;
typedef struct Config Config;
typedef struct Conflicts Conflicts;
typedef struct Cpus Cpus;
typedef struct Firewall Firewall;
typedef struct Instance Instance;
typedef struct InstanceConfig InstanceConfig;
typedef struct Job Job;
typedef struct JournalReader JournalReader;
typedef struct JournalWatch JournalWatch;
typedef struct Manager Manager;
typedef struct Mounts Mounts;
typedef struct Overlay Overlay;
typedef struct Qos Qos;
typedef struct Presence Presence;
typedef struct Request Request;
typedef struct Shield Shield;
typedef struct Shapers Shapers;
typedef struct Slice Slice;
typedef struct Steam Steam;
typedef struct Store Store;
typedef struct Unit Unit;
typedef struct Units Units;
typedef struct Workshop Workshop;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)
